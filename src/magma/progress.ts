import { type Clock, systemClock, type Timer } from '../base/clock.ts';

/** The line is drawn anew at most this often, in milliseconds. */
export const DRAW_MS = 200;
/** The rate is that of so long a time, in milliseconds. */
export const RATE_MS = 10_000;
/** Places of the bar. */
const BAR = 20;
/** The line's width where a terminal does not say its own, and its least, in characters. */
const COLUMNS = 80;
const COLUMNS_MIN = 20;
const MINUTE = 60;
const HOUR = 3600;

/** How far long work is, for who watches. */
export interface Progress {
  /** So much more is done. */
  add(amount: number): void;
  /** So much more is to be done than was known. */
  expect(amount: number): void;
  /** Nothing more will be expected: from now on a share and the time that is left are shown. */
  known(): void;
  /** Writes a line that stays, above the one that moves. */
  say(line: string): void;
  /** Takes the line away. Nothing may be told afterwards but by `say`. */
  end(): void;
}

/** Where progress is shown. */
export interface Shown {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** What is counted: bytes, or things of that name. */
export type Unit = 'bytes' | { readonly things: string };

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** An amount of bytes for people: `999 B`, `1.5 GiB`. */
export function bytesText(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  // Not 1024: it would be shown as 1000.0 and more.
  for (; amount >= 1000 && unit < UNITS.length - 1; unit++) amount /= 1024;
  return `${unit === 0 ? Math.round(amount) : amount.toFixed(1)} ${UNITS[unit]}`;
}

/** A time for people: `9 s`, `2:03 min`, `1:02 h`. */
export function durationText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (count: number): string => `${count}`.padStart(2, '0');
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return `${Math.floor(whole / MINUTE)}:${two(whole % MINUTE)} min`;
  return `${Math.floor(whole / HOUR)}:${two(Math.floor((whole % HOUR) / MINUTE))} h`;
}

/** One line that is drawn over itself on a terminal: bar, amounts, rate, time left. */
class Bar implements Progress {
  readonly #clock: Clock;
  readonly #to: Shown;
  readonly #what: string;
  readonly #unit: Unit;
  #done = 0;
  #total = 0;
  #known = false;
  #drawnAt = Number.NEGATIVE_INFINITY;
  #drawn = false;
  #timer: Timer | null = null;
  #ended = false;
  /** What was done when, oldest first, over `RATE_MS`. */
  readonly #samples: { readonly at: number; readonly done: number }[];

  constructor(clock: Clock, to: Shown, what: string, unit: Unit) {
    this.#clock = clock;
    this.#to = to;
    this.#what = what;
    this.#unit = unit;
    this.#samples = [{ at: clock.monotonic(), done: 0 }];
    this.#tick();
  }

  add(amount: number): void {
    this.#done += amount;
    this.#due();
  }

  expect(amount: number): void {
    this.#total += amount;
    this.#due();
  }

  known(): void {
    this.#known = true;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
    this.#due();
  }

  say(line: string): void {
    this.#clear();
    this.#to.write(`${line}\n`);
  }

  end(): void {
    this.#ended = true;
    this.#timer?.cancel();
    this.#clear();
  }

  /** Drawn by the clock as well: a time that is left grows while nothing comes. */
  #tick(): void {
    this.#timer = this.#clock.after(DRAW_MS, () => {
      this.#due();
      this.#tick();
    });
  }

  #due(): void {
    const now = this.#clock.monotonic();
    if (this.#ended || now - this.#drawnAt < DRAW_MS) return;
    this.#drawnAt = now;
    this.#samples.push({ at: now, done: this.#done });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at >= RATE_MS) this.#samples.shift();
    const columns = Math.max(COLUMNS_MIN, this.#to.columns || COLUMNS) - 1;
    this.#to.write(`\r\x1b[K${this.#line().slice(0, columns)}`);
    this.#drawn = true;
  }

  #clear(): void {
    if (this.#drawn) this.#to.write('\r\x1b[K');
    this.#drawn = false;
    this.#drawnAt = Number.NEGATIVE_INFINITY;
  }

  #rate(): number {
    const first = this.#samples[0]!;
    const last = this.#samples.at(-1)!;
    return last.at <= first.at ? 0 : ((last.done - first.done) * 1000) / (last.at - first.at);
  }

  #line(): string {
    const rate = this.#rate();
    const done = this.#amount(this.#done);
    const of = this.#known ? 'of' : 'of at least';
    const amounts = this.#known || this.#total > this.#done ? `${done} ${of} ${this.#amount(this.#total)}` : done;
    const parts = [`${this.#what}:`];
    if (this.#known) {
      const share = this.#total === 0 ? 0 : Math.min(1, this.#done / this.#total);
      const full = Math.floor(share * BAR);
      parts.push(`${Math.floor(share * 100)} %`.padStart(5), `[${'#'.repeat(full).padEnd(BAR, '.')}]`);
    }
    parts.push(amounts, `${this.#amount(rate)}/s`);
    if (this.#known && this.#done < this.#total)
      parts.push(rate > 0 ? `${durationText((this.#total - this.#done) / rate)} left` : 'stands still');
    return parts.join(' ');
  }

  #amount(amount: number): string {
    return this.#unit === 'bytes' ? bytesText(amount) : `${Math.round(amount)} ${this.#unit.things}`;
  }
}

/** A bar where `to` is a terminal and it is wanted; else only what is said is written. */
export function progress(
  what: string,
  unit: Unit,
  { wanted = true, to = process.stderr, clock = systemClock }: { wanted?: boolean; to?: Shown; clock?: Clock } = {},
): Progress {
  if (wanted && to.isTTY === true) return new Bar(clock, to, what, unit);
  const nothing = (): void => {};
  return { add: nothing, expect: nothing, known: nothing, end: nothing, say: (line) => void to.write(`${line}\n`) };
}
