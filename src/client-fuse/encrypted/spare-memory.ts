/** Less than this is taken from the host each time: that costs little. */
export const SPARE_BYTES_LEAST = 32 * 1024;
/** Pieces that are kept for the next who need them. */
const SPARES_MAX = 4;

/** Memory for large data that live longer than a turn, used again when who took it gives it back. What V8 has to collect of that size makes it look through its whole heap. */
export class SpareMemory {
  readonly #spares: Buffer[] = [];

  /** So many bytes, of undefined content. */
  take(bytes: number): Buffer {
    if (bytes < SPARE_BYTES_LEAST) return Buffer.allocUnsafe(bytes);
    const at = this.#spares.findIndex(({ length }) => length >= bytes);
    const memory = at < 0 ? Buffer.allocUnsafeSlow(bytes) : this.#spares.splice(at, 1)[0]!;
    return memory.subarray(0, bytes);
  }

  /** What was taken, once, when nobody looks at it any more. */
  giveBack({ buffer, length }: Buffer): void {
    if (length < SPARE_BYTES_LEAST) return;
    // The smallest is of least use.
    this.#spares.push(Buffer.from(buffer, 0, buffer.byteLength));
    this.#spares.sort((one, other) => one.length - other.length);
    if (this.#spares.length > SPARES_MAX) this.#spares.shift();
  }
}
