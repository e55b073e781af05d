import { IN_HEADER_BYTES } from './numbers.ts';
import { ProtocolError } from './refusal.ts';

const HIGH = 2 ** 32;

/**
 * One request of the kernel: its header (`fuse_in_header`), and a cursor over what follows. The bytes lie in memory that is used again as soon as the request's handler has
 * returned, so all of it is read before the first wait. What does not fit throws `ProtocolError`.
 */
export class Request {
  readonly opcode: number;
  /** Which answer belongs to it; NaN if it is no number that can be told from others, and then it cannot be answered. */
  readonly unique: number;
  readonly nodeid: number;
  readonly uid: number;
  readonly gid: number;
  /** The thread that asks; 0 when the kernel does by itself, or when it is in another process namespace. */
  readonly pid: number;
  /** Whoever asked does not want to wait any more (INTERRUPT). */
  interrupted = false;
  readonly #bytes: Buffer;
  readonly #end: number;
  #at = IN_HEADER_BYTES;

  /** `length` bytes were read. Throws when that is no header, or not as long as the header says. */
  constructor(bytes: Buffer, length: number) {
    if (length < IN_HEADER_BYTES || length > bytes.length) throw new ProtocolError(`a request of ${length} bytes`);
    const said = bytes.readUInt32LE(0);
    if (said !== length) throw new ProtocolError(`a request of ${length} bytes that says it has ${said}`);
    this.#bytes = bytes;
    this.opcode = bytes.readUInt32LE(4);
    this.unique = safe(bytes, 8);
    this.nodeid = safe(bytes, 16);
    this.uid = bytes.readUInt32LE(24);
    this.gid = bytes.readUInt32LE(28);
    this.pid = bytes.readUInt32LE(32);
    // Extensions come last. None was negotiated, so what is there says nothing.
    this.#end = length - 8 * bytes.readUInt16LE(36);
    if (this.#end < IN_HEADER_BYTES) throw new ProtocolError('extensions that are longer than the request');
  }

  /** Bytes that have not been read yet. */
  get left(): number {
    return this.#end - this.#at;
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  /** A whole number below 2^53. */
  u64(): number {
    const value = safe(this.#bytes, this.#take(8));
    if (Number.isNaN(value)) throw new ProtocolError('a number above 2^53');
    return value;
  }

  /** As `u64`, but what is too large becomes Infinity: for offsets and sizes, which users choose. */
  size(): number {
    const value = safe(this.#bytes, this.#take(8));
    return Number.isNaN(value) ? Number.POSITIVE_INFINITY : value;
  }

  /** A signed number; what a double does not hold exactly is rounded. */
  i64(): number {
    const at = this.#take(8);
    return this.#bytes.readInt32LE(at + 4) * HIGH + this.#bytes.readUInt32LE(at);
  }

  /** An unsigned number of 64 bits. */
  large(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8));
  }

  /** So many bytes, as a Latin-1 string. */
  text(length: number): string {
    const at = this.#take(length);
    return this.#bytes.toString('latin1', at, at + length);
  }

  skip(bytes: number): void {
    this.#take(bytes);
  }

  /** The bytes up to a NUL, as a Latin-1 string. */
  name(): string {
    const end = this.#terminated();
    const name = this.#bytes.toString('latin1', this.#at, end);
    this.#at = end + 1;
    return name;
  }

  /** The bytes up to a NUL, copied. */
  target(): Buffer {
    const end = this.#terminated();
    const target = Buffer.from(this.#bytes.subarray(this.#at, end));
    this.#at = end + 1;
    return target;
  }

  /** That many bytes, in the request's own memory. */
  data(length: number): Buffer {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Nothing may be left. */
  finish(): void {
    if (this.left !== 0) throw new ProtocolError(`${this.left} bytes too many`);
  }

  #terminated(): number {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0 || end >= this.#end) throw new ProtocolError('a name without an end');
    return end;
  }

  #take(bytes: number): number {
    const at = this.#at;
    if (bytes > this.#end - at) throw new ProtocolError(`a request that is ${bytes - (this.#end - at)} bytes short`);
    this.#at = at + bytes;
    return at;
  }
}

/** A 64-bit number, or NaN when a double does not hold it exactly. */
function safe(bytes: Buffer, at: number): number {
  const value = bytes.readUInt32LE(at + 4) * HIGH + bytes.readUInt32LE(at);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}
