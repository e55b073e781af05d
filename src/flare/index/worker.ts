// biome-ignore lint/style/noRestrictedImports: this is the worker; the simulator applies inline.
import { parentPort, workerData } from 'node:worker_threads';
import { Applier } from './applier.ts';
import { openDatabase, type SqliteDatabase } from './database.ts';
import { IndexCorruptError, IndexFormatError, IndexOutdatedError } from './errors.ts';
import type { FromWorker, ToWorker, WorkerStart } from './protocol.ts';

const port = parentPort!;

function tell(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function tellFailure(error: unknown): void {
  const code = (error as { code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  tell({ type: 'failed', message, code: typeof code === 'string' ? code : '' });
}

/**
 * Copies the WAL into the database and syncs both; throws when another connection keeps it from doing so. The WAL begins again and keeps its size: room that
 * came and went with it would let a change in that was refused a moment ago.
 */
function checkpoint(database: SqliteDatabase): void {
  const [result] = database.pragma('wal_checkpoint(RESTART)') as { busy: number }[];
  if (result?.busy !== 0) throw new Error('the checkpoint was kept from finishing by a reader');
}

/** Does what the event loop asks for, in its order. */
function serve(database: SqliteDatabase): void {
  const applier = new Applier(database);
  let failed = false;
  const handle = (message: ToWorker): void => {
    if (message.type === 'flush') {
      const { mark, bytes } = message;
      const memory = bytes.buffer as ArrayBuffer;
      applier.apply({ mark, bytes: Buffer.from(memory, bytes.byteOffset, bytes.length) });
      tell({ type: 'applied', mark, memory }, [memory]);
    } else if (message.type === 'checkpoint') {
      checkpoint(database);
      tell({ type: 'checkpointed', mark: applier.mark });
    }
  };
  port.on('message', (message: ToWorker) => {
    if (message.type === 'close') {
      database.close();
      tell({ type: 'closed' });
      port.close();
      return;
    }
    if (failed) return;
    try {
      handle(message);
    } catch (error) {
      failed = true;
      tellFailure(error);
    }
  });
  tell({ type: 'opened', mark: applier.mark });
}

/** Why an index is not opened. */
function reasonOf(error: unknown): 'format' | 'outdated' | 'corrupt' | 'other' {
  if (error instanceof IndexFormatError) return 'format';
  if (error instanceof IndexOutdatedError) return 'outdated';
  return error instanceof IndexCorruptError ? 'corrupt' : 'other';
}

function refuse(error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  tell({
    type: 'refused',
    reason: reasonOf(error),
    message,
    format: error instanceof IndexFormatError ? error.found : 0,
  });
  port.close();
}

try {
  serve(openDatabase((workerData as WorkerStart).path));
} catch (error) {
  refuse(error);
}
