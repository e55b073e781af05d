import { createHash, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { takeOldest } from '../base/oldest.ts';
import type { Terminal } from './terminal.ts';
import { told } from './text.ts';

/** Keys that one session may try. */
export const TRIES_MAX = 3;
/** Wrong keys that are looked at from one address, and from all together, in `WRONG_MS`. */
export const WRONG_MAX = 6;
export const WRONG_ALL_MAX = 60;
export const WRONG_MS = 10 * 60_000;
/** Addresses whose wrong keys are counted; the one that came first gives way. */
export const ADDRESSES_MAX = 1024;
/** How long the key may take to be typed, in milliseconds. */
export const KEY_MS = 60_000;

interface Count {
  wrong: number;
  since: number;
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text, 'latin1').digest();
}

/** Who comes from another machine must know the network's key. Guesses are counted, by address and all together: who has had his share is not looked at for a while. */
export class Login {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #key: Buffer;
  readonly #addresses = new Map<string, Count>();
  readonly #all: Count;

  constructor(clock: Clock, logger: Logger, key: string) {
    this.#clock = clock;
    this.#logger = logger;
    this.#key = digest(Buffer.from(key, 'utf8').toString('latin1'));
    this.#all = { wrong: 0, since: clock.monotonic() };
  }

  /** Asks for the key; true when it was given. */
  async ask(terminal: Terminal, address: string): Promise<boolean> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if (this.#isExhausted(address)) {
        await terminal.print('Too many wrong keys: come back in ten minutes, or from the volcano itself.\n');
        return false;
      }
      const line = await terminal.line('Key of the network: ', { hidden: true, idleMs: KEY_MS });
      if (typeof line !== 'string') return false;
      if (this.#isKey(line)) return true;
      this.#wrong(address);
      await terminal.print('That is not the key.\n');
    }
    return false;
  }

  /** Takes as long whatever was typed: digests of one length are compared, all of them. */
  #isKey(typed: string): boolean {
    return timingSafeEqual(digest(typed), this.#key);
  }

  #isExhausted(address: string): boolean {
    return this.#of(this.#all).wrong >= WRONG_ALL_MAX || this.#of(this.#addresses.get(address)).wrong >= WRONG_MAX;
  }

  /** A count, begun anew when its time is over. */
  #of(count: Count = { wrong: 0, since: this.#clock.monotonic() }): Count {
    const now = this.#clock.monotonic();
    if (now - count.since >= WRONG_MS) Object.assign(count, { wrong: 0, since: now });
    return count;
  }

  #wrong(address: string): void {
    const count = this.#of(this.#addresses.get(address));
    if (!this.#addresses.has(address) && this.#addresses.size >= ADDRESSES_MAX) takeOldest(this.#addresses);
    this.#addresses.set(address, count);
    count.wrong += 1;
    this.#of(this.#all).wrong += 1;
    this.#logger.warn({ address: told(address) }, 'somebody gave the console a wrong key');
  }
}
