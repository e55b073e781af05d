import type { Logger } from '../../base/logger.ts';
import { keyText } from '../../flare/keys.ts';
import type { FlareId } from '../../flare/types.ts';

/** How many different complaints are written: whoever holds the ciphertext must not be able to fill the log. */
export const COMPLAINTS_MAX = 1000;

/** Log lines about ciphertext that is none of ours, each of them once. */
export class Complaints {
  readonly #logger: Logger;
  readonly #made = new Set<string>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Says what is wrong with a flare, or with an entry of it: a name of the ciphertext. */
  make({ key }: FlareId, entry: string | null, fault: string): void {
    const flare = keyText(key);
    const text = `${flare}/${entry}/${fault}`;
    if (this.#made.has(text) || this.#made.size > COMPLAINTS_MAX) return;
    this.#made.add(text);
    if (this.#made.size > COMPLAINTS_MAX) {
      this.#logger.error(
        { flare },
        'more of the encrypted tree is broken; no more of it is logged until it is mounted anew',
      );
      return;
    }
    const fields = entry === null ? { flare, fault } : { flare, entry, fault };
    this.#logger.error(fields, 'a part of the encrypted tree cannot be decrypted');
  }

  /** Says that something was left behind that is not shown and does no harm. */
  leftBehind({ key }: FlareId, entry: string, error: unknown): void {
    this.#logger.warn({ flare: keyText(key), entry, err: error }, 'a part of the encrypted tree was left behind');
  }
}
