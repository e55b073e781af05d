/** The bytes of one file, holes and all, as plainly as they can be kept: written ranges and chunks. */
export class SparseContent {
  size = 0;
  readonly #chunks = new Map<number, Buffer>();
  /** Disjoint, sorted, half-open ranges that were written and not cut away since. */
  #written: (readonly [start: number, end: number])[] = [];

  /** Bytes that were written and still count: holes are not counted. */
  get used(): number {
    return this.#written.reduce((sum, [start, end]) => sum + end - start, 0);
  }

  /** How much `used` would grow by a write there. */
  growth(offset: number, length: number): number {
    let overlap = 0;
    for (const [start, end] of this.#written)
      overlap += Math.max(0, Math.min(end, offset + length) - Math.max(start, offset));
    return length - overlap;
  }

  read(offset: number, count: number): Buffer {
    const out = Buffer.alloc(Math.max(0, Math.min(count, this.size - offset)));
    eachChunk(offset, out.length, (number, within, length, at) => {
      this.#chunks.get(number)?.copy(out, at, within, within + length);
    });
    return out;
  }

  write(offset: number, data: Uint8Array): void {
    if (data.length === 0) return;
    eachChunk(offset, data.length, (number, within, length, at) => {
      const chunk = this.#chunks.get(number) ?? Buffer.alloc(CHUNK);
      this.#chunks.set(number, chunk);
      chunk.set(data.subarray(at, at + length), within);
    });
    this.#cover(offset, offset + data.length);
    this.size = Math.max(this.size, offset + data.length);
  }

  /** Cuts the file, or grows it with a hole. */
  resize(size: number): void {
    if (size < this.size) {
      this.#written = this.#written
        .filter(([start]) => start < size)
        .map(([start, end]) => [start, Math.min(end, size)] as const);
      for (const [number, chunk] of this.#chunks) {
        if (number * CHUNK >= size) this.#chunks.delete(number);
        else if ((number + 1) * CHUNK > size) chunk.fill(0, size - number * CHUNK);
      }
    }
    this.size = size;
  }

  #cover(from: number, to: number): void {
    const apart = this.#written.filter(([start, end]) => end < from || start > to);
    const touching = this.#written.filter(([start, end]) => end >= from && start <= to);
    const start = Math.min(from, ...touching.map((range) => range[0]));
    const end = Math.max(to, ...touching.map((range) => range[1]));
    this.#written = [...apart, [start, end] as const].sort((a, b) => a[0] - b[0]);
  }
}

const CHUNK = 4096;

function eachChunk(
  offset: number,
  length: number,
  visit: (number: number, within: number, length: number, at: number) => void,
): void {
  for (let at = 0; at < length; ) {
    const number = Math.floor((offset + at) / CHUNK);
    const within = offset + at - number * CHUNK;
    const piece = Math.min(CHUNK - within, length - at);
    visit(number, within, piece, at);
    at += piece;
  }
}
