import type { Clock } from '../base/clock.ts';
import type { Attributes, FlareId, Key } from '../flare/types.ts';

/** How long what was seen of a flare elsewhere is gone by, in milliseconds. */
export const RECENT_MS = 2_000;
/** Of so many flares at most; who was seen longest ago gives way. */
export const RECENT_MAX = 8_192;

/** What other volcanos have lately said of flares of theirs. */
export class Recent {
  readonly #clock: Clock;
  readonly #seen = new Map<Key, { readonly attributes: Attributes; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  put(attributes: Attributes): void {
    this.#seen.delete(attributes.key);
    this.#seen.set(attributes.key, { attributes, at: this.#clock.monotonic() });
    if (this.#seen.size <= RECENT_MAX) return;
    const [oldest] = this.#seen.keys();
    this.#seen.delete(oldest!);
  }

  /** Undefined when nothing was, or too long ago, or of another generation. */
  get({ key, generation }: FlareId): Attributes | undefined {
    const seen = this.#seen.get(key);
    if (seen === undefined || seen.attributes.generation !== generation) return undefined;
    if (this.#clock.monotonic() - seen.at <= RECENT_MS) return seen.attributes;
    this.#seen.delete(key);
    return undefined;
  }
}
