import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { WrongCounts } from '../base/wrong-counts.ts';
import { told } from './text.ts';

/** Wrong keys that are looked at from one address, and from all together, in `WRONG_MS`. */
export const WRONG_MAX = 6;
export const WRONG_ALL_MAX = 60;
export const WRONG_MS = 10 * 60_000;
/** Addresses whose wrong keys are counted; the one that came first gives way. */
export const ADDRESSES_MAX = 1024;

const BOUNDS = { each: WRONG_MAX, all: WRONG_ALL_MAX, milliseconds: WRONG_MS, addresses: ADDRESSES_MAX };

function digest(key: Uint8Array): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Looks at keys that operators give. Wrong ones are counted, by address and all together: who has had his share is not looked at for a while. */
export class Guesses {
  readonly #logger: Logger;
  readonly #key: Buffer;
  readonly #counts: WrongCounts;

  constructor(clock: Clock, logger: Logger, key: string) {
    this.#logger = logger;
    this.#key = digest(Buffer.from(key));
    this.#counts = new WrongCounts(clock, BOUNDS);
  }

  /** No more keys are looked at from there for now. */
  isExhausted(address: string): boolean {
    return this.#counts.isExhausted(address);
  }

  /** Whether those bytes are the key. Takes as long whatever they are: digests of one length are compared, all of them. A wrong one is counted, and logged as given to `where`. */
  isKey(given: Uint8Array, address: string, where: string): boolean {
    if (this.isExhausted(address)) return false;
    if (timingSafeEqual(digest(given), this.#key)) return true;
    this.#counts.wrong(address);
    this.#logger.warn({ address: told(address) }, `somebody gave ${where} a wrong key`);
    return false;
  }
}
