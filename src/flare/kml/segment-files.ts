import type { Disk, DiskFile } from '../../base/disk.ts';
import type { Eventually } from '../../base/eventually.ts';
import { takeOldest } from '../../base/oldest.ts';
import { TurnMemory } from '../../base/turn-memory.ts';
import { BlockCache } from './block-cache.ts';
import { KmlReadError } from './errors.ts';
import { RECORD_BYTES_MAX, RECORD_HEADER_BYTES, recordWhole, segmentName } from './format.ts';
import { SoundRecords } from './sound-records.ts';

/** Files of segments that are open at once at most; those that are being read are not counted. */
export const OPEN_FILES_MAX = 64;
/** What is remembered as being in the host's cache, in bytes. */
const HOT_BLOCK_BYTES = 64 * 1024;
/** How many such blocks are remembered at most: 256 MiB. */
export const HOT_BLOCKS_MAX = 4096;

/** What the reads of one turn take before they get memory of their own, in bytes. */
const TURN_BYTES = 1024 * 1024;
/** What is kept of what is read again and again, in bytes: a read from here costs no system call. */
export const BLOCK_CACHE_BYTES = 16 * 1024 * 1024;

/** What may stand behind the last data of a record, in bytes. */
const PADDING_MAX = 3;

/** A piece of a record, of which the payload begins `lead` bytes before `position`, in a segment that validly ends at `end`. */
export interface PieceOfRecord {
  readonly segment: number;
  readonly position: number;
  readonly length: number;
  readonly lead: number;
  readonly end: number;
}

interface OpenFile {
  file: DiskFile | null;
  readonly opening: Promise<DiskFile>;
  readers: number;
  forgotten: boolean;
}

/** Reads record data out of segments, and checks it: keeps the files open, and remembers what the host has in its cache, and what of that was found sound. */
export class SegmentFiles {
  readonly #disk: Disk;
  /** The least recently used first. */
  readonly #open = new Map<number, OpenFile>();
  readonly #hot = new Set<string>();
  readonly #memory = new TurnMemory(TURN_BYTES);
  readonly #blocks = new BlockCache(BLOCK_CACHE_BYTES);
  readonly #sound = new SoundRecords();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  /** How many files are open. */
  get openFiles(): number {
    return this.#open.size;
  }

  /** How many blocks are remembered. */
  get hotBlocks(): number {
    return this.#hot.size;
  }

  /** Remembers that these bytes were just written or read. */
  touch(segment: number, position: number, length: number): void {
    for (let block = Math.floor(position / HOT_BLOCK_BYTES); block * HOT_BLOCK_BYTES < position + length; block++) {
      const name = `${segment}/${block}`;
      this.#hot.delete(name);
      this.#hot.add(name);
      if (this.#hot.size > HOT_BLOCKS_MAX) takeOldest(this.#hot);
    }
  }

  #isHot(segment: number, position: number, length: number): boolean {
    for (let block = Math.floor(position / HOT_BLOCK_BYTES); block * HOT_BLOCK_BYTES < position + length; block++) {
      if (!this.#hot.has(`${segment}/${block}`)) return false;
    }
    return true;
  }

  /** Exactly those bytes, of a record that is sound; at once when the host has them, and then until the next turn only. Rejects with `KmlReadError`. */
  read(piece: PieceOfRecord): Eventually<Buffer> {
    const { segment, position, length } = piece;
    const block = this.#blocks.get(segment, position, length);
    if (block !== null) return block;
    const file = this.#open.get(segment)?.file;
    if (!file || !this.#isHot(segment, position, length)) return this.#readLater(piece);
    try {
      return this.#readNow(file, piece) ?? this.#readLater(piece);
    } catch {
      return this.#readLater(piece);
    }
  }

  /** As `read`, from the host's cache; null when it is not to be had from there, or not sound. Throws the host's errors. */
  #readNow(file: DiskFile, piece: PieceOfRecord): Buffer | null {
    const { segment, position, length, lead } = piece;
    if (!this.#sound.has(piece)) {
      const record = this.#recordNow(file, piece);
      if (record === null) return null;
      this.#sound.add(piece);
      return pieceOf(record, lead, length);
    }
    const room = this.#blocks.room(segment, position, length);
    const bytes = room ?? this.#memory.take(length);
    if (file.readSync(bytes, position) < length) return null;
    if (room !== null) this.#blocks.keep(segment, position, room);
    return bytes;
  }

  /** The whole record, header included, when the host has all of it and it is sound. */
  #recordNow(file: DiskFile, piece: PieceOfRecord): Buffer | null {
    const start = startOf(piece);
    for (let wanted = leastOf(piece); start + wanted <= piece.end && this.#isHot(piece.segment, start, wanted); ) {
      const bytes = this.#memory.take(wanted);
      if (file.readSync(bytes, start) < wanted) return null;
      const sound = recordWhole(bytes);
      if (typeof sound === 'boolean') return sound ? bytes : null;
      wanted = sound;
    }
    return null;
  }

