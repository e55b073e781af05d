import type { Clock, Timer } from '../../base/clock.ts';
import type { IndexReader } from '../index/types.ts';
import type { Key } from '../types.ts';

/** Bits of the map, a power of two: a million keys leave 97 of 100 that are not there known to be so, ten million 74. */
const BITS = 2 ** 25;
/** Keys that are read from the index in one step, and milliseconds between steps. */
export const KEYS_LEARNED = 500;
export const LEARN_MS = 2;

/** Keys are SHA-1: any bits of theirs are chance. The first eight are the slice. */
function bitOf(key: Key): number {
  return (
    key.charCodeAt(1) | (key.charCodeAt(2) << 8) | (key.charCodeAt(3) << 16) | ((key.charCodeAt(4) << 24) & (BITS - 1))
  );
}

/**
 * Which keys the index may hold: a bit for each, in 4 MiB. A newborn's key is nearly always free, and so the index need not be asked. What the index held at
 * the start is learned in small steps; until all is, any key may be there. Keys that went stay.
 */
export class KnownKeys {
  readonly #reader: IndexReader;
  readonly #map = new Uint8Array(BITS / 8);
  #complete: boolean;
  #last: { readonly fileid: number; readonly key: Key } | null = null;
  #timer: Timer | null = null;

  constructor(reader: IndexReader) {
    this.#reader = reader;
    this.#complete = reader.totals().flares === 0;
  }

  /** False when the index is sure not to have that key. */
  mayHold(key: Key): boolean {
    if (!this.#complete) return true;
    const bit = bitOf(key);
    return (this.#map[bit >> 3]! & (1 << (bit & 7))) !== 0;
  }

  /** A flare with that key was born. */
  add(key: Key): void {
    const bit = bitOf(key);
    this.#map[bit >> 3]! |= 1 << (bit & 7);
  }

  /** Learns what the index holds, a step now and then, until all is known or `stop` is called. */
  learn(clock: Clock): void {
    if (this.#complete) return;
    this.#timer = clock.after(LEARN_MS, () => {
      if (this.#step()) this.learn(clock);
    });
  }

  /** False when the index cannot be read, which it says itself: then any key may be there. */
  #step(): boolean {
    try {
      const rows = this.#reader.keysAfter(this.#last, KEYS_LEARNED);
      for (const { key } of rows) this.add(key);
      this.#last = rows.at(-1) ?? null;
      this.#complete = rows.length < KEYS_LEARNED;
      return true;
    } catch {
      return false;
    }
  }

  stop(): void {
    this.#timer?.cancel();
  }
}
