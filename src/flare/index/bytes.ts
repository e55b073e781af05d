import { KEY_BYTES, SLICES } from '../keys.ts';

/** Bytes that are written one value after the other; they grow as needed. Numbers are big endian. */
export class ByteWriter {
  #bytes: Buffer;
  #view: DataView;
  #at = 0;

  /** `memory` is written to until it is full. */
  constructor(memory: ArrayBuffer) {
    this.#bytes = Buffer.from(memory);
    this.#view = new DataView(memory);
  }

  /** How many were written. */
  get length(): number {
    return this.#at;
  }

  /** Writes from there on from now on. */
  seek(at: number): void {
    this.#at = at;
  }

  /** What was written; aliases the writer's memory, which may be larger. */
  get written(): Buffer {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Makes room for that many more: to be called before they are written. */
  reserve(length: number): void {
    const needed = this.#at + length;
    if (needed <= this.#bytes.length) return;
    const memory = new ArrayBuffer(Math.max(needed, this.#bytes.length * 2));
    const bytes = Buffer.from(memory);
    this.#bytes.copy(bytes, 0, 0, this.#at);
    this.#bytes = bytes;
    this.#view = new DataView(memory);
  }

  uint8(value: number): void {
    this.#bytes[this.#at++] = value;
  }

  uint16(value: number): void {
    this.#view.setUint16(this.#at, value);
    this.#at += 2;
  }

  uint32(value: number): void {
    this.#view.setUint32(this.#at, value);
    this.#at += 4;
  }

  /** A whole number up to 2^53. */
  number(value: number): void {
    this.#view.setFloat64(this.#at, value);
    this.#at += 8;
  }

  /** A string of characters below 256, a byte each, without its length. */
  text(value: string): void {
    this.#at += this.#bytes.write(value, this.#at, 'latin1');
  }

  raw(value: Uint8Array): void {
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
  }

  /** Leaves room for a 32-bit number; returns where, for `fill`. */
  hole(): number {
    this.#at += 4;
    return this.#at - 4;
  }

  fill(hole: number, value: number): void {
    this.#view.setUint32(hole, value);
  }
}

/** Reads what `ByteWriter` wrote. Throws RangeError beyond the end. */
export class ByteReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = at;
  }

  get at(): number {
    return this.#at;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  uint8(): number {
    return this.#view.getUint8(this.#at++);
  }

  uint16(): number {
    this.#at += 2;
    return this.#view.getUint16(this.#at - 2);
  }

  uint32(): number {
    this.#at += 4;
    return this.#view.getUint32(this.#at - 4);
  }

  number(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8);
  }

  text(length: number): string {
    return this.raw(length).toString('latin1');
  }

  /** Aliases what is read from. */
  raw(length: number): Buffer {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#bytes.length) throw new RangeError('the bytes end too early');
    return this.#bytes.subarray(start, this.#at);
  }
}

/** All keys of a slice lie between these two, which are none. */
export function keysOfSlice(slice: number): readonly [first: Buffer, end: Buffer] {
  const end = slice + 1 < SLICES ? Buffer.of(slice + 1) : Buffer.alloc(KEY_BYTES + 1, 0xff);
  return [Buffer.of(slice), end];
}
