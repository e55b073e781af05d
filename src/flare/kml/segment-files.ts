import type { Disk, DiskFile } from '../../base/disk.ts';
import type { Eventually } from '../../base/eventually.ts';
import { takeOldest } from '../../base/oldest.ts';
import { TurnMemory } from '../../base/turn-memory.ts';
import { BlockCache } from './block-cache.ts';
import { KmlReadError } from './errors.ts';
import { segmentName } from './format.ts';

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

interface OpenFile {
  file: DiskFile | null;
  readonly opening: Promise<DiskFile>;
  readers: number;
  forgotten: boolean;
}

/** Reads record data out of segments: keeps the files open, and remembers what the host has in its cache. */
export class SegmentFiles {
  readonly #disk: Disk;
  /** The least recently used first. */
  readonly #open = new Map<number, OpenFile>();
  readonly #hot = new Set<string>();
  readonly #memory = new TurnMemory(TURN_BYTES);
  readonly #blocks = new BlockCache(BLOCK_CACHE_BYTES);

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

  /** Exactly those bytes; at once when the host has them, and then until the next turn only. Rejects, or throws, `KmlReadError`. */
  read(segment: number, position: number, length: number): Eventually<Buffer> {
    const block = this.#blocks.get(segment, position, length);
    if (block !== null) return block;
    const open = this.#open.get(segment);
    if (open?.file && this.#isHot(segment, position, length)) {
      const room = this.#blocks.room(segment, position, length);
      const bytes = room ?? this.#memory.take(length);
      whole(bytes, open.file.readSync(bytes, position), segment, position);
      if (room !== null) this.#blocks.keep(segment, position, room);
      return bytes;
    }
    return this.#readLater(segment, position, length);
  }

  async #readLater(segment: number, position: number, length: number): Promise<Buffer> {
    const open = this.#use(segment);
    open.readers++;
    try {
      const bytes = Buffer.allocUnsafe(length);
      const file = await open.opening;
      const read = await file.read(bytes, position);
      this.touch(segment, position, length);
      return whole(bytes, read, segment, position);
    } catch (error) {
      if (error instanceof KmlReadError) throw error;
      throw new KmlReadError(segment, position, length, error instanceof Error ? error.message : String(error));
    } finally {
      open.readers--;
      if (open.forgotten) this.#close(open);
      this.#evict();
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

function whole(bytes: Buffer, read: number, segment: number, position: number): Buffer {
  if (read === bytes.length) return bytes;
  throw new KmlReadError(segment, position, bytes.length, `the file has only ${read} of them: it was cut short`);
}
