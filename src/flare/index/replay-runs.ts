import { REPLAY_AGE_MAX, REPLAYS_MAX } from '../record/limits.ts';
import type { SqliteDatabase } from './database.ts';
import { takeReplays } from './values.ts';

/** The replays of one flush. */
interface Run {
  readonly id: number;
  readonly count: number;
  /** The time of the newest, in µs. */
  readonly newest: number;
}

/** Replays, a row for all of one flush; rows go whole, oldest first, when what is left is enough or they are too old. */
export class ReplayRuns {
  readonly #list;
  readonly #put;
  readonly #remove;
  readonly #wipe;
  #runs: Run[] = [];
  #count = 0;

  constructor(database: SqliteDatabase) {
    this.#list = database.prepare('SELECT id, count, newest FROM replays ORDER BY id');
    this.#put = database.prepare('INSERT INTO replays VALUES (?, ?, ?, ?)');
    this.#remove = database.prepare('DELETE FROM replays WHERE id = ?');
    this.#wipe = database.prepare('INSERT OR REPLACE INTO wipes VALUES (?, ?)');
    this.load();
  }

  /** Looks at the rows again: the transaction was taken back. */
  load(): void {
    this.#runs = this.#list.all() as Run[];
    this.#count = this.#runs.reduce((sum, { count }) => sum + count, 0);
  }

  /** The replays of that slice are no more, so far. */
  wipe(slice: number): void {
    this.#wipe.run(slice, this.#runs.at(-1)?.id ?? 0);
  }

  add(count: number, value: Buffer): void {
    const newest = takeReplays(value).reduce((most, { time }) => Math.max(most, time), 0);
    const id = (this.#runs.at(-1)?.id ?? 0) + 1;
    this.#put.run(id, count, newest, value);
    this.#runs.push({ id, count, newest });
    this.#count += count;
    while (this.#isOver(newest)) {
      const oldest = this.#runs.shift()!;
      this.#count -= oldest.count;
      this.#remove.run(oldest.id);
    }
  }

  #isOver(now: number): boolean {
    const oldest = this.#runs[0]!;
    return this.#count - oldest.count >= REPLAYS_MAX || oldest.newest < now - REPLAY_AGE_MAX;
  }
}
