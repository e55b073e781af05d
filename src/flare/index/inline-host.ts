import type { Disk } from '../../base/disk.ts';
import type { LogMark } from '../kml/types.ts';
import { Applier } from './applier.ts';
import { openDatabase, readMark, type SqliteDatabase } from './database.ts';
import { IndexFailedError, IndexFullError, IndexOutdatedError, saysFull } from './errors.ts';
import { FLUSH_MEMORY, type IndexFlush } from './flush.ts';
import { loadImage, saveImage } from './image.ts';
import { SqliteReader } from './reader.ts';
import type { IndexHost, IndexReader } from './types.ts';

/**
 * An index in memory that applies flushes at once, on the event loop: for tests, for the simulator, and to rebuild an index for comparison. With a
 * disk, checkpoints go there as images, and the newest whole one is what it begins with, unless it is of an older format; without, it begins empty.
 */
export async function inlineIndexHost(options: { readonly disk?: Disk } = {}): Promise<InlineIndexHost> {
  const image = options.disk === undefined ? null : await loadImage(options.disk);
  return new InlineIndexHost(openImage(image), options.disk);
}

function openImage(image: Buffer | null): SqliteDatabase {
  if (image === null) return openDatabase(':memory:');
  try {
    return openDatabase(image);
  } catch (error) {
    if (error instanceof IndexOutdatedError) return openDatabase(':memory:');
    throw error;
  }
}

/** Memory of flushes that were applied, for all hosts: a thousand of them in one process apply one flush at a time. */
const memory: ArrayBuffer[] = [];
/** Bounds what is kept. */
const MEMORY_KEPT = 16;

export class InlineIndexHost implements IndexHost {
  readonly reader: IndexReader;
  /** The database itself, for comparing. */
  readonly database: SqliteDatabase;
  readonly #disk: Disk | undefined;
  readonly #applier: Applier;
  /** What it has is in memory: only a checkpoint may find no room, and says so to who asked for it. */
  readonly full = false;
  readonly #onFailed: ((error: Error) => void)[] = [];
  #checkpointed: LogMark;
  #failed: IndexFailedError | null = null;
  #checkpoint: Promise<LogMark> | null = null;

  constructor(database: SqliteDatabase, disk: Disk | undefined) {
    this.database = database;
    this.#disk = disk;
    this.#applier = new Applier(database);
    this.reader = new SqliteReader(database);
    this.#checkpointed = readMark(database);
  }

  get applied(): LogMark {
    return this.#applier.mark;
  }

  get checkpointed(): LogMark {
    return this.#checkpointed;
  }

  memory(): ArrayBuffer {
    return memory.pop() ?? new ArrayBuffer(FLUSH_MEMORY);
  }

  apply(flush: IndexFlush): Promise<void> | void {
    if (this.#failed !== null) return Promise.reject(this.#failed);
    try {
      this.#applier.apply(flush);
    } catch (error) {
      return Promise.reject(this.#fail(error));
    }
    const { buffer } = flush.bytes;
    if (buffer instanceof ArrayBuffer && buffer.byteLength === FLUSH_MEMORY && memory.length < MEMORY_KEPT)
      memory.push(buffer);
  }

  async checkpoint(): Promise<LogMark> {
    this.#checkpoint = this.#checkpointAfter(this.#checkpoint);
    return this.#checkpoint;
  }

  /** One at a time, so that images are numbered in order. */
  async #checkpointAfter(before: Promise<LogMark> | null): Promise<LogMark> {
    await before?.catch(() => {});
    if (this.#failed !== null) throw this.#failed;
    const mark = this.applied;
    try {
      if (this.#disk !== undefined) await saveImage(this.#disk, this.database.serialize());
    } catch (error) {
      throw saysFull(error) ? new IndexFullError(error) : this.#fail(error);
    }
    this.#checkpointed = mark;
    return mark;
  }

  onFull(): void {}

  onFailed(listener: (error: Error) => void): void {
    if (this.#failed !== null) listener(this.#failed);
    else this.#onFailed.push(listener);
  }

  #fail(cause: unknown): IndexFailedError {
    this.#failed ??= new IndexFailedError(cause);
    for (const listener of this.#onFailed.splice(0)) listener(this.#failed);
    return this.#failed;
  }

  async close(): Promise<void> {
    await this.#checkpoint?.catch(() => {});
    this.database.close();
  }
}
