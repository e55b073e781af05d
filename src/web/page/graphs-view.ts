import type { State } from '../api.ts';
import { Chart, type Curve } from './chart.ts';
import { type CallHistory, WINDOW_MS } from './counters.ts';
import { attribute, byId, h, KeyedList, say } from './dom.ts';
import { count, milliseconds, rate } from './format.ts';
import { type ProcedureSummary, quantiles, rates, summaries } from './series.ts';
import { Table } from './table.ts';

const EMPTY = 'Nothing was called in the last five minutes.';
const COLOURS = 8;

/** Operations and their latency by procedure, over the last five minutes. */
export class GraphsView {
  readonly #history: CallHistory;
  readonly #volcano = h('select', { id: 'graphs-volcano', on: { change: () => this.#show() } });
  readonly #procedure = h('select', { id: 'graphs-procedure', on: { change: () => this.#show() } });
  readonly #operations = new Chart({
    label: 'Operations a second by procedure',
    stacked: true,
    logarithmic: false,
    format: rate,
    empty: EMPTY,
  });
  readonly #latency = new Chart({
    label: 'Latency',
    stacked: false,
    logarithmic: true,
    format: milliseconds,
    empty: EMPTY,
  });
  readonly #table = new Table<never>(
    'Procedures in the last five minutes',
    [
      { title: 'Procedure' },
      { title: 'Now', numeric: true },
      { title: 'Calls', numeric: true },
      { title: 'p50', numeric: true, help: 'Half of the calls took at most so long' },
      { title: 'p99', numeric: true, help: '99 of 100 calls took at most so long' },
    ],
    null,
    'plain-table',
  );
  readonly #rows: KeyedList<ProcedureSummary>;
  readonly #note = h('p', { class: 'quiet small' });
  readonly #colours = new Map<string, number>();
  #state: State | null = null;

  constructor(history: CallHistory) {
    this.#history = history;
    this.#rows = new KeyedList(this.#table.body, (first) => {
      const cells = [first.name, '', '', '', ''].map((text) => h('span', {}, text));
      return {
        element: this.#table.row(...cells),
        update({ perSecond, calls, p50, p99 }) {
          const texts = [rate(perSecond), count(calls), milliseconds(p50), milliseconds(p99)];
          for (const [index, text] of texts.entries()) say(cells[index + 1]!, text);
        },
      };
    });
    byId('graphs')
      .querySelector('header')!
      .append(h('label', { class: 'choice' }, h('span', {}, 'Volcano'), this.#volcano));
    byId('graphs').append(
      h(
        'div',
        { class: 'charts' },
        h('div', {}, h('h3', {}, 'Operations a second'), this.#operations.element),
        h(
          'div',
          {},
          h(
            'div',
            { class: 'line' },
            h('h3', {}, 'Latency'),
            h('label', { class: 'choice' }, h('span', {}, 'of'), this.#procedure),
          ),
          this.#latency.element,
        ),
      ),
      h(
        'details',
        {},
        h('summary', {}, 'All procedures, last five minutes'),
        h('div', { class: 'scroll', tabindex: 0, role: 'region', 'aria-label': 'Procedures' }, this.#table.element),
      ),
      this.#note,
    );
  }

  update(state: State): void {
    this.#state = state;
    const silent = state.volcanos.filter(({ problem }) => problem !== null).map(({ nickname }) => nickname);
    say(this.#note, silent.length === 0 ? '' : `Not counted, since nothing is told of it: ${silent.join(', ')}.`);
    this.#note.hidden = silent.length === 0;
    this.#show();
  }

  #show(): void {
    const state = this.#state;
    if (state === null) return;
    choices(this.#volcano, [['', 'all'], ...state.volcanos.map(({ nickname }) => [nickname, nickname] as const)]);
    const volcano = this.#volcano.value === '' ? null : this.#volcano.value;
    const { steps } = this.#history;
    const { latencyBoundsMs: bounds, now } = state;
    const all = summaries(steps, volcano, bounds);
    const chosen = this.#procedure.value;
    const names = all.map(({ name }) => name);
    if (chosen !== '' && !names.includes(chosen)) names.push(chosen);
    choices(this.#procedure, [['', 'all procedures'], ...names.map((name) => [name, name] as const)]);
    const procedure = this.#procedure.value === '' ? null : this.#procedure.value;
    const time = { from: now - WINDOW_MS, to: now, steps };
    const lines = rates(steps, volcano);
    this.#paint(lines.map(({ name }) => name).filter((name) => name !== 'others'));
    const curves: Curve[] = lines.map(({ name, values }) => ({
      name,
      values,
      colour: this.#colours.get(name) ?? null,
    }));
    this.#operations.show({ ...time, curves });
    const [p50, p99] = quantiles(steps, volcano, procedure, bounds);
    const known = p50.values.some((value) => value !== null);
    const latency: Curve[] = [
      { ...p99, colour: 0, dashed: true },
      { ...p50, colour: 1 },
    ];
    this.#latency.show({ ...time, curves: known ? latency : [] });
    this.#rows.show(all, ({ name }) => name);
  }

  /** A procedure keeps its colour while it has a line of its own. */
  #paint(names: readonly string[]): void {
    for (const name of this.#colours.keys()) if (!names.includes(name)) this.#colours.delete(name);
    const taken = new Set(this.#colours.values());
    for (const name of names) {
      if (this.#colours.has(name)) continue;
      const free = Array.from({ length: COLOURS }, (_, colour) => colour).find((colour) => !taken.has(colour)) ?? 0;
      this.#colours.set(name, free);
      taken.add(free);
    }
  }
}

/** Has a choice offer these, and stay where it is. */
function choices(select: HTMLSelectElement, all: readonly (readonly [string, string])[]): void {
  const told = JSON.stringify(all);
  if (select.dataset.told === told) return;
  attribute(select, 'data-told', told);
  const { value } = select;
  select.replaceChildren(...all.map(([value, text]) => h('option', { value }, text)));
  select.value = all.some(([one]) => one === value) ? value : '';
}
