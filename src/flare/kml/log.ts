import type { Clock } from '../../base/clock.ts';
import type { Disk, DiskFile } from '../../base/disk.ts';
import { type Eventually, isPending } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import { BatchMemory } from './batch-memory.ts';
import { KmlClosedError, KmlReadError, KmlRotError, KmlWedgedError } from './errors.ts';
import {
  BATCH_BYTES_TARGET,
  BATCH_HEADER_BYTES,
  decodeSegmentHeader,
  GROUP_BYTES_MAX,
  LONG_BATCH_BYTES,
  RECORD_BYTES_MAX,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from './format.ts';
import { GatheringBatch } from './gathering.ts';
import { SegmentFiles } from './segment-files.ts';
import { SegmentScan } from './segment-scan.ts';
import { SegmentWalker, type WalkPlace } from './segment-walker.ts';
import { SegmentWriter } from './segment-writer.ts';
import { SyncTimes } from './sync-times.ts';
import type { Appended, Kml, LogBatch, LogMark, Payload, SegmentInfo } from './types.ts';

/** What an open log is made from. */
export interface SegmentLogParts {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly networkId: Buffer;
  readonly logId: Buffer;
  readonly segmentBytes: number;
  /** The older segments. */
  readonly segments: readonly SegmentInfo[];
  /** The new segment, of which only the header is written. */
  readonly writer: SegmentWriter;
  /** Where its first batch will lie. */
  readonly start: LogMark;
}

/** The bytes that a group takes in a batch. Throws RangeError for what no reader would take. */
function groupBytes(payloads: readonly Payload[]): number {
  if (payloads.length === 0) throw new RangeError('a group needs a record');
  let bytes = 0;
  for (const { length } of payloads) {
    if (length === 0 || length > RECORD_BYTES_MAX) {
      throw new RangeError(`a record has 1 to ${RECORD_BYTES_MAX} bytes, not ${length}`);
    }
    bytes += RECORD_HEADER_BYTES + length;
  }
  if (bytes > GROUP_BYTES_MAX) throw new RangeError(`a group has at most ${GROUP_BYTES_MAX} bytes, not ${bytes}`);
  return bytes;
}

async function firstLsnOf(file: DiskFile, name: string, segment: number): Promise<number> {
  const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
  const header = decodeSegmentHeader(bytes.subarray(0, await file.read(bytes, 0)));
  if (header === null) throw new KmlRotError(name, segment, 0, 'its header was sound when the log was opened');
  return header.nextLsn;
}

/** The log on a disk. See `Kml`. */
export class SegmentLog implements Kml {
  readonly #parts: SegmentLogParts;
  readonly #files: SegmentFiles;
  readonly #segments: { number: number; bytes: number }[];
  segmentBytes: number;
  #writer: SegmentWriter;
  #durable: LogMark;
  /** Batches that take no more groups, the one that is being written first. */
  readonly #sealed: GatheringBatch[] = [];
  #gathering: GatheringBatch | null = null;
  readonly #memory: BatchMemory;
  /** The length of the last batch: the next one may well be as long. */
  #lastBytes = 0;
  #running: Promise<void> | null = null;
  #wedged: KmlWedgedError | null = null;
  /** The last LSN that was given before that. */
  #lastGiven: number | null = null;
  #closed = false;
  readonly #syncs: SyncTimes;
  #onDurable: (batch: LogBatch) => Eventually<void> = () => {};
  #onWriting: (batch: LogBatch) => void = () => {};
  #onSealed: (end: LogMark, bytes: number) => void = () => {};
  readonly #onWedged: ((error: Error) => void)[] = [];

  constructor(parts: SegmentLogParts) {
    this.#parts = parts;
    this.#files = new SegmentFiles(parts.disk);
    this.#memory = new BatchMemory(undefined, (bytes) => parts.disk.memory(bytes));
    this.#syncs = new SyncTimes(parts.logger);
    this.segmentBytes = parts.segmentBytes;
    this.#writer = parts.writer;
    this.#durable = parts.start;
    this.#segments = parts.segments.map((segment) => ({ ...segment }));
    this.#segments.push({ number: parts.start.segment, bytes: SEGMENT_HEADER_BYTES });
  }

  get nextLsn(): number {
    return (this.#lastGiven ?? this.#end().lsn) + 1;
  }

  get durable(): number {
    return this.#durable.lsn;
  }

  get durableMark(): LogMark {
    return this.#durable;
  }

  get pendingBytes(): number {
    let bytes = this.#gathering?.lengthWith(0) ?? 0;
    for (const batch of this.#sealed) bytes += batch.lengthWith(0);
    return bytes;
  }

  get syncMs(): number {
    return this.#syncs.median;
  }

  get currentSegment(): number {
    return this.#end().segment;
  }

  /** Where the next batch may begin: behind all that was appended. */
  #end(): LogMark {
    return (this.#gathering ?? this.#sealed.at(-1))?.end ?? this.#durable;
  }

  append(payloads: readonly Payload[]): Appended {
    if (this.#wedged !== null) throw this.#wedged;
    if (this.#closed) throw new KmlClosedError();
    const batch = this.#batchFor(groupBytes(payloads));
    const firstLsn = batch.lastLsn + 1;
    const position = batch.add(payloads[0]!);
    for (let place = 1; place < payloads.length; place++) batch.add(payloads[place]!);
    this.#running ??= this.#run();
    return { firstLsn, lsn: batch.lastLsn, segment: batch.segment, position };
  }

  /** The batch that takes a group of so many bytes: the one that gathers, or a new one behind it. */
  #batchFor(bytes: number): GatheringBatch {
    const gathering = this.#gathering;
    if (gathering !== null) {
      const length = gathering.lengthWith(bytes);
      const fits = gathering.start + length <= this.segmentBytes && length <= BATCH_BYTES_TARGET;
      if (fits) return gathering;
      this.#seal(gathering);
    }
    let place = this.#end();
    const full = place.position + BATCH_HEADER_BYTES + bytes > this.segmentBytes;
    if (full && place.position > SEGMENT_HEADER_BYTES) {
      place = { lsn: place.lsn, segment: place.segment + 1, position: SEGMENT_HEADER_BYTES };
    }
    this.#gathering = new GatheringBatch(place, this.#memory, this.#lastBytes + (this.#lastBytes >> 3));
    return this.#gathering;
  }

  #seal(batch: GatheringBatch): void {
    this.#gathering = null;
    batch.finish(this.segmentBytes);
    this.#sealed.push(batch);
    this.#onSealed(batch.end, batch.lengthWith(0));
  }

  /** Writes batch after batch until there is none. */
  async #run(): Promise<void> {
    while (this.#wedged === null) {
      // All that the event loop brings in this turn goes into the batch.
      await new Promise<void>((resolve) => this.#parts.clock.soon(resolve));
      if (this.#sealed.length === 0 && this.#gathering !== null) this.#seal(this.#gathering);
      const next = this.#sealed[0];
      if (next === undefined) break;
      try {
        await this.#write(next);
      } catch (error) {
        this.wedge(error);
      }
    }
    this.#running = null;
  }

  async #write(gathered: GatheringBatch): Promise<void> {
    const durable = this.#durable;
    const batch = gathered.seal(durable, this.#parts.logId);
    this.#onWriting(batch);
    const began = this.#parts.clock.monotonic();
    if (batch.segment === durable.segment) await this.#writer.write(batch.bytes, batch.position, this.segmentBytes);
    else await this.#roll(batch, durable);
    this.#syncs.took(this.#parts.clock.monotonic() - began);
    if (this.#wedged !== null) return;
    this.#durable = gathered.end;
    this.#segments.at(-1)!.bytes = this.#durable.position;
    this.#sealed.shift();
    this.#lastBytes = batch.bytes.length;
    // What goes past the host's cache is not there to be read at once.
    if (batch.bytes.length < LONG_BATCH_BYTES) this.#files.touch(batch.segment, batch.position, batch.bytes.length);
    let room: Eventually<void>;
    try {
      room = this.#onDurable(batch);
    } finally {
      // Whatever the listener says: the batch is durable.
      gathered.done();
    }
    if (isPending(room)) await room;
    gathered.release();
  }

  /** Begins the next segment with that batch. */
  async #roll(batch: LogBatch, durable: LogMark): Promise<void> {
    const { networkId, logId } = this.#parts;
    const header = {
      number: batch.segment,
      networkId,
      logId,
      previous: durable.segment,
      previousEnd: durable.position,
      nextLsn: batch.firstLsn,
    };
    const full = this.#writer;
    this.#writer = await SegmentWriter.create(this.#parts.disk, header, batch.bytes);
    this.#segments.push({ number: batch.segment, bytes: SEGMENT_HEADER_BYTES });
    await full.close();
  }

  whenDurable(lsn: number): Eventually<void> {
    if (lsn <= this.#durable.lsn) return;
    if (this.#wedged !== null) return Promise.reject(this.#wedged);
    for (const batch of this.#sealed) if (lsn <= batch.lastLsn) return batch.wait();
    if (this.#gathering !== null && lsn <= this.#gathering.lastLsn) return this.#gathering.wait();
    return Promise.reject(new RangeError(`record ${lsn} was never appended: the last one is ${this.nextLsn - 1}`));
  }

  onDurable(listener: (batch: LogBatch) => Eventually<void>): void {
    this.#onDurable = listener;
  }

  onWriting(listener: (batch: LogBatch) => void): void {
    this.#onWriting = listener;
  }

  onSealed(listener: (end: LogMark, bytes: number) => void): void {
    this.#onSealed = listener;
  }

  onWedged(listener: (error: Error) => void): void {
    if (this.#wedged !== null) listener(this.#wedged);
    else this.#onWedged.push(listener);
  }

  wedge(cause: unknown): void {
    if (this.#wedged !== null) return;
    const error = new KmlWedgedError(cause);
    this.#wedged = error;
    this.#lastGiven = this.#end().lsn;
    this.#parts.logger.fatal({ error, durable: this.#durable }, error.message);
    const lost = this.#gathering === null ? this.#sealed : [...this.#sealed, this.#gathering];
    this.#gathering = null;
    for (const batch of lost.splice(0)) batch.failed(error);
    this.#sealed.length = 0;
    for (const listener of this.#onWedged.splice(0)) listener(error);
  }

  read(segment: number, position: number, length: number, lead: number): Eventually<Buffer> {
    for (const batch of this.#sealed) {
      const bytes = batch.segment === segment ? batch.copyOf(position, length) : null;
      if (bytes !== null) return bytes;
    }
    if (this.#gathering?.segment === segment) {
      const bytes = this.#gathering.copyOf(position, length);
      if (bytes !== null) return bytes;
    }
    const known = this.#find(segment);
    if (known === undefined || position < SEGMENT_HEADER_BYTES || position + length > known.bytes) {
      const why = known === undefined ? 'there is no such segment' : `it validly ends at byte ${known.bytes}`;
      return Promise.reject(new KmlReadError({ segment, position, length, lead }, why));
    }
    return this.#files.read({ segment, position, length, lead, end: known.bytes });
  }

  readDamaged(segment: number, record: number): Promise<Buffer | null> {
    const known = this.#find(segment);
    return known === undefined ? Promise.resolve(null) : this.#files.readDamaged(segment, record, known.bytes);
  }

  /** Segment numbers rise but have gaps: looked for by halving. */
  #find(segment: number): { number: number; bytes: number } | undefined {
    let low = 0;
    let high = this.#segments.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#segments[middle]!.number < segment) low = middle + 1;
      else high = middle;
    }
    const found = this.#segments[low];
    return found?.number === segment ? found : undefined;
  }

  segments(): readonly SegmentInfo[] {
    return this.#segments.map(({ number, bytes }) => ({ number, bytes }));
  }

  async dropOldest(segment: number): Promise<void> {
    const oldest = this.#segments[0]!.number;
    if (segment !== oldest) throw new RangeError(`segment ${segment} cannot go: segment ${oldest} is older`);
    if (this.#segments.length === 1) throw new RangeError(`segment ${segment} cannot go: it is being written`);
    this.#segments.shift();
    this.#files.forget(segment);
    await this.#parts.disk.remove(segmentName(segment));
    await this.#parts.disk.syncDirectory('kml');
  }

  async *walkSegment(segment: number): AsyncGenerator<LogBatch> {
    const open = await this.#openWhole(segment);
    try {
      const turn = () => new Promise<void>((resolve) => this.#parts.clock.soon(resolve));
      const walker = new SegmentWalker(open.file, this.#parts.logId, open.place, turn);
      while (walker.position < open.end) {
        const batch = await walker.next();
        if (batch === null) throw open.rotAt(walker.position);
        yield batch;
      }
    } finally {
      await open.file.close();
    }
  }

  async *scanSegment(segment: number): AsyncGenerator<readonly LogBatch[]> {
    const open = await this.#openWhole(segment, true);
    try {
      const memory = (bytes: number) => this.#parts.disk.memory(bytes);
      const scan = new SegmentScan(open.file, this.#parts.logId, open.place, open.end, memory);
      while (scan.position < open.end) {
        const batches = await scan.next();
        if (batches === null) throw open.rotAt(scan.position);
        yield batches;
      }
    } finally {
      await open.file.close();
    }
  }

  /** Opens a segment to be gone through from its first batch to where it is durable now; `once`: as for `Disk.open`. */
  async #openWhole(
    segment: number,
    once = false,
  ): Promise<{
    readonly file: DiskFile;
    readonly place: WalkPlace;
    readonly end: number;
    readonly rotAt: (position: number) => KmlRotError;
  }> {
    const known = this.#find(segment);
    if (known === undefined) throw new RangeError(`there is no segment ${segment}`);
    const end = known.bytes;
    const name = segmentName(segment);
    const file = await this.#parts.disk.open(name, { once });
    try {
      const nextLsn = await firstLsnOf(file, name, segment);
      const rotAt = (position: number) =>
        new KmlRotError(name, segment, position, `the log is durable up to byte ${end}`);
      return { file, place: { segment, position: SEGMENT_HEADER_BYTES, nextLsn }, end, rotAt };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#running;
    // The segment's own header says that all before it is durable: only what came after needs saying.
    if (this.#wedged === null && this.#durable.position > SEGMENT_HEADER_BYTES) {
      this.#seal(new GatheringBatch(this.#durable, this.#memory, 0));
      await this.#run();
    }
    this.#files.closeAll();
    await this.#writer.close();
  }
}
