import { XdrError } from './error.ts';

/**
 * A position in received bytes. Numbers are big endian (RFC 4506 §3); nothing is read beyond `end`.
 * `buffer`, `offset` and `end` are open to the compiled codecs; others use the methods.
 */
export class XdrReader {
  buffer: Buffer;
  /** Where the next byte is read, counted from the start of `buffer`. */
  offset: number;
  /** Where reading stops. */
  end: number;

  constructor(buffer: Buffer, start = 0, end = buffer.length) {
    this.buffer = buffer;
    this.offset = start;
    this.end = end;
  }

  /** Points this reader at other bytes. */
  reset(buffer: Buffer, start = 0, end = buffer.length): this {
    this.buffer = buffer;
    this.offset = start;
    this.end = end;
    return this;
  }

  /** Bytes not yet read. */
  get remaining(): number {
    return this.end - this.offset;
  }

  /** Takes an unsigned 32-bit number. */
  u32(): number {
    const at = this.#take(4);
    const b = this.buffer;
    return ((b[at]! << 24) | (b[at + 1]! << 16) | (b[at + 2]! << 8) | b[at + 3]!) >>> 0;
  }

  /** Takes `length` bytes and their padding to a multiple of four; the result aliases the input. */
  bytes(length: number): Buffer {
    if (length > this.end - this.offset) throw short(this);
    const at = this.#take((length + 3) & ~3);
    return this.buffer.subarray(at, at + length);
  }

  /** Takes a length and that many bytes (RFC 4506 §4.10). */
  varBytes(max: number): Buffer {
    const length = this.u32();
    if (length > max) throw new XdrError(`opaque: ${length} bytes are more than ${max}`);
    return this.bytes(length);
  }

  #take(length: number): number {
    const at = this.offset;
    if (length > this.end - at) throw short(this);
    this.offset = at + length;
    return at;
  }
}

function short(reader: XdrReader): XdrError {
  return new XdrError(`input ends early: ${reader.remaining} bytes left at offset ${reader.offset}`);
}

/** A view of any bytes as a Buffer, without a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
