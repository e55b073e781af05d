import type { Clock, Timer } from '../../base/clock.ts';
import { Applier } from './applier.ts';
import type { SqliteDatabase } from './database.ts';
import { saysFull } from './errors.ts';
import type { FromWorker, ToWorker } from './protocol.ts';

/** After how long what found no room on the disk is tried again, in milliseconds. */
export const RETRY_MS = 500;

/**
 * Copies the WAL into the database and syncs both; throws when another connection keeps it from doing so. The WAL begins again and keeps its size: room that
 * came and went with it would let a change in that was refused a moment ago.
 */
function checkpoint(database: SqliteDatabase): void {
  const [result] = database.pragma('wal_checkpoint(RESTART)') as { busy: number }[];
  if (result?.busy !== 0) throw new Error('the checkpoint was kept from finishing by a reader');
}

/**
 * Does with an index what the event loop asks for, in its order. What finds no room on the disk is told and tried again until it does, and all else waits behind it: SQLite
 * takes back what it could not finish, so nothing is lost. After any other failure nothing more is done.
 */
export class IndexServer {
  readonly #database: SqliteDatabase;
  readonly #clock: Clock;
  readonly #tell: (message: FromWorker, transfer?: ArrayBuffer[]) => void;
  readonly #applier: Applier;
  readonly #queue: ToWorker[] = [];
  #retry: Timer | null = null;
  #failed = false;

  constructor(database: SqliteDatabase, clock: Clock, tell: (message: FromWorker, transfer?: ArrayBuffer[]) => void) {
    this.#database = database;
    this.#clock = clock;
    this.#tell = tell;
    this.#applier = new Applier(database);
    tell({ type: 'opened', mark: this.#applier.mark });
  }

  handle(message: ToWorker): void {
    if (message.type === 'close') {
      this.#retry?.cancel();
      this.#failed = true;
      this.#database.close();
      this.#tell({ type: 'closed' });
    } else if (!this.#failed) {
      this.#queue.push(message);
      if (this.#retry === null) this.#work();
    }
  }

  #work(): void {
    this.#retry = null;
    while (this.#queue.length > 0) {
      try {
        this.#do(this.#queue[0]!);
        this.#queue.shift();
      } catch (error) {
        this.#meet(error);
        return;
      }
    }
  }

  #do(message: ToWorker): void {
    if (message.type === 'flush') {
      const { mark, bytes } = message;
      const memory = bytes.buffer as ArrayBuffer;
      this.#applier.apply({ mark, bytes: Buffer.from(memory, bytes.byteOffset, bytes.length) });
      this.#tell({ type: 'applied', mark, memory }, [memory]);
    } else if (message.type === 'checkpoint') {
      checkpoint(this.#database);
      this.#tell({ type: 'checkpointed', mark: this.#applier.mark });
    }
  }

  #meet(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    if (saysFull(error)) {
      this.#tell({ type: 'full', message });
      this.#retry = this.#clock.after(RETRY_MS, () => this.#work());
      return;
    }
    this.#failed = true;
    const code = (error as { code?: unknown } | null)?.code;
    this.#tell({ type: 'failed', message, code: typeof code === 'string' ? code : '' });
  }
}
