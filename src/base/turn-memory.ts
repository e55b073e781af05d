/**
 * Memory for what is used up within one turn of the event loop: the same bytes are given out again in the next. A buffer of 8 KiB for each READ
 * would be taken from the host each time, and V8 would look through its whole heap again and again to give them back.
 */
export class TurnMemory {
  readonly #bytes: number;
  #memory: Buffer | null = null;
  #used = 0;
  readonly #nextTurn = (): void => {
    this.#used = 0;
  };

  /** `bytes` is what one turn may take before it gets memory of its own. */
  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  /** So many bytes, of undefined content, until the next turn begins: all promises that settle in this one have been noticed by then. */
  take(length: number): Buffer {
    if (length > this.#bytes - this.#used) return Buffer.allocUnsafe(length);
    this.#memory ??= Buffer.allocUnsafeSlow(this.#bytes);
    if (this.#used === 0 && length > 0) setImmediate(this.#nextTurn);
    const start = this.#used;
    this.#used += length;
    return this.#memory.subarray(start, this.#used);
  }
}
