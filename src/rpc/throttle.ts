import type { Clock } from '../base/clock.ts';

/** How often the same complaint is written, in milliseconds: callers must not be able to fill the log. */
export const COMPLAINT_MS = 10_000;

/** Lets one log line through at a time, and counts what it held back. */
export class Throttle {
  readonly #clock: Clock;
  #next = Number.NEGATIVE_INFINITY;
  #held = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `write` with the number of times that it was held back since it was last called, or holds it back. */
  run(write: (held: number) => void): void {
    const now = this.#clock.monotonic();
    if (now < this.#next) {
      this.#held += 1;
      return;
    }
    this.#next = now + COMPLAINT_MS;
    const held = this.#held;
    this.#held = 0;
    write(held);
  }
}
