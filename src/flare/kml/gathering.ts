import { alignBatch, BATCH_HEADER_BYTES, encodeBatchHeader, RECORD_HEADER_BYTES, recordCrc } from './format.ts';
import type { LogBatch, LogMark } from './types.ts';

/** A batch's memory to begin with, in bytes, at least: a few small groups. */
const FIRST_BYTES_MIN = 16 * 1024;
/** And at most, however large the last one was. */
const FIRST_BYTES_MAX = 1024 * 1024;

/** A batch that still gathers groups, waits for its turn, or is being written. Its place is final from the start. */
export class GatheringBatch {
  readonly segment: number;
  /** Where it will lie in the segment. */
  readonly start: number;
  readonly firstLsn: number;
  #bytes: Buffer;
  #length = BATCH_HEADER_BYTES;
  #count = 0;
  #waiters: PromiseWithResolvers<void> | null = null;

  /** `expected` is a guess of its length, in bytes: a good one saves copying. */
  constructor(place: LogMark, expected: number) {
    this.segment = place.segment;
    this.start = place.position;
    this.firstLsn = place.lsn + 1;
    this.#bytes = Buffer.allocUnsafeSlow(Math.min(Math.max(expected, FIRST_BYTES_MIN), FIRST_BYTES_MAX));
  }

  get lastLsn(): number {
    return this.firstLsn + this.#count - 1;
  }

  /** Its length in the log with `more` bytes of records. */
  lengthWith(more: number): number {
    return alignBatch(this.#length + more);
  }

  /** The mark behind it, as far as it has gathered. */
  get end(): LogMark {
    return { lsn: this.lastLsn, segment: this.segment, position: this.start + this.lengthWith(0) };
  }

  /** Copies one record in; returns where its payload begins in the segment. */
  add(payload: Uint8Array): number {
    const at = this.#length;
    this.#reserve(at + RECORD_HEADER_BYTES + payload.length);
    this.#bytes.writeUInt32BE(payload.length, at);
    this.#bytes.writeUInt32BE(recordCrc(payload), at + 4);
    this.#bytes.set(payload, at + RECORD_HEADER_BYTES);
    this.#length = at + RECORD_HEADER_BYTES + payload.length;
    this.#count++;
    return this.start + at + RECORD_HEADER_BYTES;
  }

  #reserve(length: number): void {
    const needed = alignBatch(length);
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }

  /** Writes the header, which says that all before `durable` is on stable storage, and gives the whole batch. */
  seal(durable: LogMark, logId: Buffer): LogBatch {
    const length = this.lengthWith(0);
    this.#bytes.fill(0, this.#length, length);
    const header = {
      length,
      count: this.#count,
      segment: this.segment,
      position: this.start,
      durableSegment: durable.segment,
      durablePosition: durable.position,
      firstLsn: this.firstLsn,
    };
    encodeBatchHeader(this.#bytes, header, logId);
    const bytes = this.#bytes.subarray(0, length);
    return { segment: this.segment, position: this.start, firstLsn: this.firstLsn, count: this.#count, bytes };
  }

  /** A copy of bytes of the segment that it holds; null when it does not hold all of them. */
  copyOf(position: number, length: number): Buffer | null {
    const at = position - this.start;
    if (at < 0 || at + length > this.#length) return null;
    return Buffer.from(this.#bytes.subarray(at, at + length));
  }

  /** Resolves or rejects with the batch. */
  wait(): Promise<void> {
    this.#waiters ??= Promise.withResolvers<void>();
    return this.#waiters.promise;
  }

  done(): void {
    this.#waiters?.resolve();
  }

  failed(error: Error): void {
    this.#waiters?.reject(error);
  }
}
