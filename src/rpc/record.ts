import type { Clock } from '../base/clock.ts';
import { XdrError } from './xdr/error.ts';

/** Memory of so many bytes is taken for a record that comes in pieces as soon as its header says that it has as many; after that only twice of what is there. */
const TRUSTED_BYTES = 64 * 1024;
/** Longer records that come in pieces lie in memory that is used again, where that is asked for; and it is kept up to `KEPT_BYTES`: a little more than the largest request of a Linux client. */
export const OWN_BYTES_MAX = TRUSTED_BYTES;
const KEPT_BYTES = 1280 * 1024;
/** Pieces of memory that a connection keeps for the turns to come. */
const SPARES_MAX = 4;

/** Set in a fragment's header when it is the last of its record (RFC 5531 §11). */
export const LAST_FRAGMENT = 0x80000000;
/** Bytes of a fragment's header. */
export const FRAGMENT_HEADER = 4;

const NOTHING: Buffer = Buffer.alloc(0);

/** Where long records lie. */
export interface RecordMemory {
  /** Memory of at least `bytes` that nobody uses any more; null when there is none. */
  take(bytes: number): Buffer | null;
  /** A record that lies in `memory` has been handed out. */
  lend(memory: Buffer): void;
}

/** The same memory for one record after the other: each is valid until the next `push` or `next`. */
export class NextRecordMemory implements RecordMemory {
  #kept: Buffer | null = null;

  take(bytes: number): Buffer | null {
    const kept = this.#kept;
    if (kept === null || kept.length < bytes) return null;
    this.#kept = null;
    return kept;
  }

  lend(memory: Buffer): void {
    this.#kept = memory;
  }
}

/** Memory for records that are valid until the next turn of the event loop. */
export class TurnRecordMemory implements RecordMemory {
  readonly #clock: Pick<Clock, 'soon'>;
  readonly #spares: Buffer[] = [];

  constructor(clock: Pick<Clock, 'soon'>) {
    this.#clock = clock;
  }

  take(bytes: number): Buffer | null {
    const at = this.#spares.findIndex(({ length }) => length >= bytes);
    return at < 0 ? null : this.#spares.splice(at, 1)[0]!;
  }

  lend(memory: Buffer): void {
    this.#clock.soon(() => {
      if (this.#spares.length === SPARES_MAX) this.#spares.shift();
      this.#spares.push(memory);
    });
  }
}

/** How a `RecordReader` deals with memory; without it, what it is given and what it gives stays as it is. */
export interface RecordManners {
  /** For records above `OWN_BYTES_MAX` bytes that come in pieces. */
  readonly memory?: RecordMemory;
  /** What is pushed is valid only until the handler of it returns: records that lie in it are copied. */
  readonly lent?: boolean;
}

/**
 * Finds the records in a stream of bytes (RFC 5531 §11, record marking). Memory is taken as bytes come, on a header's word no more than `TRUSTED_BYTES`.
 * A record that lies in one chunk is not copied, unless the chunk is lent; others lie in memory of their own, or in what `RecordManners` gives.
 */
export class RecordReader {
  readonly #recordBytes: number;
  readonly #fragments: number;
  /** What has come of a record that does not lie in one chunk. */
  #memory = NOTHING;
  #gathered = 0;
  readonly #memories: RecordMemory | null;
  readonly #lent: boolean;
  #chunk = NOTHING;
  #at = 0;
  #headerBytes = 0;
  #header = 0;
  /** Bytes of the current fragment that are still to come. */
  #missing = 0;
  #seen = 0;

  constructor(
    bounds: { readonly recordBytes: number; readonly fragments: number },
    { memory, lent = false }: RecordManners = {},
  ) {
    this.#memories = memory ?? null;
    this.#lent = lent;
    this.#recordBytes = bounds.recordBytes;
    this.#fragments = bounds.fragments;
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
   * The next whole record, valid as long as the chunk is, if it lies in one, or as the `RecordMemory` says, if it lies there. Undefined when more bytes are needed. Throws `XdrError` when a
   * record has too many bytes or fragments: the stream is of no use then.
   */
  next(): Buffer | undefined {
    for (;;) {
      if (this.#headerBytes < FRAGMENT_HEADER && !this.#readHeader()) return undefined;
      const last = this.#header >= LAST_FRAGMENT;
      const there = Math.min(this.#missing, this.waiting);
      const part = this.#chunk.subarray(this.#at, this.#at + there);
      this.#at += there;
      this.#missing -= there;
      if (last && this.#missing === 0 && this.#gathered === 0) {
        this.#reset();
        return this.#lent ? Buffer.from(part) : part;
      }
      this.#gather(part);
      if (this.#missing > 0) return undefined;
      this.#headerBytes = 0;
      if (!last) continue;
      const record = this.#memory.subarray(0, this.#gathered);
      if (record.length > OWN_BYTES_MAX && this.#memory.length <= KEPT_BYTES) this.#memories?.lend(this.#memory);
      this.#memory = NOTHING;
      this.#reset();
      return record;
    }
  }

  #gather(part: Buffer): void {
    const there = this.#gathered + part.length;
    if (there > this.#memory.length) {
      const memory = this.#take(there, there + this.#missing);
      this.#memory.copy(memory, 0, 0, this.#gathered);
      this.#memory = memory;
    }
    part.copy(this.#memory, this.#gathered);
    this.#gathered = there;
  }

  /** Memory for `there` bytes, of at least `length` in the end. */
  #take(there: number, length: number): Buffer {
    const kept = length > OWN_BYTES_MAX ? this.#memories?.take(there) : null;
    return kept ?? Buffer.allocUnsafeSlow(Math.min(length, Math.max(TRUSTED_BYTES, 2 * there)));
  }

  #reset(): void {
    this.#headerBytes = 0;
    this.#seen = 0;
    this.#gathered = 0;
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
    const length = this.#gathered + this.#missing;
    if (length > this.#recordBytes) throw new XdrError(`a record of ${length} bytes, above ${this.#recordBytes}`);
    if (this.#seen > this.#fragments) throw new XdrError(`a record of more than ${this.#fragments} fragments`);
    return true;
  }
}
