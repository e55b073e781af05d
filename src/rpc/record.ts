import { XdrError } from './xdr/error.ts';
import { XdrWriter } from './xdr/writer.ts';

/** Set in a fragment's header when it is the last of its record (RFC 5531 §11). */
export const LAST_FRAGMENT = 0x80000000;
/** Bytes of a fragment's header. */
export const FRAGMENT_HEADER = 4;

/**
 * Finds the records in a stream of bytes (RFC 5531 §11, record marking). Memory is taken as bytes come, never on a header's word.
 * A record that lies in one chunk is not copied.
 */
export class RecordReader {
  readonly #recordBytes: number;
  readonly #fragments: number;
  readonly #gathered: XdrWriter;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  #headerBytes = 0;
  #header = 0;
  /** Bytes of the current fragment that are still to come. */
  #missing = 0;
  #seen = 0;

  constructor(bounds: { readonly recordBytes: number; readonly fragments: number }) {
    this.#recordBytes = bounds.recordBytes;
    this.#fragments = bounds.fragments;
    this.#gathered = new XdrWriter({ limit: Math.max(bounds.recordBytes * 2, 4096) });
  }

  /** Adds what was received. All records of the chunk before must have been taken, or the rest of it is kept by a copy. */
  push(chunk: Buffer): void {
    this.#chunk = this.#at < this.#chunk.length ? Buffer.concat([this.#chunk.subarray(this.#at), chunk]) : chunk;
    this.#at = 0;
  }

  /** Bytes that were received and not yet looked at. */
  get waiting(): number {
    return this.#chunk.length - this.#at;
  }

  /**
   * The next whole record, valid until the next `push` or `next`; undefined when more bytes are needed. Throws `XdrError` when a record has too many bytes
   * or fragments: the stream is of no use then.
   */
  next(): Buffer | undefined {
    for (;;) {
      if (this.#headerBytes < FRAGMENT_HEADER && !this.#readHeader()) return undefined;
      const last = this.#header >= LAST_FRAGMENT;
      const there = Math.min(this.#missing, this.waiting);
      const part = this.#chunk.subarray(this.#at, this.#at + there);
      this.#at += there;
      this.#missing -= there;
      if (last && this.#missing === 0 && this.#gathered.position === 0) {
        this.#reset();
        return part;
      }
      this.#gathered.append(part);
      if (this.#missing > 0) return undefined;
      this.#headerBytes = 0;
      if (!last) continue;
      const record = this.#gathered.copy();
      this.#reset();
      return record;
    }
  }

  #reset(): void {
    this.#headerBytes = 0;
    this.#seen = 0;
    this.#gathered.clear();
  }

  #readHeader(): boolean {
    while (this.#headerBytes < FRAGMENT_HEADER) {
      if (this.#at === this.#chunk.length) return false;
      this.#header = ((this.#header << 8) | this.#chunk[this.#at]!) >>> 0;
      this.#at += 1;
      this.#headerBytes += 1;
    }
    this.#missing = this.#header & ~LAST_FRAGMENT;
    this.#seen += 1;
    const length = this.#gathered.position + this.#missing;
    if (length > this.#recordBytes) throw new XdrError(`a record of ${length} bytes, above ${this.#recordBytes}`);
    if (this.#seen > this.#fragments) throw new XdrError(`a record of more than ${this.#fragments} fragments`);
    return true;
  }
}
