// biome-ignore lint/style/noRestrictedImports: this is the worker; the simulator applies inline.
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import type { LogBatch } from '../kml/types.ts';
import { Applier } from './applier.ts';
import { openDatabase, type SqliteDatabase } from './database.ts';
import { IndexCorruptError, IndexFormatError } from './errors.ts';
import type { FromWorker, ToWorker, WorkerStart } from './protocol.ts';

/** What one transaction takes at most of what waits, in bytes: it bounds how long a reader may lag. */
const TRANSACTION_BYTES = 8 * 1024 * 1024;

const port = parentPort!;

function tell(message: FromWorker): void {
  port.postMessage(message);
}

function tellFailure(error: unknown): void {
  const code = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  tell({ type: 'failed', message, code: typeof code === 'string' ? code : '' });
}

/** Copies the WAL into the database and syncs both; throws when another connection keeps it from doing so. */
function checkpoint(database: SqliteDatabase): void {
  const [result] = database.pragma('wal_checkpoint(TRUNCATE)') as { busy: number }[];
  if (result?.busy !== 0) throw new Error('the checkpoint was kept from finishing by a reader');
}

/** Does what the event loop asks for, in its order; batches that wait already are applied together. */
function serve(database: SqliteDatabase): void {
  const applier = new Applier(database);
  let failed = false;
  let gathered: LogBatch[] = [];
  let bytes = 0;
  const applyGathered = (): void => {
    if (gathered.length === 0) return;
    applier.apply(gathered);
    tell({ type: 'applied', mark: applier.mark, bytes });
    gathered = [];
    bytes = 0;
  };
  const handle = (message: ToWorker): void => {
    if (message.type === 'batch') {
      const view = message.bytes;
      gathered.push({ ...message, bytes: Buffer.from(view.buffer, view.byteOffset, view.length) });
      bytes += view.length;
      if (bytes >= TRANSACTION_BYTES) applyGathered();
      return;
    }
    applyGathered();
    if (message.type === 'checkpoint') {
      checkpoint(database);
      tell({ type: 'checkpointed', mark: applier.mark });
    }
  };
  const handleOrFail = (message: ToWorker): void => {
    try {
      if (!failed) handle(message);
    } catch (error) {
      failed = true;
      tellFailure(error);
    }
  };
  port.on('message', (first: ToWorker) => {
    let next: ToWorker | undefined = first;
    while (next !== undefined && next.type !== 'close') {
      handleOrFail(next);
      next = receiveMessageOnPort(port)?.message as ToWorker | undefined;
    }
    try {
      if (!failed) applyGathered();
    } catch (error) {
      failed = true;
      tellFailure(error);
    }
    if (next === undefined) return;
    database.close();
    tell({ type: 'closed' });
    port.close();
  });
  tell({ type: 'opened', mark: applier.mark });
}

function refuse(error: unknown): void {
  const reason =
    error instanceof IndexFormatError ? 'format' : error instanceof IndexCorruptError ? 'corrupt' : 'other';
  const message = error instanceof Error ? error.message : String(error);
  tell({ type: 'refused', reason, message, format: error instanceof IndexFormatError ? error.found : 0 });
  port.close();
}

try {
  serve(openDatabase((workerData as WorkerStart).path));
} catch (error) {
  refuse(error);
}
