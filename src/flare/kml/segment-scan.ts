import type { DiskFile } from '../../base/disk.ts';
import { BATCH_HEADER_BYTES, type BatchHeader, decodeBatchHeader, recordsFit } from './format.ts';
import type { WalkPlace } from './segment-walker.ts';
import type { LogBatch } from './types.ts';

/** How much is read at once, in bytes, unless a batch is longer. */
const WINDOW_BYTES = 1024 * 1024;
/** Windows begin at multiples of this, and are as long as some of it, so that they can be read past the host's cache. */
const BLOCK_BYTES = 4096;

/**
 * Reads the batches of one segment in order, as many at a time as come with one read. Their headers are checked, and that their records' lengths add up; their
 * records' checksums are not.
 */
export class SegmentScan {
  readonly #file: DiskFile;
  readonly #logId: Buffer;
  readonly #segment: number;
  readonly #end: number;
  #position: number;
  #nextLsn: number;
  readonly #make: (bytes: number) => Buffer;
  #memory: Buffer;
  /** What of it is read, and where in the segment that lies. */
  #window: Buffer;
  #windowAt = 0;

  /** Up to `end`, where a batch ends. `make` gives memory: `Disk.memory`. */
  constructor(
    file: DiskFile,
    logId: Buffer,
    place: WalkPlace,
    end: number,
    make: (bytes: number) => Buffer = Buffer.allocUnsafeSlow,
  ) {
    this.#make = make;
    this.#memory = make(WINDOW_BYTES);
    this.#window = this.#memory.subarray(0, 0);
    this.#file = file;
    this.#logId = logId;
    this.#segment = place.segment;
    this.#position = place.position;
    this.#nextLsn = place.nextLsn;
    this.#end = end;
  }

  /** Where the next batch must begin. */
  get position(): number {
    return this.#position;
  }

  /** The next batches, one at least, whose bytes are there until the next call; empty at the end; null when there is none where it must be. */
  async next(): Promise<readonly LogBatch[] | null> {
    const batches: LogBatch[] = [];
    while (this.#position < this.#end) {
      let header = this.#header();
      if (header === null || this.#left < header.length) {
        if (batches.length > 0) return batches;
        if (!(await this.#read(BATCH_HEADER_BYTES))) return null;
        header = this.#header();
        if (header === null || (this.#left < header.length && !(await this.#read(header.length)))) return null;
      }
      const batch = this.#take(header);
      if (batch === null) return batches.length > 0 ? batches : null;
      batches.push(batch);
    }
    return batches;
  }

  /** How much of the window is left. */
  get #left(): number {
    return this.#windowAt + this.#window.length - this.#position;
  }

  /** The header of the next batch; null when the window holds none, or not enough of it. */
  #header(): BatchHeader | null {
    const at = this.#position - this.#windowAt;
    if (this.#left < BATCH_HEADER_BYTES) return null;
    const header = decodeBatchHeader(this.#window, at, this.#segment, this.#position, this.#logId);
    return header !== null && header.firstLsn === this.#nextLsn ? header : null;
  }

  /** Reads from the next batch on; false when so much is not there. */
  async #read(length: number): Promise<boolean> {
    const start = this.#position - (this.#position % BLOCK_BYTES);
    const needed = this.#position - start + length;
    if (this.#memory.length < needed) this.#memory = this.#make(Math.ceil(needed / BLOCK_BYTES) * BLOCK_BYTES);
    const read = await this.#file.read(this.#memory, start);
    this.#window = this.#memory.subarray(0, read);
    this.#windowAt = start;
    return read >= needed;
  }

  /** The batch; null when its records do not add up. */
  #take({ length, count, firstLsn }: BatchHeader): LogBatch | null {
    const at = this.#position - this.#windowAt;
    const bytes = this.#window.subarray(at, at + length);
    if (!recordsFit(bytes, count)) return null;
    const batch = { segment: this.#segment, position: this.#position, firstLsn, count, bytes };
    this.#position += length;
    this.#nextLsn += count;
    return batch;
  }
}
