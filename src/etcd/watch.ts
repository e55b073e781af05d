import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';

/** A watch that has told nothing for so long, in milliseconds, is begun anew: its connection may be dead. */
export const QUIET_MS = 60_000;
/** The pause before a watch that broke is begun anew, in milliseconds; twice as long each further time, ... */
const PAUSE_FIRST_MS = 100;
/** ... but no longer than this. */
const PAUSE_MAX_MS = 5_000;
/** The longest line of a watch that is looked at, in bytes; what it says is not used. */
const LINE_BYTES_MAX = 4 * 1024 * 1024;

/** What a watch is made with. */
export interface WatchParts {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Begins a stream of answers; ended by the signal. */
  readonly begin: (signal: AbortSignal) => Promise<IncomingMessage>;
  readonly changed: () => void;
}

/** One watch (etcd API, "Watch"), begun anew whenever it breaks: whatever it tells, and each new beginning, is a reason to look. */
export class Watch {
  readonly #parts: WatchParts;
  #abort = new AbortController();
  #timer: Timer | null = null;
  #pause = PAUSE_FIRST_MS;
  #stopped = false;

  constructor(parts: WatchParts) {
    this.#parts = parts;
    void this.#run();
  }

  /** Begins anew: where it was begun nobody may answer any more. */
  renew(): void {
    this.#abort.abort();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#abort.abort();
  }

  async #run(): Promise<void> {
    const { clock, logger, begin, changed } = this.#parts;
    this.#abort = new AbortController();
    try {
      const stream = await begin(this.#abort.signal);
      this.#pause = PAUSE_FIRST_MS;
      let line = 0;
      this.#quiet();
      for await (const piece of stream as AsyncIterable<Buffer>) {
        this.#quiet();
        const end = piece.lastIndexOf(10);
        line = end < 0 ? line + piece.length : piece.length - end - 1;
        if (line > LINE_BYTES_MAX) throw new Error(`a line of more than ${LINE_BYTES_MAX} bytes`);
        // The first answer says that the watch has begun: what changes from then on is told.
        if (end >= 0 && !this.#stopped) changed();
      }
    } catch (error) {
      if (!this.#stopped) logger.debug({ err: error }, 'the watch of etcd broke; it is begun anew');
    }
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = clock.after(this.#pause, () => void this.#run());
    this.#pause = Math.min(2 * this.#pause, PAUSE_MAX_MS);
  }

  #quiet(): void {
    this.#timer?.cancel();
    this.#timer = this.#parts.clock.after(QUIET_MS, () => this.#abort.abort());
  }
}
