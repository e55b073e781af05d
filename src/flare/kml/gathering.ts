import type { BatchMemory } from './batch-memory.ts';
import {
  alignBatch,
  BATCH_BYTES_TARGET,
  BATCH_HEADER_BYTES,
  BATCH_PADDING,
  encodeBatchHeader,
  LONG_BATCH_BYTES,
  RECORD_HEADER_BYTES,
  recordCrc,
} from './format.ts';
import type { LogBatch, LogMark, Payload } from './types.ts';

const NO_BYTES = Buffer.alloc(0);

/** A batch that still gathers groups, waits for its turn, or is being written. Its place is final from the start. */
export class GatheringBatch {
  readonly segment: number;
  /** Where it will lie in the segment. */
  readonly start: number;
  readonly firstLsn: number;
  readonly #memory: BatchMemory;
  #bytes: Buffer;
  #length = BATCH_HEADER_BYTES;
  #count = 0;
  #padding = 0;
  #waiters: PromiseWithResolvers<void> | null = null;

  /** `expected` is a guess of its length, in bytes: a good one saves copying. */
  constructor(place: LogMark, memory: BatchMemory, expected: number) {
    this.segment = place.segment;
    this.start = place.position;
    this.firstLsn = place.lsn + 1;
    this.#memory = memory;
    this.#bytes = memory.expect(expected);
  }

  get lastLsn(): number {
    return this.firstLsn + this.#count - 1;
  }

  /** Its length in the log with `more` bytes of records. */
  lengthWith(more: number): number {
    return alignBatch(this.#length + more) + this.#padding;
  }

  /** No more groups come; the batch must end before `limit`. */
  finish(limit: number): void {
    const end = this.start + this.lengthWith(0);
    const padding = -end & (BATCH_PADDING - 1);
    const long = this.#length >= LONG_BATCH_BYTES && this.#length <= BATCH_BYTES_TARGET && end + padding <= limit;
    if (long) this.#padding = padding;
  }

  /** The mark behind it, as far as it has gathered. */
  get end(): LogMark {
    return { lsn: this.lastLsn, segment: this.segment, position: this.start + this.lengthWith(0) };
  }

  /** Copies one record in; returns where its payload begins in the segment. */
  add(payload: Payload): number {
    const at = this.#length;
    const start = at + RECORD_HEADER_BYTES;
    const end = start + payload.length;
    this.#reserve(end);
    const bytes = this.#bytes;
    if ('head' in payload) {
      const { head, tail } = payload;
      bytes.set(head, start);
      bytes.set(tail, start + head.length);
      for (let zero = start + head.length + tail.length; zero < end; zero++) bytes[zero] = 0;
    } else bytes.set(payload, start);
    bytes.writeUInt32BE(payload.length, at);
    bytes.writeUInt32BE(recordCrc(bytes.subarray(start, end)), at + 4);
    this.#length = end;
    this.#count++;
    return this.start + start;
  }

  #reserve(length: number): void {
    const needed = alignBatch(length);
    if (needed <= this.#bytes.length) return;
    const grown = this.#memory.take(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#memory.giveBack(this.#bytes);
    this.#bytes = grown;
  }

  /** Gives the memory back: what `seal` gave is not valid any more. */
  release(): void {
    this.#memory.giveBack(this.#bytes);
    this.#bytes = NO_BYTES;
    this.#length = 0;
  }

  /** Writes the header, which says that all before `durable` is on stable storage, and gives the whole batch. */
  seal(durable: LogMark, logId: Buffer): LogBatch {
    const length = this.lengthWith(0);
    this.#reserve(length);
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
