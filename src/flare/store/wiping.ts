import { sliceOf } from '../keys.ts';
import type { Key } from '../types.ts';

/** Slices that were wiped, until the index has been too: what it still says of them is not so. */
export class Wiping {
  readonly #flushes = new Map<number, number>();

  /** Whether the index is not to be asked for that key. */
  has(key: Key): boolean {
    return this.#flushes.size > 0 && this.#flushes.has(sliceOf(key));
  }

  /** The slice is wiped; that flush tells the index. */
  add(slice: number, flush: number): void {
    this.#flushes.set(slice, flush);
  }

  /** That flush is applied, and so are all before; returns whether it told of a wipe. */
  applied(flush: number): boolean {
    let any = false;
    for (const [slice, told] of this.#flushes) {
      if (told > flush) continue;
      this.#flushes.delete(slice);
      any = true;
    }
    return any;
  }

  /** The slices that this flush tells of. */
  of(flush: number): number[] {
    return [...this.#flushes].filter(([, told]) => told === flush).map(([slice]) => slice);
  }
}
