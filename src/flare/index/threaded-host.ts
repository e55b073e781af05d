import { join } from 'node:path';
// biome-ignore lint/style/noRestrictedImports: the index is applied in a thread of its own; the simulator applies inline.
import { Worker } from 'node:worker_threads';
import type { Disk } from '../../base/disk.ts';
import type { Logger } from '../../base/logger.ts';
import type { LogMark } from '../kml/types.ts';
import { INDEX_FORMAT, openForReading, type SqliteDatabase } from './database.ts';
import { IndexFailedError, IndexFormatError, IndexFullError, saysCorrupt } from './errors.ts';
import { FLUSH_MEMORY, type IndexFlush } from './flush.ts';
import type { FromWorker, ToWorker, WorkerStart } from './protocol.ts';
import { SqliteReader } from './reader.ts';
import type { IndexHost, IndexReader } from './types.ts';

/** The index's file in the data directory. */
export const INDEX_FILE = 'index.sqlite';
/** Made when a running index turns out to be damaged: the next start rebuilds it. */
const DAMAGED_FILE = 'index.damaged';
/** Pieces of memory for flushes that are kept to be used again. */
const MEMORY_KEPT = 3;

export interface ThreadedIndexOptions {
  /** The data directory; a real one, because SQLite opens its files by itself. */
  readonly disk: Disk;
  readonly logger: Logger;
}

/**
 * Opens the index of a data directory, and starts the thread that applies to it. One that is missing begins empty; one that is damaged is set aside as
 * `index.sqlite.damaged-N`, one of an older format removed, and both begin empty: `applied` says from where the log must be read. Rejects with
 * `IndexFormatError` when a newer program wrote it.
 */
export async function threadedIndexHost(options: ThreadedIndexOptions): Promise<IndexHost> {
  const { disk, logger } = options;
  if ((await disk.list('')).includes(DAMAGED_FILE))
    await setAside(disk, logger, 'it was found to be damaged while it was used');
  const opened = await startWorker(disk);
  if ('worker' in opened) return new ThreadedIndexHost(options, opened);
  if (opened.useless === 'corrupt') await setAside(disk, logger, opened.message);
  else await removeOutdated(disk, logger, opened.message);
  const again = await startWorker(disk);
  if (!('worker' in again)) throw new Error(again.message);
  return new ThreadedIndexHost(options, again);
}

async function removeOutdated(disk: Disk, logger: Logger, reason: string): Promise<void> {
  for (const name of [INDEX_FILE, `${INDEX_FILE}-wal`, `${INDEX_FILE}-shm`]) await disk.remove(name);
  await disk.syncDirectory('');
  logger.warn({ file: INDEX_FILE, reason }, 'the index is of an older format: it is rebuilt from the log');
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

/** Why an index is of no use, but can be begun anew. */
interface Useless {
  readonly useless: 'corrupt' | 'outdated';
  readonly message: string;
}

function startWorker(disk: Disk): Promise<Started | Useless> {
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
          const { reason } = message;
          if (reason === 'corrupt' || reason === 'outdated') resolve({ useless: reason, message: message.message });
          else if (reason === 'format') reject(new IndexFormatError(path, message.format, INDEX_FORMAT));
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
  readonly #applying: PromiseWithResolvers<void>[] = [];
  readonly #memory: ArrayBuffer[] = [];
  readonly #onFailed: ((error: Error) => void)[] = [];
  readonly #checkpoints: PromiseWithResolvers<LogMark>[] = [];
  #applied: LogMark;
  #checkpointed: LogMark;
  #failed: IndexFailedError | null = null;
  #full: IndexFullError | null = null;
  #onFull: (error: Error) => void = () => {};
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

  memory(): ArrayBuffer {
    return this.#memory.pop() ?? new ArrayBuffer(FLUSH_MEMORY);
  }

  apply({ mark, bytes }: IndexFlush): Promise<void> {
    if (this.#failed !== null) return Promise.reject(this.#failed);
    const wait = Promise.withResolvers<void>();
    this.#applying.push(wait);
    this.#tell({ type: 'flush', mark, bytes }, [bytes.buffer as ArrayBuffer]);
    return wait.promise;
  }

  checkpoint(): Promise<LogMark> {
    const refusal = this.#failed ?? this.#full;
    if (refusal !== null) return Promise.reject(refusal);
    const wait = Promise.withResolvers<LogMark>();
    this.#checkpoints.push(wait);
    this.#tell({ type: 'checkpoint' });
    return wait.promise;
  }

  get full(): boolean {
    return this.#full !== null;
  }

  onFull(listener: (error: Error) => void): void {
    this.#onFull = listener;
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
    if (message.type === 'full') {
      this.#meetFull(message.message);
      return;
    }
    if (message.type === 'applied' || message.type === 'checkpointed') this.#meetRoom();
    if (message.type === 'applied') {
      this.#applied = message.mark;
      if (this.#memory.length < MEMORY_KEPT) this.#memory.push(message.memory);
      this.#applying.shift()?.resolve();
    } else if (message.type === 'checkpointed') {
      void this.#finishCheckpoint(message.mark, this.#checkpoints.shift());
    } else if (message.type === 'failed') {
      this.#fail(Object.assign(new Error(message.message), { code: message.code }));
    }
  }

  #meetFull(reason: string): void {
    if (this.#full !== null) return;
    const full = new IndexFullError(new Error(reason));
    this.#full = full;
    this.#options.logger.error({ file: INDEX_FILE, reason }, full.message);
    // They are made all the same when there is room: each is still answered in its turn.
    for (const wait of this.#checkpoints) wait.reject(full);
    this.#onFull(full);
  }

  #meetRoom(): void {
    if (this.#full === null) return;
    this.#full = null;
    this.#options.logger.info({ file: INDEX_FILE }, 'there is room for the index again');
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
    this.#rejectAll(failed);
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
    this.#rejectAll(new Error('the index was closed'));
    this.#closing?.resolve();
  }

  #rejectAll(error: Error): void {
    for (const wait of this.#applying.splice(0)) wait.reject(error);
    for (const wait of this.#checkpoints.splice(0)) wait.reject(error);
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
