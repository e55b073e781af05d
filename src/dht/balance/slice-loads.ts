import type { Clock } from '../../base/clock.ts';
import { SLICES } from '../../flare/keys.ts';

/** So many bytes read or written cost about as much as a call without any (docs/balance.md). */
export const BYTES_OF_A_UNIT = 16 * 1024;
/** What was measured for less than that is taken for measured so long, in milliseconds. */
const LEAST_MS = 1_000;

/** What a slice costs its primary, a second. */
export interface Rate {
  readonly calls: number;
  readonly bytes: number;
}

/** What a rate comes to, in units: a call, and what it moves. */
export function unitsOf({ calls, bytes }: Rate): number {
  return calls + bytes / BYTES_OF_A_UNIT;
}

/** Sums by slice of which what is old counts less and less. */
class Fading {
  readonly #fresh = new Float64Array(SLICES);
  readonly #kept = new Float64Array(SLICES);

  add(slice: number, amount: number): void {
    this.#fresh[slice]! += amount;
  }

  fade(factor: number): void {
    for (let slice = 0; slice < SLICES; slice++) {
      this.#kept[slice] = this.#kept[slice]! * factor + this.#fresh[slice]!;
      this.#fresh[slice] = 0;
    }
  }

  of(slice: number): number {
    return this.#kept[slice]!;
  }

  clear(slice: number): void {
    this.#fresh[slice] = 0;
    this.#kept[slice] = 0;
  }
}

/**
 * What is asked of each slice that this volcano is primary of: calls and bytes a second, of late. Counting is an addition; what is older than `fadeMs` counts less than half. A slice that has just come is measured
 * from then on, and by that time alone.
 */
export class SliceLoads {
  readonly #clock: Clock;
  readonly #fadeMs: number;
  readonly #calls = new Fading();
  readonly #bytes = new Fading();
  readonly #measured = new Fading();
  readonly #own = new Uint8Array(SLICES);
  #looked: number;
  #since: number;

  constructor(clock: Clock, fadeMs: number) {
    this.#clock = clock;
    this.#fadeMs = fadeMs;
    this.#looked = clock.monotonic();
    this.#since = this.#looked;
  }

  /** A call was made of a flare of that slice. */
  call(slice: number): void {
    this.#calls.add(slice, 1);
  }

  /** So many bytes of a file of that slice were read or written. */
  moved(slice: number, bytes: number): void {
    this.#bytes.add(slice, bytes);
  }

  /** These slices are this volcano's from now on. */
  own(isOwn: (slice: number) => boolean): void {
    const changed = [...this.#own.keys()].filter((slice) => isOwn(slice) !== (this.#own[slice] === 1));
    if (changed.length === 0) return;
    // The time until now belongs to those that were own.
    this.look();
    for (const slice of changed) {
      this.#own[slice] = 1 - this.#own[slice]!;
      this.#clear(slice);
    }
    this.#since = this.#looked;
  }

  /** For how long the own slices have been the same, in milliseconds. */
  get settledMs(): number {
    return this.#clock.monotonic() - this.#since;
  }

  /** Takes up what was counted since the last look. */
  look(): void {
    const now = this.#clock.monotonic();
    const passed = now - this.#looked;
    this.#looked = now;
    for (let slice = 0; slice < SLICES; slice++) if (this.#own[slice] === 1) this.#measured.add(slice, passed);
    const factor = Math.exp(-passed / this.#fadeMs);
    for (const sums of [this.#calls, this.#bytes, this.#measured]) sums.fade(factor);
    for (let slice = 0; slice < SLICES; slice++) if (this.#own[slice] === 0) this.#clear(slice);
  }

  #clear(slice: number): void {
    for (const sums of [this.#calls, this.#bytes, this.#measured]) sums.clear(slice);
  }

  /** Of a slice, as of the last look. */
  of(slice: number): Rate {
    const seconds = Math.max(this.#measured.of(slice), LEAST_MS) / 1000;
    return { calls: this.#calls.of(slice) / seconds, bytes: this.#bytes.of(slice) / seconds };
  }
}
