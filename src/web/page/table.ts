import { type Child, h } from './dom.ts';

/** A column: its head, how it is sorted by a press on that, whether it holds numbers. */
export interface Column<Key extends string> {
  readonly title: string;
  readonly key?: Key;
  readonly numeric?: boolean;
  /** What the title means, in words. */
  readonly help?: string;
}

/** How a table is sorted. */
export interface Sorting<Key extends string> {
  readonly by: Key;
  readonly down: boolean;
}

/** A table whose rows come later. Roles are said in words: on telephones its rows are no rows any more to the style sheet. */
export class Table<Key extends string> {
  readonly element: HTMLElement;
  readonly body: HTMLTableSectionElement;
  sorting: Sorting<Key> | null;
  readonly #columns: readonly Column<Key>[];
  readonly #heads: HTMLElement[];

  /** `down`: keys that begin with their largest value. */
  constructor(
    caption: string,
    columns: readonly Column<Key>[],
    sort: { readonly first: Sorting<Key> | null; readonly down?: readonly Key[]; changed(): void } | null,
    style = '',
  ) {
    this.#columns = columns;
    this.sorting = sort?.first ?? null;
    this.#heads = columns.map((column) => {
      const { title, key, numeric, help } = column;
      const press = (): void => {
        if (key === undefined) return;
        const down = sort?.down?.includes(key) ?? false;
        this.sorting = { by: key, down: this.sorting?.by === key ? !this.sorting.down : down };
        this.#mark();
        sort?.changed();
      };
      const inside: Child =
        key === undefined || sort === null
          ? h('span', { title: help }, title)
          : h('button', { type: 'button', class: 'sort', title: help, on: { click: press } }, title);
      return h('th', { scope: 'col', role: 'columnheader', class: numeric === true ? 'right' : undefined }, inside);
    });
    this.body = h('tbody', { role: 'rowgroup' });
    const head = h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...this.#heads));
    this.element = h(
      'table',
      { role: 'table', class: style },
      h('caption', { class: 'unseen' }, caption),
      head,
      this.body,
    );
    this.#mark();
  }

  /** A row, a child for each column; on telephones each says what it is by `data-title`. */
  row(...cells: Child[]): HTMLTableRowElement {
    return h(
      'tr',
      { role: 'row' },
      ...cells.map((cell, index) => {
        const { title, numeric } = this.#columns[index]!;
        return h('td', { role: 'cell', 'data-title': title, class: numeric === true ? 'right num' : undefined }, cell);
      }),
    );
  }

  #mark(): void {
    for (const [index, { key }] of this.#columns.entries()) {
      const head = this.#heads[index]!;
      if (key !== undefined && key === this.sorting?.by)
        head.setAttribute('aria-sort', this.sorting.down ? 'descending' : 'ascending');
      else head.removeAttribute('aria-sort');
    }
  }
}
