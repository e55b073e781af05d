import type { Disk, DiskFile } from '../../base/disk.ts';

/** Room is laid out ahead in pieces of this part of a segment, but at most so many bytes. */
const PIECE_PART = 16;
export const PIECE_BYTES_MAX = 1024 * 1024;
/** Pieces that are not shorter than this end at a multiple of it: blocks of the file system. */
const BLOCK_BYTES = 4096;
/** Room is laid out only while batches are at most this long: for longer ones it costs more to write all twice than it saves. */
export const SMALL_BATCH_BYTES = 64 * 1024;
/** So many short batches must have come one after the other. */
export const SMALL_BATCHES_LEAST = 4;
/** With less than this free on the disk, in bytes, nothing is laid out: long before changes are refused for want of room. */
export const FREE_BYTES_LEAST = 512 * 1024 * 1024;

/** What one buffer of a piece holds. */
const ZEROS = Buffer.alloc(64 * 1024);

function zeros(length: number): Buffer[] {
  const buffers: Buffer[] = [];
  for (let left = length; left > 0; left -= ZEROS.length) buffers.push(ZEROS.subarray(0, Math.min(left, ZEROS.length)));
  return buffers;
}

/**
 * Writes zeros behind the end of a segment, durably, before that room is needed. What is then written over them is durable without new blocks and without a new
 * length of the file: one request to the disk instead of three. Zeros are no batch, so they say nothing about where the log ends.
 */
export class RoomAhead {
  readonly #disk: Disk;
  readonly #name: string;
  /** A handle of its own: the host tells each one of a failed sync, so that none is told in place of the other. */
  #file: DiskFile | null = null;
  /** Up to where the file was written to, durably. */
  #until: number;
  #laying: Promise<void> | null = null;
  #failure: { readonly error: unknown } | null = null;
  #small = 0;
  #over = false;

  /** For the file of that name, which was written up to `end`. */
  constructor(disk: Disk, name: string, end: number) {
    this.#disk = disk;
    this.#name = name;
    this.#until = end;
  }

  /**
   * Resolves when the caller may write up to `end`: never where zeros are being written. Throws, or rejects with, the host's error when laying out room has
   * failed other than for want of it.
   */
  free(end: number): Promise<void> | undefined {
    if (this.#laying !== null && end > this.#until) return this.#laying.then(() => this.#check());
    this.#check();
    return undefined;
  }

  #check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** A batch of so many bytes was written, up to `end`: lays out room behind it when that is worth it, up to `limit`. */
  written(end: number, bytes: number, limit: number): void {
    if (this.#laying !== null) return;
    this.#until = Math.max(this.#until, end);
    this.#small = bytes <= SMALL_BATCH_BYTES ? this.#small + 1 : 0;
    if (this.#over || this.#small < SMALL_BATCHES_LEAST) return;
    const piece = Math.min(PIECE_BYTES_MAX, Math.floor(limit / PIECE_PART));
    if (this.#until - end >= piece / 2) return;
    let to = Math.min(this.#until + piece, limit);
    if (piece >= BLOCK_BYTES) to -= to % BLOCK_BYTES;
    if (to > this.#until && this.#hasRoom()) this.#laying = this.#lay(to);
  }

  #hasRoom(): boolean {
    try {
      return this.#disk.space().free >= FREE_BYTES_LEAST;
    } catch {
      return false;
    }
  }

  async #lay(to: number): Promise<void> {
    try {
      this.#file ??= await this.#disk.open(this.#name);
      await this.#file.writeDurable(zeros(to - this.#until), this.#until);
      this.#until = to;
    } catch (error) {
      this.#over = true;
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') this.#failure = { error };
    } finally {
      this.#laying = null;
    }
  }

  /** Lays out no more, and lets go of the file. Resolves with how far that was written to at least. */
  async stop(): Promise<number> {
    this.#over = true;
    await this.#laying;
    await this.#file?.close();
    this.#file = null;
    return this.#until;
  }
}
