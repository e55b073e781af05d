import { join } from 'node:path';
// biome-ignore lint/style/noRestrictedImports: the index is applied in a thread of its own; the simulator applies inline.
import { Worker } from 'node:worker_threads';
import type { Disk } from '../../base/disk.ts';
import type { Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import type { LogBatch, LogMark } from '../kml/types.ts';
import { INDEX_FORMAT, openForReading, type SqliteDatabase } from './database.ts';
import { IndexFailedError, IndexFormatError, saysCorrupt } from './errors.ts';
import type { FromWorker, ToWorker, WorkerStart } from './protocol.ts';
import { SqliteReader } from './reader.ts';
import type { IndexHost, IndexReader } from './types.ts';
import { WaitingList } from './waiting.ts';

/** The index's file in the data directory. */
export const INDEX_FILE = 'index.sqlite';
/** Made when a running index turns out to be damaged: the next start rebuilds it. */
const DAMAGED_FILE = 'index.damaged';
/** Bytes of batches that the thread may have waiting before `apply` is pending. */
export const QUEUE_BYTES_MAX = 16 * 1024 * 1024;

export interface ThreadedIndexOptions {
  /** The data directory; a real one, because SQLite opens its files by itself. */
  readonly disk: Disk;
  readonly logger: Logger;
}

/**
 * Opens the index of a data directory, and starts the thread that applies to it. One that is missing begins empty; one that is damaged is set aside as
 * `index.sqlite.damaged-N`, and begins empty: `applied` says from where the log must be handed over. Rejects with `IndexFormatError` when a
 * newer program wrote it.
 */
export async function threadedIndexHost(options: ThreadedIndexOptions): Promise<IndexHost> {
  const { disk, logger } = options;
  if ((await disk.list('')).includes(DAMAGED_FILE))
    await setAside(disk, logger, 'it was found to be damaged while it was used');
  const opened = await startWorker(disk);
  if (!('corrupt' in opened)) return new ThreadedIndexHost(options, opened);
  await setAside(disk, logger, opened.corrupt);
  const again = await startWorker(disk);
  if ('corrupt' in again) throw new Error(again.corrupt);
  return new ThreadedIndexHost(options, again);
}

/** Renames a damaged index out of the way, so that somebody can look at it. */
async function setAside(disk: Disk, logger: Logger, reason: string): Promise<void> {
  const names = await disk.list('');
  let number = 1;
  while (names.includes(`${INDEX_FILE}.damaged-${number}`)) number++;
  const aside = `${INDEX_FILE}.damaged-${number}`;
  if (names.includes(INDEX_FILE)) await disk.rename(INDEX_FILE, aside);
  for (const rest of [`${INDEX_FILE}-wal`, `${INDEX_FILE}-shm`]) await disk.remove(rest);
  await disk.syncDirectory('');
  await disk.remove(DAMAGED_FILE);
  logger.error(
    { file: INDEX_FILE, aside, reason },
    'the index is damaged: it was set aside and is rebuilt from the log',
  );
}

interface Started {
  readonly worker: Worker;
  readonly mark: LogMark;
}

function startWorker(disk: Disk): Promise<Started | { corrupt: string }> {
  const path = join(disk.path, INDEX_FILE);
  // The same file under both names: as it is written, and as it is built.
  const name = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  const start: WorkerStart = { path };
  const worker = new Worker(new URL(name, import.meta.url), { workerData: start, execArgv: [], name: 'index' });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', (message: FromWorker) => {
      worker.off('error', reject);
      if (message.type === 'opened') {
        resolve({ worker, mark: message.mark });
      } else if (message.type === 'refused') {
        worker.once('exit', () => {
          if (message.reason === 'corrupt') resolve({ corrupt: message.message });
          else if (message.reason === 'format') reject(new IndexFormatError(path, message.format, INDEX_FORMAT));
          else reject(new Error(`${path} cannot be opened: ${message.message}`));
        });
      }
    });
  });
}

class ThreadedIndexHost implements IndexHost {
  readonly reader: IndexReader;
  readonly #options: ThreadedIndexOptions;
  readonly #database: SqliteDatabase;
  readonly #worker: Worker;
  readonly #applyWaits = new WaitingList();
  readonly #onFailed: ((error: Error) => void)[] = [];
  readonly #checkpoints: PromiseWithResolvers<LogMark>[] = [];
  #applied: LogMark;
  #checkpointed: LogMark;
  #queuedBytes = 0;
  #room: PromiseWithResolvers<void> | null = null;
  #failed: IndexFailedError | null = null;
  #closing: PromiseWithResolvers<void> | null = null;

