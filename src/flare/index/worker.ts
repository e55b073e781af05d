// biome-ignore lint/style/noRestrictedImports: this is the worker; the simulator applies inline.
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../base/clock.ts';
import { openDatabase, type SqliteDatabase } from './database.ts';
import { IndexCorruptError, IndexFormatError, IndexOutdatedError } from './errors.ts';
import type { FromWorker, ToWorker, WorkerStart } from './protocol.ts';
import { IndexServer } from './server.ts';

const port = parentPort!;

function tell(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

/** Does what the event loop asks for, in its order. */
function serve(database: SqliteDatabase): void {
  const server = new IndexServer(database, systemClock, tell);
  port.on('message', (message: ToWorker) => {
    server.handle(message);
    if (message.type === 'close') port.close();
  });
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
