import type { Clock, Timer } from '../base/clock.ts';
import type { Stream } from '../base/net.ts';
import { LINE_MAX, LineEditor } from './line-editor.ts';
import { Telnet } from './telnet.ts';

/** What a client has typed ahead at most, in bytes; beyond that it is not read on. */
export const INPUT_MAX = 64 * 1024;
/** Output that waits for a client which reads slowly at most, in bytes, before what makes more of it waits. */
export const OUTPUT_MAX = 128 * 1024;
/** What is given to the connection at a time, in bytes. */
const PIECE_BYTES = 16 * 1024;
/** A client that has read nothing for so long while output waits is gone, in milliseconds. */
export const SLOW_MS = 60_000;
/** A session in which nothing is typed ends after this time, in milliseconds. */
export const IDLE_MS = 15 * 60_000;

/** Proposes what may stand in place of the end of what was typed: from byte `start` on. */
export type Complete = (typed: string) => Promise<{ readonly start: number; readonly words: readonly string[] }>;

/** How a line is read. */
export interface Reading {
  /** Nothing of it is shown. */
  readonly hidden?: boolean;
  readonly complete?: Complete;
  /** For how long nothing may be typed, in milliseconds; `IDLE_MS` unless told. */
  readonly idleMs?: number;
}

/** Why there is no line: the client has ended, or was silent for too long, or pressed ^C. */
export type NoLine = 'ended' | 'idle' | 'interrupt';

/** A terminal at the other end of a connection: lines in, text out, both bytes as Latin-1 strings with `\n` between lines. */
export class Terminal {
  readonly #stream: Stream;
  readonly #clock: Clock;
  readonly #telnet: Telnet;
  readonly #editor = new LineEditor();
  /** Typed, and not yet looked at. */
  #input = '';
  #paused = false;
  #inputEnded = false;
  #closed = false;
  #reading: { readonly how: Reading; readonly resolve: (line: string | { none: NoLine }) => void } | null = null;
  #completing = false;
  #lastTyped = 0;
  #idle: Timer | null = null;
  readonly #waiting = new Set<() => void>();
  /** Called when ^C is pressed while no line is read. */
  onInterrupt: () => void = () => {};

  constructor(stream: Stream, clock: Clock) {
    this.#stream = stream;
    this.#clock = clock;
    this.#telnet = new Telnet((bytes) => this.#write(Buffer.from(bytes)));
    stream.onData((data) => this.#receive(data));
    stream.onEnd(() => {
      this.#inputEnded = true;
      this.#advance();
    });
    stream.onDrain(() => this.#awake());
    stream.onClose(() => {
      this.#closed = true;
      this.#inputEnded = true;
      this.#awake();
      this.onInterrupt();
      this.#advance();
    });
    this.#telnet.offer();
  }

  /** The connection is gone: nothing more is shown. */
  get closed(): boolean {
    return this.#closed;
  }

  /** How many columns lists may take; 0: one thing a line, for programs. */
  get columns(): number {
    return this.#telnet.characters ? this.#telnet.columns || 80 : 0;
  }

  /** Shows a prompt and reads a line. One at a time. */
  line(prompt: string, how: Reading = {}): Promise<string | { readonly none: NoLine }> {
    this.#editor.columns = this.#telnet.columns || 80;
    this.#editor.begin(prompt, how.hidden);
    this.#show(this.#editor.output());
    const { promise, resolve } = Promise.withResolvers<string | { none: NoLine }>();
    this.#reading = { how, resolve };
    this.#lastTyped = this.#clock.monotonic();
    this.#watchIdle(how.idleMs ?? IDLE_MS);
    this.#advance();
    return promise;
  }

  /** Shows text. Resolves when there is room for more; at once when the connection is gone. */
  async print(text: string): Promise<void> {
    for (let at = 0; at < text.length && !this.#closed; at += PIECE_BYTES) {
      this.#show(text.slice(at, at + PIECE_BYTES));
      if (this.#stream.queued > OUTPUT_MAX) await this.#room();
    }
  }

  /** Sends what waits, and ends the connection. */
  end(): void {
    if (this.#closed) return;
    this.#clock.after(SLOW_MS, () => this.#stream.destroy());
    this.#stream.end();
  }

  #show(text: string): void {
    if (text !== '') this.#write(Buffer.from(text.replaceAll('\n', '\r\n'), 'latin1'));
  }

  #write(bytes: Uint8Array): void {
    if (!this.#closed) this.#stream.write(bytes);
  }

  #awake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    this.#readOn();
  }

  async #room(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    const timer = this.#clock.after(SLOW_MS, () => this.#stream.destroy());
    await promise;
    timer.cancel();
  }

  #watchIdle(idleMs: number): void {
    this.#idle?.cancel();
    const left = this.#lastTyped + idleMs - this.#clock.monotonic();
    if (left <= 0) this.#resolve({ none: 'idle' });
    else this.#idle = this.#clock.after(left, () => this.#watchIdle(idleMs));
  }