  constructor(options: ThreadedIndexOptions, { worker, mark }: Started) {
    this.#options = options;
    this.#worker = worker;
    this.#applied = mark;
    // What was found at the start may lie in the WAL only, unsynced: the first checkpoint makes it sure.
    this.#checkpointed = { lsn: 0, segment: 0, position: 0 };
    this.#database = openForReading(join(options.disk.path, INDEX_FILE));
    this.reader = watchReader(new SqliteReader(this.#database), (error) => this.#fail(error));
    worker.on('message', (message: FromWorker) => this.#handle(message));
    worker.on('error', (error) => this.#fail(error));
    worker.on('exit', () => this.#exited());
  }

  get applied(): LogMark {
    return this.#applied;
  }

  get checkpointed(): LogMark {
    return this.#checkpointed;
  }

  apply(batch: LogBatch): Eventually<void> {
    if (this.#failed !== null) return Promise.reject(this.#failed);
    const { segment, position, firstLsn, count, bytes } = batch;
    this.#queuedBytes += bytes.length;
    this.#tell({ type: 'batch', segment, position, firstLsn, count, bytes }, [bytes.buffer as ArrayBuffer]);
    if (this.#queuedBytes <= QUEUE_BYTES_MAX) return;
    this.#room ??= Promise.withResolvers<void>();
    return this.#room.promise;
  }

  whenApplied(lsn: number): Eventually<void> {
    return lsn <= this.#applied.lsn ? undefined : this.#applyWaits.wait(lsn);
  }

  checkpoint(): Promise<LogMark> {
    if (this.#failed !== null) return Promise.reject(this.#failed);
    const wait = Promise.withResolvers<LogMark>();
    this.#checkpoints.push(wait);
    this.#tell({ type: 'checkpoint' });
    return wait.promise;
  }

  onFailed(listener: (error: Error) => void): void {
    if (this.#failed !== null) listener(this.#failed);
    else this.#onFailed.push(listener);
  }

  async close(): Promise<void> {
    if (this.#closing === null) {
      this.#closing = Promise.withResolvers<void>();
      this.#database.close();
      this.#tell({ type: 'close' });
    }
    await this.#closing.promise;
  }

  #tell(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #handle(message: FromWorker): void {
    if (message.type === 'applied') {
      this.#applied = message.mark;
      this.#queuedBytes -= message.bytes;
      this.#applyWaits.reached(message.mark.lsn);
      if (this.#room !== null && this.#queuedBytes <= QUEUE_BYTES_MAX) {
        this.#room.resolve();
        this.#room = null;
      }
    } else if (message.type === 'checkpointed') {
      void this.#finishCheckpoint(message.mark, this.#checkpoints.shift());
    } else if (message.type === 'failed') {
      this.#fail(Object.assign(new Error(message.message), { code: message.code }));
    }
  }

  async #finishCheckpoint(mark: LogMark, wait: PromiseWithResolvers<LogMark> | undefined): Promise<void> {
    try {
      // The first one may have made the file.
      if (this.#checkpointed.segment === 0) await this.#options.disk.syncDirectory('');
      this.#checkpointed = mark;
      wait?.resolve(mark);
    } catch (error) {
      this.#fail(error);
      wait?.reject(error);
    }
  }

  #fail(cause: unknown): void {
    if (this.#failed !== null) return;
    const failed = new IndexFailedError(cause);
    this.#failed = failed;
    this.#options.logger.fatal({ error: failed }, failed.message);
    if (saysCorrupt(cause)) void this.#markDamaged();
    this.#applyWaits.fail(failed);
    this.#room?.reject(failed);
    this.#room = null;
    for (const wait of this.#checkpoints.splice(0)) wait.reject(failed);
    for (const listener of this.#onFailed.splice(0)) listener(failed);
  }

  async #markDamaged(): Promise<void> {
    const { disk, logger } = this.#options;
    try {
      const file = await disk.create(DAMAGED_FILE);
      await file.close();
      await disk.syncDirectory('');
    } catch (error) {
      logger.error({ error, file: DAMAGED_FILE }, 'the damaged index could not be marked: remove index.sqlite by hand');
    }
  }

  #exited(): void {
    if (this.#closing === null) this.#fail(new Error('its thread has ended'));
    else this.#applyWaits.fail(new Error('the index was closed'));
    for (const wait of this.#checkpoints.splice(0)) wait.reject(new Error('the index was closed'));
    this.#closing?.resolve();
  }
}

/** The same reader, which also says when the database turns out to be damaged. */
function watchReader(reader: IndexReader, onDamaged: (error: unknown) => void): IndexReader {
  return new Proxy(reader, {
    get(target, name) {
      const method = target[name as keyof IndexReader] as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        try {
          return method.apply(target, args);
        } catch (error) {
          if (saysCorrupt(error)) onDamaged(error);
          throw error;
        }
      };
    },
  });
}
