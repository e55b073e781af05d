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

/** The network's key, or what tells whether bytes are it: it may be changed while all goes on. */
export type KeyCheck = string | ((given: Uint8Array) => Promise<boolean>);

/** Looks at keys that operators give. Wrong ones are counted, by address and all together: who has had his share is not looked at for a while. */
export class Guesses {
  readonly #logger: Logger;
  readonly #is: (given: Uint8Array) => boolean | Promise<boolean>;
  readonly #counts: WrongCounts;
  #looking: Promise<unknown> = Promise.resolve();

  constructor(clock: Clock, logger: Logger, key: KeyCheck) {
    this.#logger = logger;
    if (typeof key === 'string') {
      const wanted = digest(Buffer.from(key));
      // Digests of one length are compared, all of them: it takes as long whatever was given.
      this.#is = (given) => timingSafeEqual(digest(given), wanted);
    } else this.#is = key;
    this.#counts = new WrongCounts(clock, BOUNDS);
  }

  /** No more keys are looked at from there for now. */
  isExhausted(address: string): boolean {
    return this.#counts.isExhausted(address);
  }

  /** Whether those bytes are the key. A wrong one is counted, and logged as given to `where`; one at a time is looked at, so that many at a time are not more than are counted. */
  isKey(given: Uint8Array, address: string, where: string): Promise<boolean> {
    const looked = this.#looking.then(() => this.#look(given, address, where));
    this.#looking = looked.catch(() => {});
    return looked;
  }

  async #look(given: Uint8Array, address: string, where: string): Promise<boolean> {
    if (this.isExhausted(address)) return false;
    if (await this.#is(given)) return true;
    this.#counts.wrong(address);
    this.#logger.warn({ address: told(address) }, `somebody gave ${where} a wrong key`);
    return false;
  }
}
