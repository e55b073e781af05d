import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { takeOldest } from '../base/oldest.ts';
import { told } from './text.ts';

/** Wrong keys that are looked at from one address, and from all together, in `WRONG_MS`. */
export const WRONG_MAX = 6;
export const WRONG_ALL_MAX = 60;
export const WRONG_MS = 10 * 60_000;
/** Addresses whose wrong keys are counted; the one that came first gives way. */
export const ADDRESSES_MAX = 1024;

interface Count {
  wrong: number;
  since: number;
}

function digest(key: Uint8Array): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Looks at keys that operators give. Wrong ones are counted, by address and all together: who has had his share is not looked at for a while. */
export class Guesses {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #key: Buffer;
  readonly #addresses = new Map<string, Count>();
  readonly #all: Count;

  constructor(clock: Clock, logger: Logger, key: string) {
    this.#clock = clock;
    this.#logger = logger;
    this.#key = digest(Buffer.from(key));
    this.#all = { wrong: 0, since: clock.monotonic() };
  }

  /** No more keys are looked at from there for now. */
  isExhausted(address: string): boolean {
    return this.#of(this.#all).wrong >= WRONG_ALL_MAX || this.#of(this.#addresses.get(address)).wrong >= WRONG_MAX;
  }

  /** Whether those bytes are the key. Takes as long whatever they are: digests of one length are compared, all of them. A wrong one is counted, and logged as given to `where`. */
  isKey(given: Uint8Array, address: string, where: string): boolean {
    if (this.isExhausted(address)) return false;
    if (timingSafeEqual(digest(given), this.#key)) return true;
    this.#wrong(address, where);
    return false;
  }

  /** A count, begun anew when its time is over. */
  #of(count: Count = { wrong: 0, since: this.#clock.monotonic() }): Count {
    const now = this.#clock.monotonic();
    if (now - count.since >= WRONG_MS) Object.assign(count, { wrong: 0, since: now });
    return count;
  }

  #wrong(address: string, where: string): void {
    const count = this.#of(this.#addresses.get(address));
    if (!this.#addresses.has(address) && this.#addresses.size >= ADDRESSES_MAX) takeOldest(this.#addresses);
    this.#addresses.set(address, count);
    count.wrong += 1;
    this.#of(this.#all).wrong += 1;
    this.#logger.warn({ address: told(address) }, `somebody gave ${where} a wrong key`);
  }
}
