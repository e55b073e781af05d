import { XdrError } from './error.ts';

/** Bytes that a writer holds at first. */
const INITIAL_BYTES = 1024;
/** The most bytes that one writer takes, unless it was made with another limit. */
export const WRITER_BYTES_MAX = 256 * 1024 * 1024;
/** A buffer larger than this is let go of when the writer is cleared. */
export const WRITER_BYTES_KEPT = 1280 * 1024;
/** What follows a long string of bytes is mostly little: a writer that grows for one has room for that, too. */
const ROOM_BEHIND = 4096;

/**
 * A growing, reusable buffer of XDR bytes. Numbers are big endian (RFC 4506 §3).
 * `buffer` and `view` change when it grows: they are for the compiled codecs; others use the methods.
 */
export class XdrWriter {
  buffer: Buffer;
  view: DataView;
  /** Bytes written so far; may be set back to drop the last of them. */
  position = 0;
  readonly #limit: number;

  constructor(options: { readonly limit?: number } = {}) {
    this.#limit = options.limit ?? WRITER_BYTES_MAX;
    this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
    this.view = new DataView(this.buffer.buffer);
  }

  /** Makes room for `length` more bytes. Throws `XdrError` above the writer's limit. */
  grow(length: number): void {
    const needed = this.position + length;
    if (needed <= this.buffer.length) return;
    if (needed > this.#limit) throw new XdrError(`output of ${needed} bytes is above the limit of ${this.#limit}`);
    const buffer = Buffer.allocUnsafeSlow(Math.max(needed + ROOM_BEHIND, this.buffer.length * 2));
    this.buffer.copy(buffer, 0, 0, this.position);
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer);
  }

  /** Appends an unsigned 32-bit number; higher bits are cut off. */
  u32(value: number): void {
    this.grow(4);
    this.view.setUint32(this.position, value);
    this.position += 4;
  }

  /** Appends bytes as they are, without length or padding. */
  append(bytes: Uint8Array): void {
    this.grow(bytes.length);
    this.buffer.set(bytes, this.position);
    this.position += bytes.length;
  }

  /** Appends bytes and zeroes up to a multiple of four (RFC 4506 §4.9). */
  opaque(bytes: Uint8Array): void {
    const padding = -bytes.length & 3;
    this.append(bytes);
    this.grow(padding);
    this.buffer.fill(0, this.position, this.position + padding);
    this.position += padding;
  }

  /** Appends a length and that many bytes (RFC 4506 §4.10). */
  varOpaque(bytes: Uint8Array): void {
    this.u32(bytes.length);
    this.opaque(bytes);
  }

  /** Leaves out `length` bytes, whose content is undefined until patched; returns where they begin. */
  reserve(length: number): number {
    this.grow(length);
    const at = this.position;
    this.position += length;
    return at;
  }

  /** Overwrites four bytes that are there already. */
  patchU32(at: number, value: number): void {
    if (at < 0 || at + 4 > this.position) throw new RangeError(`no four bytes at ${at} of ${this.position}`);
    this.view.setUint32(at, value);
  }

  /** What was written from `start` on, as a view: valid until the next write or clear. */
  written(start = 0): Buffer {
    return this.buffer.subarray(start, this.position);
  }

  /** What was written from `start` on, in a buffer of its own. */
  copy(start = 0): Buffer {
    return Buffer.from(this.buffer.subarray(start, this.position));
  }

  /** Drops what was written from `start` on, and goes on in other memory: views of what was written so far stay as they are. */
  handOver(start: number): void {
    const buffer = Buffer.allocUnsafeSlow(this.buffer.length);
    this.buffer.copy(buffer, 0, 0, start);
    this.buffer = buffer;
    this.view = new DataView(buffer.buffer);
    this.position = start;
  }

  /** Starts anew with an empty buffer; the memory is kept for reuse if it is not large. */
  clear(): void {
    this.position = 0;
    if (this.buffer.length > WRITER_BYTES_KEPT) {
      this.buffer = Buffer.allocUnsafeSlow(INITIAL_BYTES);
      this.view = new DataView(this.buffer.buffer);
    }
  }
}