  async #readLater(piece: PieceOfRecord): Promise<Buffer> {
    const { segment, length, lead } = piece;
    const open = this.#use(segment);
    open.readers++;
    try {
      const file = await open.opening;
      const record = await this.#record(file, piece);
      this.touch(segment, startOf(piece), record.length);
      this.#sound.add(piece);
      return pieceOf(record, lead, length);
    } catch (error) {
      if (error instanceof KmlReadError) throw error;
      throw new KmlReadError(piece, error instanceof Error ? error.message : String(error));
    } finally {
      open.readers--;
      if (open.forgotten) this.#close(open);
      this.#evict();
    }
  }

  /** The record of which the payload begins there, header included, as it lies there, in a segment that ends at `end`; null when it cannot be read, or has no length that could be. */
  async readDamaged(segment: number, record: number, end: number): Promise<Buffer | null> {
    const open = this.#use(segment);
    open.readers++;
    try {
      const file = await open.opening;
      const start = record - RECORD_HEADER_BYTES;
      const header = Buffer.alloc(RECORD_HEADER_BYTES);
      if ((await file.read(header, start)) < RECORD_HEADER_BYTES) return null;
      const length = header.readUInt32BE(0);
      if (length > RECORD_BYTES_MAX || record + length > end) return null;
      const bytes = Buffer.alloc(RECORD_HEADER_BYTES + length);
      return (await file.read(bytes, start)) < bytes.length ? null : bytes;
    } catch {
      return null;
    } finally {
      open.readers--;
      if (open.forgotten) this.#close(open);
      this.#evict();
    }
  }

  /** The whole record, header included, that is sound. */
  async #record(file: DiskFile, piece: PieceOfRecord): Promise<Buffer> {
    const start = startOf(piece);
    for (let wanted = leastOf(piece); ; ) {
      const bytes = Buffer.allocUnsafe(wanted);
      whole(bytes, await file.read(bytes, start), piece);
      const sound = recordWhole(bytes);
      if (sound === true) return bytes;
      if (sound === false || sound <= wanted || start + sound > piece.end) {
        throw new KmlReadError(piece, 'the record there does not have its checksum: it is damaged');
      }
      wanted = sound;
    }
  }

  #use(segment: number): OpenFile {
    let open = this.#open.get(segment);
    if (open === undefined) {
      const opening = this.#disk.open(segmentName(segment));
      open = { file: null, opening, readers: 0, forgotten: false };
      const entry = open;
      opening.then(
        (file) => {
          entry.file = file;
        },
        () => {
          if (this.#open.get(segment) === entry) this.#open.delete(segment);
        },
      );
    }
    this.#open.delete(segment);
    this.#open.set(segment, open);
    return open;
  }

  #evict(): void {
    for (const [segment, open] of this.#open) {
      if (this.#open.size <= OPEN_FILES_MAX) return;
      if (open.readers === 0) this.forget(segment);
    }
  }

  /** Lets go of a segment's file, when nobody reads it any more. */
  forget(segment: number): void {
    const open = this.#open.get(segment);
    if (open === undefined) return;
    this.#open.delete(segment);
    open.forgotten = true;
    this.#close(open);
  }

  #close(open: OpenFile): void {
    // A file that was only read cannot fail to close in a way that matters.
    if (open.readers === 0) open.opening.then((file) => file.close()).catch(() => {});
  }

  closeAll(): void {
    for (const segment of [...this.#open.keys()]) this.forget(segment);
  }
}

/** Where the header of the record begins. */
function startOf({ position, lead }: PieceOfRecord): number {
  return position - lead - RECORD_HEADER_BYTES;
}

/** How long the record is at least, header included; most are as long, for what is asked for is most often all that their data are. */
function leastOf(piece: PieceOfRecord): number {
  const { length, lead, end } = piece;
  return Math.min(end - startOf(piece), RECORD_HEADER_BYTES + lead + length + PADDING_MAX);
}

function pieceOf(record: Buffer, lead: number, length: number): Buffer {
  const start = RECORD_HEADER_BYTES + lead;
  return record.subarray(start, start + length);
}

function whole(bytes: Buffer, read: number, piece: PieceOfRecord): void {
  if (read === bytes.length) return;
  throw new KmlReadError(piece, `the file has only ${read} of ${bytes.length} bytes: it was cut short`);
}
