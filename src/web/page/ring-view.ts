import type { State } from '../api.ts';
import { byId, h, KeyedList } from './dom.ts';
import { bytes, count, duration, rate } from './format.ts';
import { standing } from './health.ts';
import { Pager } from './paging.ts';
import { drawing } from './ring-drawing.ts';
import { Table } from './table.ts';
import { type VolcanoCard, volcanoCard } from './volcano-card.ts';

/** Volcanos on a page of cards. */
export const CARDS_PAGE = 12;
/** Rows of the table of slices. */
export const RUNS_SHOWN = 200;

/** The ring: a picture, a card for each volcano, and the same as tables. */
export class RingView {
  readonly #picture = h('div', { class: 'picture' });
  readonly #cards = h('ul', { class: 'volcanos' });
  readonly #list: KeyedList<VolcanoCard>;
  readonly #pager = new Pager(CARDS_PAGE, 'volcanos', () => this.#show());
  readonly #volcanos = new Table<never>(
    'The volcanos of the ring',
    ['Volcano', 'State', 'Address', 'Slices', 'Mirrors', 'Filling', 'Calls', 'Free', 'Behind', 'Heard'].map(
      (title, index) => ({
        title,
        numeric: index > 2,
      }),
    ),
    null,
    'plain-table',
  );
  readonly #runs = new Table<never>(
    'Which volcanos have which slices',
    [{ title: 'Slices' }, { title: 'Answered by' }, { title: 'Mirrored by' }, { title: 'Being filled' }],
    null,
    'plain-table',
  );
  readonly #details: HTMLDetailsElement;
  #state: State | null = null;
  #drawn = '';
  #over: number | null = null;
  #pinned: string | null = null;

  constructor() {
    this.#details = h(
      'details',
      {},
      h('summary', {}, 'The same as tables'),
      h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Volcanos' }, this.#volcanos.element),
      h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Slices' }, this.#runs.element),
    );
    this.#details.addEventListener('toggle', () => this.#tables());
    this.#list = new KeyedList(this.#cards, (card) =>
      volcanoCard(card, {
        over: (index) => this.#highlight(index),
        pin: (id) => {
          this.#pinned = this.#pinned === id ? null : id;
          this.#show();
        },
      }),
    );
    byId('ring').append(
      h('div', { class: 'ring-body' }, this.#picture, h('div', { class: 'cards' }, this.#cards, this.#pager.element)),
      legend(),
      this.#details,
    );
    new ResizeObserver(() => this.#draw()).observe(this.#picture);
  }

  update(state: State): void {
    this.#state = state;
    if (!state.volcanos.some(({ id }) => id === this.#pinned)) this.#pinned = null;
    this.#show();
    this.#tables();
  }

  #show(): void {
    const state = this.#state;
    if (state === null) return;
    const cards = state.volcanos.map((volcano, index) => ({
      volcano,
      index,
      of: state.volcanos.length,
      now: state.now,
      pinned: volcano.id === this.#pinned,
    }));
    this.#list.show(this.#pager.of(cards), ({ volcano }) => volcano.id);
    this.#draw();
  }

  #draw(): void {
    const state = this.#state;
    const width = Math.floor(this.#picture.clientWidth);
    if (state === null || width === 0) return;
    const { runs, volcanos, singleCopies, copies } = state;
    const seen = volcanos.map(({ nickname, figures, away, filling, warnings }) => [
      nickname,
      figures?.load,
      figures?.availableBytes,
      away,
      filling,
      warnings.length,
    ]);
    const drawn = JSON.stringify([width, runs, seen, singleCopies, copies]);
    if (drawn !== this.#drawn) this.#picture.replaceChildren(drawing(state, width, (index) => this.#highlight(index)));
    this.#drawn = drawn;
    this.#highlight(this.#over);
  }

  #highlight(index: number | null): void {
    this.#over = index;
    const pinned = this.#state?.volcanos.findIndex(({ id }) => id === this.#pinned) ?? -1;
    const lit = index ?? (pinned < 0 ? null : pinned);
    this.#picture.classList.toggle('choosing', lit !== null);
    for (const part of this.#picture.querySelectorAll<SVGElement>('[data-volcano]'))
      part.classList.toggle('lit', part.dataset.volcano === String(lit));
    for (const card of this.#cards.children)
      card.classList.toggle('lit', lit !== null && (card as HTMLElement).dataset.volcano === String(lit));
  }

  #tables(): void {
    const state = this.#state;
    if (state === null || !this.#details.open) return;
    const name = (index: number): string => state.volcanos[index]?.nickname ?? '?';
    const names = (all: readonly number[]): string => all.map(name).join(', ') || '–';
    this.#volcanos.body.replaceChildren(
      ...state.volcanos.map((volcano) => {
        const { figures, heardMs, self } = volcano;
        const { word } = standing(volcano, state.now);
        const heard = self ? 'this one' : heardMs === null ? 'never' : `${duration(state.now - heardMs)} ago`;
        return this.#volcanos.row(
          volcano.nickname,
          word,
          volcano.address,
          count(volcano.slices),
          count(volcano.mirrors),
          count(volcano.filling),
          figures === null ? '–' : rate(figures.load),
          figures === null ? '–' : bytes(figures.availableBytes),
          figures === null ? '–' : count(figures.lagRecords),
          heard,
        );
      }),
    );
    this.#runs.body.replaceChildren(
      ...state.runs
        .slice(0, RUNS_SHOWN)
        .map((run) =>
          this.#runs.row(
            run.count === 1 ? `${run.first}` : `${run.first}–${run.first + run.count - 1}`,
            name(run.primary),
            names(run.inSync),
            names(run.filling),
          ),
        ),
    );
  }
}

function legend(): HTMLElement {
  const part = (style: string, text: string): HTMLElement => h('li', {}, h('i', { class: `key ${style}` }), text);
  return h(
    'ul',
    { class: 'legend', 'aria-label': 'What the ring shows' },
    part('primary', 'outer ring: who answers'),
    part('mirror', 'inner rings: mirrors'),
    part('filling', 'being filled'),
    part('missing', 'no copy'),
    part('dead', '✕ away'),
  );
}
