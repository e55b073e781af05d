import { systemClock } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import type { Eventually } from '../../base/eventually.ts';
import { systemRandom } from '../../base/random.ts';
import { compareIndexes, type IndexDifference } from '../index/compare.ts';
import { openDatabase, type SqliteDatabase } from '../index/database.ts';
import { type IndexFault, indexFaults } from '../index/faults.ts';
import { InlineIndexHost } from '../index/inline-host.ts';
import type { IndexHost } from '../index/types.ts';
import type { Kml, LogBatch } from '../kml/types.ts';
import { Flusher } from '../store/flusher.ts';
import { DEFAULT_LIMITS, type StoreLimits } from '../store/limits.ts';
import { Redo } from '../store/redo.ts';
import { State } from '../store/state.ts';

/** What a check has found; sound when both are empty. */
export interface IndexCheck {
  readonly differences: readonly IndexDifference[];
  readonly faults: readonly IndexFault[];
}

/** Brings an index up to a log that is read, and nothing else. */
export class Rebuild {
  readonly #flusher: Flusher;
  readonly #redo: Redo;

  constructor(host: IndexHost, limits: StoreLimits = DEFAULT_LIMITS) {
    const state = new State(host, systemRandom, limits);
    this.#flusher = new Flusher(state, host, systemClock, limits);
    this.#redo = new Redo(state, this.#flusher, host.applied.lsn);
  }

  /** Takes durable batches, in order. Pending while the index cannot keep up. */
  batch(batch: LogBatch): Eventually<void> {
    return this.#redo.batch(batch);
  }

  /** Resolves when all batches are applied. Rejects when the index has failed. */
  done(): Promise<void> {
    return this.#flusher.finished();
  }
}

/**
 * Rebuilds an index from all segments and compares: the one that is used must say the same, and nothing that cannot be. The log must be quiet, with all
 * that is durable applied. Throws `KmlRotError` when a segment is not sound. The rebuilt index lies in a file `scratch` of that directory while it
 * runs, or in memory when there is no directory. `whole`: the tree lies here alone. `onRead` is told of each batch's bytes.
 */
export async function checkIndex(
  kml: Kml,
  used: SqliteDatabase,
  scratch?: { readonly disk: Disk; readonly name: string },
  whole = true,
  onRead: (bytes: number) => void = () => {},
): Promise<IndexCheck> {
  const rebuilt = openDatabase(scratch === undefined ? ':memory:' : `${scratch.disk.path}/${scratch.name}`);
  const host = new InlineIndexHost(rebuilt, undefined);
  try {
    const rebuild = new Rebuild(host);
    for (const { number } of kml.segments()) {
      for await (const batch of kml.walkSegment(number)) {
        onRead(batch.bytes.length);
        await rebuild.batch(batch);
      }
    }
    await rebuild.done();
    return { differences: compareIndexes(used, rebuilt), faults: indexFaults(used, whole) };
  } finally {
    await host.close();
    if (scratch !== undefined) {
      for (const rest of ['', '-wal', '-shm']) await scratch.disk.remove(scratch.name + rest);
    }
  }
}
