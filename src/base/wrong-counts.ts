import type { Clock } from './clock.ts';
import { takeOldest } from './oldest.ts';

/** How many wrong guesses are looked at. */
export interface WrongBounds {
  /** From one address, and from all together, in `milliseconds`. */
  readonly each: number;
  readonly all: number;
  readonly milliseconds: number;
  /** Addresses that are counted; the one that came first gives way. */
  readonly addresses: number;
}

interface Count {
  wrong: number;
  since: number;
}

/** Counts wrong guesses, by address and all together: from who has had his share no more are looked at for a while. */
export class WrongCounts {
  readonly #clock: Clock;
  readonly #bounds: WrongBounds;
  readonly #addresses = new Map<string, Count>();
  readonly #all: Count;

  constructor(clock: Clock, bounds: WrongBounds) {
    this.#clock = clock;
    this.#bounds = bounds;
    this.#all = { wrong: 0, since: clock.monotonic() };
  }

  /** No more guesses are looked at from there for now. */
  isExhausted(address: string): boolean {
    const { each, all } = this.#bounds;
    return this.#of(this.#all).wrong >= all || this.#of(this.#addresses.get(address)).wrong >= each;
  }

  /** One wrong guess from there. */
  wrong(address: string): void {
    const count = this.#of(this.#addresses.get(address));
    if (!this.#addresses.has(address) && this.#addresses.size >= this.#bounds.addresses) takeOldest(this.#addresses);
    this.#addresses.set(address, count);
    count.wrong += 1;
    this.#of(this.#all).wrong += 1;
  }

  /** How many addresses are counted. */
  get size(): number {
    return this.#addresses.size;
  }

  /** A count, begun anew when its time is over. */
  #of(count: Count = { wrong: 0, since: this.#clock.monotonic() }): Count {
    const now = this.#clock.monotonic();
    if (now - count.since >= this.#bounds.milliseconds) Object.assign(count, { wrong: 0, since: now });
    return count;
  }
}
