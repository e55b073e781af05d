import type { DiskFile } from '../../base/disk.ts';
import {
  BATCH_ALIGNMENT,
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  type BatchHeader,
  decodeBatchHeader,
  recordsSoundInParts,
} from './format.ts';
import type { LogBatch } from './types.ts';

/** How much is read at once, in bytes. */
const WINDOW_BYTES = 1024 * 1024;

/** Where a walk stands: what it must find next. */
export interface WalkPlace {
  readonly segment: number;
  readonly position: number;
  readonly nextLsn: number;
}

/** Reads the batches of one segment in order, a window at a time. */
export class SegmentWalker {
  readonly #file: DiskFile;
  readonly #logId: Buffer;
  readonly #segment: number;
  readonly #turn: (() => Promise<void>) | null;
  #position: number;
  #nextLsn: number;
  #window: Buffer = Buffer.alloc(0);
  #windowAt = 0;

  /** With `turn`, long batches are checked in parts, and it is awaited between them. */
  constructor(file: DiskFile, logId: Buffer, place: WalkPlace, turn: (() => Promise<void>) | null = null) {
    this.#turn = turn;
    this.#file = file;
    this.#logId = logId;
    this.#segment = place.segment;
    this.#position = place.position;
    this.#nextLsn = place.nextLsn;
  }

  /** Where the next batch must begin. */
  get position(): number {
    return this.#position;
  }

  /** The LSN that the next record must have. */
  get nextLsn(): number {
    return this.#nextLsn;
  }

  /** The next batch; null when there is no sound one where it must be. */
  async next(): Promise<LogBatch | null> {
    const head = await this.#bytes(this.#position, BATCH_HEADER_BYTES);
    const header = decodeBatchHeader(head, 0, this.#segment, this.#position, this.#logId);
    if (header === null || header.firstLsn !== this.#nextLsn) return null;
    const found = await this.#bytes(this.#position, header.length);
    if (found.length < header.length || !(await this.#sound(found, header.count))) return null;
    const bytes = this.#own(found);
    const batch = {
      segment: this.#segment,
      position: this.#position,
      firstLsn: header.firstLsn,
      count: header.count,
      bytes,
    };
    this.#position += header.length;
    this.#nextLsn += header.count;
    return batch;
  }

  async #sound(bytes: Buffer, count: number): Promise<boolean> {
    const parts = recordsSoundInParts(bytes, count);
    for (;;) {
      const { done, value } = parts.next();
      if (done) return value;
      if (this.#turn !== null) await this.#turn();
    }
  }

  /** A batch may be kept: it takes the window with it only if it is most of that. Windows are not used again. */
  #own(found: Buffer): Buffer {
    if (found.length > this.#window.length / 2) return found;
    const bytes = Buffer.allocUnsafeSlow(found.length);
    found.copy(bytes);
    return bytes;
  }

  /** Up to `length` bytes from `position`, fewer at the file's end; valid until the next call. */
  async #bytes(position: number, length: number): Promise<Buffer> {
    const end = this.#windowAt + this.#window.length;
    if (position < this.#windowAt || position + length > end) {
      const window = Buffer.allocUnsafe(Math.max(WINDOW_BYTES, length));
      this.#window = window.subarray(0, await this.#file.read(window, position));
      this.#windowAt = position;
    }
    const start = position - this.#windowAt;
    return this.#window.subarray(start, start + length);
  }
}

/**
 * The first sound batch header behind `after` that says that the log was durable beyond that place: a batch is written only when all before it is durable, so its
 * header alone is proof, whatever became of its records. null when there is none.
 */
export async function findProof(
  file: DiskFile,
  segment: number,
  from: number,
  after: { readonly segment: number; readonly position: number },
  logId: Buffer | null,
): Promise<BatchHeader | null> {
  const window = Buffer.allocUnsafe(WINDOW_BYTES);
  // Windows overlap by one header, so that none is cut in two.
  for (let at = from; ; at += WINDOW_BYTES - 2 * BATCH_HEADER_BYTES) {
    const bytes = window.subarray(0, await file.read(window, at));
    for (let start = 0; start + BATCH_HEADER_BYTES <= bytes.length; start += BATCH_ALIGNMENT) {
      if (bytes.readUInt32BE(start) !== BATCH_MAGIC) continue;
      const header = decodeBatchHeader(bytes, start, segment, at + start, logId);
      if (header === null) continue;
      const { durableSegment, durablePosition } = header;
      if (durableSegment > after.segment) return header;
      if (durableSegment === after.segment && durablePosition > after.position) return header;
    }
    if (bytes.length < WINDOW_BYTES) return null;
  }
}

/** Behind the last byte from `from` on that is not zero in a file of `size` bytes; `from` when all are. */
export async function endOfWritten(file: DiskFile, from: number, size: number): Promise<number> {
  const window = Buffer.allocUnsafe(WINDOW_BYTES);
  for (let end = size; end > from; end = Math.max(from, end - WINDOW_BYTES)) {
    const start = Math.max(from, end - WINDOW_BYTES);
    const bytes = window.subarray(0, await file.read(window.subarray(0, end - start), start));
    for (let last = bytes.length - 1; last >= 0; last--) if (bytes[last] !== 0) return start + last + 1;
  }
  return from;
}
