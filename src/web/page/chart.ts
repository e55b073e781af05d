import { h, s, say } from './dom.ts';
import { clockTime, duration } from './format.ts';
import { decades, linear, logarithmic, type Scale, ticks } from './scale.ts';

/** A curve: its values at the ends of the chart's steps; null: not known. */
export interface Curve {
  readonly name: string;
  readonly values: readonly (number | null)[];
  /** Its colour; null: that of what is left. */
  readonly colour: number | null;
  readonly dashed?: boolean;
}

/** What a chart shows, of a length of time. */
export interface ChartData {
  readonly from: number;
  readonly to: number;
  readonly steps: readonly { readonly from: number; readonly to: number }[];
  readonly curves: readonly Curve[];
}

/** How a chart shows it. */
export interface ChartOptions {
  readonly label: string;
  /** Curves stand on each other, or each on the axis. */
  readonly stacked: boolean;
  readonly logarithmic: boolean;
  readonly format: (value: number | null) => string;
  /** For what nothing is known of. */
  readonly empty: string;
}

const HEIGHT = 220;
const LEFT = 58;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 24;

/** Curves over time, with their values at a moment that is chosen by pointer or by the arrow keys: the legend tells them. */
export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #plot: HTMLElement;
  readonly #moment = h('p', { class: 'quiet num moment' });
  readonly #legend = h('ul', { class: 'legend values' });
  #data: ChartData | null = null;
  /** A moment that is looked at. */
  #at: number | null = null;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#plot = h('div', {
      class: 'plot',
      tabindex: 0,
      role: 'slider',
      'aria-label': `${options.label}. The arrow keys read its values.`,
      'aria-orientation': 'horizontal',
      on: {
        pointermove: (event: PointerEvent) => this.#look(this.#under(event.clientX)),
        pointerdown: (event: PointerEvent) => this.#look(this.#under(event.clientX)),
        // A finger that is lifted has left too: what it has pointed at is still to be read.
        pointerleave: ({ pointerType }: PointerEvent) => pointerType !== 'touch' && this.#look(null),
        blur: () => this.#look(null),
        keydown: (event: KeyboardEvent) => this.#key(event),
      },
    });
    this.element = h('div', { class: 'chart' }, this.#plot, this.#moment, this.#legend);
    new ResizeObserver(() => this.#draw()).observe(this.#plot);
  }

  show(data: ChartData): void {
    this.#data = data;
    this.#draw();
  }

  #look(at: number | null): void {
    if (at === this.#at) return;
    this.#at = at;
    this.#draw();
  }

  #under(x: number): number | null {
    const data = this.#data;
    if (data === null) return null;
    const { left, width } = this.#plot.getBoundingClientRect();
    const share = (x - left - LEFT) / (width - LEFT - RIGHT);
    return data.from + Math.min(1, Math.max(0, share)) * (data.to - data.from);
  }

  #key(event: KeyboardEvent): void {
    const steps = this.#data?.steps ?? [];
    if (steps.length === 0) return;
    const now = this.#at === null ? steps.length - 1 : this.#index();
    const moves: Readonly<Record<string, number | null>> = {
      ArrowLeft: now - 1,
      ArrowDown: now - 1,
      ArrowRight: now + 1,
      ArrowUp: now + 1,
      PageDown: now - 15,
      PageUp: now + 15,
      Home: 0,
      End: steps.length - 1,
      Escape: null,
    };
    const to = moves[event.key];
    if (to === undefined) return;
    event.preventDefault();
    this.#look(to === null ? null : steps[Math.min(steps.length - 1, Math.max(0, to))]!.to);
  }

  /** The step that is looked at; the last one when none is. */
  #index(): number {
    const steps = this.#data!.steps;
    if (this.#at === null) return steps.length - 1;
    const at = this.#at;
    const found = steps.findIndex(({ to }) => to >= at);
    return found < 0 ? steps.length - 1 : found;
  }

  #draw(): void {
    const data = this.#data;
    const width = Math.floor(this.#plot.clientWidth);
    if (data === null || width === 0) return;
    const x = linear(data.from, data.to);
    const across = (time: number): number => LEFT + Math.max(0, x(time)) * (width - LEFT - RIGHT);
    const { marks, scale } = this.#axis(data);
    const up = (value: number): number => HEIGHT - BOTTOM - scale(value) * (HEIGHT - TOP - BOTTOM);
    const index = this.#index();
    const step = data.steps[index];
    this.#plot.replaceChildren(
      s(
        'svg',
        { width, height: HEIGHT, viewBox: `0 0 ${width} ${HEIGHT}`, 'aria-hidden': 'true' },
        ...marks.flatMap((value) => [
          s('path', { class: 'grid', d: `M${LEFT} ${up(value)}H${width - RIGHT}` }),
          s(
            'text',
            { class: 'tick', x: LEFT - 8, y: up(value) + 4, 'text-anchor': 'end' },
            this.#options.format(value),
          ),
        ]),
        ...minutes(data, width < 420 ? 2 : 1).map(([time, text]) =>
          s(
            'text',
            { class: 'tick', x: across(time), y: HEIGHT - 6, 'text-anchor': time === data.to ? 'end' : 'middle' },
            text,
          ),
        ),
        ...unknown(data).map(({ from, to }) =>
          s('rect', {
            class: 'gap',
            x: across(from),
            y: TOP,
            width: Math.max(1, across(to) - across(from)),
            height: HEIGHT - TOP - BOTTOM,
          }),
        ),
        ...this.#curves(data, across, up),
        this.#at !== null &&
          step !== undefined &&
          s('path', { class: 'cursor', d: `M${across(step.to)} ${TOP}V${HEIGHT - BOTTOM}` }),
      ),
      ...(data.curves.length === 0 ? [h('p', { class: 'empty over' }, this.#options.empty)] : []),
    );
    this.#tell(data, index);
  }

  #axis({ curves, steps }: ChartData): { readonly marks: readonly number[]; readonly scale: Scale } {
    if (this.#options.logarithmic) {
      const values = curves.flatMap(({ values }) => values.filter((value) => value !== null && value > 0)) as number[];
      const marks =
        values.length === 0
          ? [0.1, 1, 10]
          : decades(
              values.reduce((a, b) => Math.min(a, b)),
              values.reduce((a, b) => Math.max(a, b)),
            );
      return { marks, scale: logarithmic(marks[0]!, marks.at(-1)!) };
    }
    const most = steps.reduce((most, _, index) => {
      const here = curves.map(({ values }) => values[index] ?? 0);
      return Math.max(most, this.#options.stacked ? here.reduce((sum, value) => sum + value, 0) : Math.max(0, ...here));
    }, 0);
    const marks = ticks(most, 4);
    return { marks, scale: linear(0, marks.at(-1)!) };
  }

  #curves({ curves, steps }: ChartData, across: Scale, up: Scale): SVGElement[] {
    const base = steps.map(() => 0);
    const drawn: SVGElement[] = [];
    for (const { values, colour, dashed } of curves) {
      const style = colour === null ? 'cx' : `c${colour}`;
      for (const [from, to] of known(values)) {
        const top: string[] = [];
        const bottom: string[] = [];
        for (let index = from; index < to; index++) {
          const value = values[index]! + (this.#options.stacked ? base[index]! : 0);
          const places = index === from ? [steps[index]!.from, steps[index]!.to] : [steps[index]!.to];
          for (const time of places) {
            top.push(`${across(time).toFixed(1)} ${up(value).toFixed(1)}`);
            bottom.push(`${across(time).toFixed(1)} ${up(base[index]!).toFixed(1)}`);
          }
          if (this.#options.stacked) base[index] = value;
        }
        if (this.#options.stacked)
          drawn.push(s('path', { class: `area ${style}`, d: `M${top.join('L')}L${bottom.reverse().join('L')}Z` }));
        drawn.push(s('path', { class: `curve ${style}${dashed === true ? ' dashed' : ''}`, d: `M${top.join('L')}` }));
      }
    }
    return drawn;
  }

  #tell({ curves, steps, to }: ChartData, index: number): void {
    const step = steps[index];
    const ago = step === undefined ? '' : to - step.to < 1000 ? 'now' : `${duration(to - step.to)} ago`;
    const moment = step === undefined ? '' : `${clockTime(step.to)} (${ago})`;
    say(this.#moment, moment);
    const items = curves.map(({ name, values, colour, dashed }) => {
      const value = this.#options.format(values[index] ?? null);
      const swatch = h('i', {
        class: `swatch ${colour === null ? 'cx' : `c${colour}`}${dashed === true ? ' dashed' : ''}`,
        'aria-hidden': 'true',
      });
      return {
        text: `${name} ${value}`,
        element: h('li', {}, swatch, h('span', {}, name), h('b', { class: 'num' }, value)),
      };
    });
    this.#legend.replaceChildren(...items.map(({ element }) => element));
    this.#plot.setAttribute('aria-valuemin', '0');
    this.#plot.setAttribute('aria-valuemax', String(Math.max(0, steps.length - 1)));
    this.#plot.setAttribute('aria-valuenow', String(Math.max(0, index)));
    const text = items.length === 0 ? this.#options.empty : `${moment}: ${items.map(({ text }) => text).join(', ')}`;
    this.#plot.setAttribute('aria-valuetext', text);
  }
}

/** Where values are known, one after the other: from, and up to before. */
export function known(values: readonly (number | null)[]): (readonly [number, number])[] {
  const all: (readonly [number, number])[] = [];
  let from = -1;
  for (const [index, value] of [...values, null].entries()) {
    if (value !== null && from < 0) from = index;
    if (value === null && from >= 0) {
      all.push([from, index]);
      from = -1;
    }
  }
  return all;
}

function unknown({ steps, curves }: ChartData): readonly { readonly from: number; readonly to: number }[] {
  if (curves.length === 0) return [];
  return steps.filter((_, index) => curves.every(({ values }) => values[index] === null));
}

function minutes({ from, to }: ChartData, every: number): (readonly [number, string])[] {
  const marks: (readonly [number, string])[] = [[to, 'now']];
  for (let ago = every; to - ago * 60_000 > from; ago += every) marks.push([to - ago * 60_000, `−${ago} min`]);
  return marks;
}
