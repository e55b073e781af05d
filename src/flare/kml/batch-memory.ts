/** A batch's memory, in bytes, at least: a few small groups. */
const FIRST_BYTES_MIN = 16 * 1024;
/** And at most, however large the one that is expected: it grows when it must. */
const FIRST_BYTES_MAX = 1024 * 1024;
/** How many pieces are kept: for the batch that gathers, the one that is written, and one between them. */
export const KEPT_MAX = 3;
/** A piece longer than this is not kept. */
export const KEPT_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Memory for batches of the log, or what is made of them, used again and again. Taken from the host for each batch it would be given back by V8's collector, which looks through the whole
 * heap each time that enough of it has come together.
 */
export class BatchMemory {
  readonly #kept: Buffer[] = [];
  readonly #keptMax: number;
  readonly #make: (bytes: number) => Buffer;

  /** `keptMax`: how many pieces are kept. `make`: where new ones come from. */
  constructor(keptMax = KEPT_MAX, make: (bytes: number) => Buffer = Buffer.allocUnsafeSlow) {
    this.#keptMax = keptMax;
    this.#make = make;
  }

  /** `bytes` long or longer, but for guesses above 1 MiB; of undefined content. */
  expect(bytes: number): Buffer {
    return this.take(Math.min(Math.max(bytes, FIRST_BYTES_MIN), FIRST_BYTES_MAX));
  }

  /** `bytes` long or longer, of undefined content. */
  take(bytes: number): Buffer {
    let best = -1;
    for (const [at, { length }] of this.#kept.entries()) {
      if (length >= bytes && (best < 0 || length < this.#kept[best]!.length)) best = at;
    }
    return best < 0 ? this.#make(bytes) : this.#kept.splice(best, 1)[0]!;
  }

  /** Keeps what nobody uses any more, or lets go of it, or of a shorter piece. What was transferred elsewhere is gone. */
  giveBack(memory: Buffer): void {
    if (memory.length === 0 || memory.length > KEPT_BYTES_MAX) return;
    this.#kept.push(memory);
    if (this.#kept.length <= this.#keptMax) return;
    let shortest = 0;
    for (const [at, { length }] of this.#kept.entries()) if (length < this.#kept[shortest]!.length) shortest = at;
    this.#kept.splice(shortest, 1);
  }
}
