import type { Clock, Timer } from '../../../base/clock.ts';

/** Requests that wait for locks at a time; more are answered at once, and ask again. Far fewer than calls may be under way: who gives a lock back must get through. */
export const WAITERS_MAX = 256;

/** Somebody who waits for locks of a flare. */
export interface Waiter {
  /** Resolves when something may be free, or at `end` (of the clock's `monotonic`). */
  turn(end: number): Promise<void>;
  /** Does not wait any more. */
  leave(): void;
}

interface Place {
  wake: (() => void) | null;
  /** Its turn came while it was taking one. */
  missed: boolean;
}

/** Who waits for what, each flare's in the order in which they came: they get their turns in that order. */
export class Waiting {
  readonly #clock: Clock;
  readonly #flares = new Map<string, Set<Place>>();
  #count = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A place in the line; null when there are too many. */
  enter(flare: string): Waiter | null {
    if (this.#count >= WAITERS_MAX) return null;
    this.#count += 1;
    let line = this.#flares.get(flare);
    if (line === undefined) {
      line = new Set();
      this.#flares.set(flare, line);
    }
    const place: Place = { wake: null, missed: false };
    line.add(place);
    return {
      turn: (end) => {
        if (place.missed) {
          place.missed = false;
          return Promise.resolve();
        }
        const { promise, resolve } = Promise.withResolvers<void>();
        const timer: Timer = this.#clock.after(Math.max(0, end - this.#clock.monotonic()), resolve);
        place.wake = resolve;
        return promise.finally(() => {
          place.wake = null;
          timer.cancel();
        });
      },
      leave: () => {
        if (!line.delete(place)) return;
        this.#count -= 1;
        if (line.size === 0 && this.#flares.get(flare) === line) this.#flares.delete(flare);
      },
    };
  }

  /** Something of that flare may be free: all get their turn, one after the other, before anybody who comes now. */
  freed(flare: string): void {
    for (const place of this.#flares.get(flare) ?? []) {
      if (place.wake === null) place.missed = true;
      else place.wake();
    }
  }

  /** All get their turn: to be told that this is not the place to wait any more. */
  all(): void {
    for (const flare of this.#flares.keys()) this.freed(flare);
  }
}