  #resolve(line: string | { none: NoLine }): void {
    const reading = this.#reading;
    this.#reading = null;
    this.#idle?.cancel();
    this.#show(this.#editor.output());
    reading?.resolve(line);
  }

  #receive(data: Buffer): void {
    const typed = this.#telnet.receive(data);
    if (typed === '') return;
    this.#lastTyped = this.#clock.monotonic();
    if (this.#reading === null && typed.includes('\x03')) {
      // What was typed before ^C is not meant any more.
      this.#input = typed.slice(typed.lastIndexOf('\x03') + 1);
      this.onInterrupt();
    } else this.#input += typed;
    this.#advance();
  }

  /** Stops reading while too much is typed ahead, or what is echoed is not read. */
  #readOn(): void {
    const full = this.#input.length > INPUT_MAX || this.#stream.queued > OUTPUT_MAX;
    if (full === this.#paused || this.#closed) return;
    this.#paused = full;
    if (full) this.#stream.pause();
    else this.#stream.resume();
  }

  #advance(): void {
    if (this.#reading !== null && !this.#completing) {
      if (this.#telnet.characters) this.#edit();
      else this.#plain();
    }
    this.#readOn();
  }

  #edit(): void {
    let at = 0;
    while (this.#reading !== null && !this.#completing && at < this.#input.length) {
      const pressed = this.#editor.type(this.#input[at]!);
      at += 1;
      if (pressed === 'more') continue;
      if (pressed === 'complete') void this.#complete();
      else if (pressed === 'interrupt') this.#resolve({ none: 'interrupt' });
      else if (pressed === 'end') this.#resolve({ none: 'ended' });
      else this.#resolve(pressed.line);
    }
    this.#input = this.#input.slice(at);
    this.#show(this.#editor.output());
    if (this.#reading !== null && !this.#completing && this.#inputEnded) this.#resolve({ none: 'ended' });
  }

  /** Whole lines, of who sends them so. */
  #plain(): void {
    const broken = this.#input.lastIndexOf('\x03');
    if (broken >= 0) {
      this.#input = this.#input.slice(broken + 1);
      this.#resolve({ none: 'interrupt' });
      return;
    }
    let end = this.#input.indexOf('\n');
    // A line that is too long is cut: one byte more than may be says so to who looks at it.
    if (end < 0 && this.#input.length > LINE_MAX) {
      this.#input = this.#input.slice(0, LINE_MAX + 1);
      if (!this.#inputEnded) return;
    }
    if (end < 0 && this.#inputEnded) {
      if (this.#input === '' || this.#closed) {
        this.#resolve({ none: 'ended' });
        return;
      }
      end = this.#input.length;
    }
    if (end < 0) return;
    const line = this.#input.slice(0, end);
    this.#input = this.#input.slice(end + 1);
    this.#resolve(line);
  }

  /** Puts in what is the only thing that can follow, as far as it is; else, when there is nothing to put in, shows what can. */
  async #complete(): Promise<void> {
    const complete = this.#reading?.how.complete;
    if (complete === undefined) return;
    this.#completing = true;
    const typed = this.#editor.beforeCursor;
    try {
      const { start, words } = await complete(typed);
      const common = commonStart(words);
      if (words.length === 0) this.#editor.bell();
      else if (words.length === 1 || common.length > typed.length - start) this.#editor.replace(start, common);
      else {
        this.#show(
          `\n${inColumns(
            words.map((word) => word.trimEnd()),
            this.columns,
          ).join('\n')}\n`,
        );
        this.#editor.redraw();
      }
    } catch {
      this.#editor.bell();
    }
    this.#completing = false;
    this.#show(this.#editor.output());
    this.#advance();
  }
}

function commonStart(words: readonly string[]): string {
  const [first = '', ...others] = words;
  let length = first.length;
  for (const word of others) {
    let same = 0;
    while (same < length && word[same] === first[same]) same++;
    length = same;
  }
  return first.slice(0, length);
}

/** Words in as many columns as there is room for, filled from above; with `columns` 0 one a line. */
export function inColumns(words: readonly string[], columns: number): string[] {
  const width = words.reduce((most, word) => Math.max(most, word.length), 0) + 2;
  const across = Math.max(1, Math.floor((columns - 1) / width));
  const rows = Math.ceil(words.length / across);
  return Array.from({ length: rows }, (_, row) =>
    Array.from({ length: across }, (_, column) => words[column * rows + row] ?? '')
      .map((word) => word.padEnd(width))
      .join('')
      .trimEnd(),
  );
}
