import type { Clock } from '../../base/clock.ts';
import type { Eventually } from '../../base/eventually.ts';

/** What was not used of the pace is saved up for so long, in milliseconds. */
const SAVED_MS = 100;

/** Keeps what goes in the background to so many bytes a second, whoever sends it. */
export class Pace {
  readonly #clock: Clock;
  readonly #bytesASecond: number;
  /** When what was spent so far is within the pace, in milliseconds. */
  #due = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, bytesASecond: number) {
    this.#clock = clock;
    this.#bytesASecond = bytesASecond;
  }

  spend(bytes: number): void {
    const earliest = this.#clock.monotonic() - SAVED_MS;
    this.#due = Math.max(this.#due, earliest) + (bytes * 1000) / this.#bytesASecond;
  }

  /** Waits until more may be spent. */
  wait(): Eventually<void> {
    const early = this.#due - this.#clock.monotonic();
    if (early <= 0) return;
    return new Promise((resolve) => void this.#clock.after(early, resolve));
  }
}
