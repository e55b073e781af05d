import { h, say } from './dom.ts';
import { count } from './format.ts';

/** Buttons to go through pages of a long list, and what is seen of it. */
export class Pager {
  readonly element: HTMLElement;
  readonly size: number;
  readonly #back: HTMLButtonElement;
  readonly #on: HTMLButtonElement;
  readonly #text: HTMLElement;
  #page = 0;
  #pages = 1;

  /** `what`: pages of what, for who does not see them. */
  constructor(size: number, what: string, changed: () => void) {
    this.size = size;
    const go = (step: number) => () => {
      this.#page = Math.min(this.#pages - 1, Math.max(0, this.#page + step));
      changed();
    };
    this.#back = h(
      'button',
      { type: 'button', class: 'plain', 'aria-label': `Earlier ${what}`, on: { click: go(-1) } },
      '‹',
    );
    this.#on = h(
      'button',
      { type: 'button', class: 'plain', 'aria-label': `Further ${what}`, on: { click: go(1) } },
      '›',
    );
    this.#text = h('span', { class: 'quiet num' });
    this.element = h(
      'div',
      { class: 'pager', role: 'group', 'aria-label': `Pages of ${what}` },
      this.#text,
      this.#back,
      this.#on,
    );
  }

  /** Goes to the first page. */
  first(): void {
    this.#page = 0;
  }

  /** The items of the page that is seen. */
  of<Item>(items: readonly Item[]): readonly Item[] {
    this.#pages = Math.max(1, Math.ceil(items.length / this.size));
    this.#page = Math.min(this.#page, this.#pages - 1);
    const from = this.#page * this.size;
    const shown = items.slice(from, from + this.size);
    say(this.#text, `${count(from + 1)}–${count(from + shown.length)} of ${count(items.length)}`);
    // A button that is disabled loses the focus.
    this.#back.setAttribute('aria-disabled', String(this.#page === 0));
    this.#on.setAttribute('aria-disabled', String(this.#page === this.#pages - 1));
    this.element.hidden = this.#pages === 1;
    return shown;
  }
}
