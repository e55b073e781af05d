import { join } from 'node:path';
import type { Disk } from '../../base/disk.ts';
import { type Logger, silentLogger } from '../../base/logger.ts';
import type { IndexDifference } from '../index/compare.ts';
import { openForReading, type SqliteDatabase } from '../index/database.ts';
import type { IndexFault } from '../index/faults.ts';
import { INDEX_FILE, threadedIndexHost } from '../index/threaded-host.ts';
import type { IndexHost } from '../index/types.ts';
import { openKml } from '../kml/kml.ts';
import type { Kml } from '../kml/types.ts';
import { readIdentity, StoreOpenError } from '../store/identity.ts';
import { extentFaults, namespaceFaults } from './namespace.ts';
import { checkIndex, Rebuild } from './rebuild.ts';

/** What a check has found; sound when `differences` and `faults` are empty. */
export interface StoreCheck {
  /** Where the index and one that is rebuilt from the log are unlike. */
  readonly differences: readonly IndexDifference[];
  /** What cannot be. */
  readonly faults: readonly IndexFault[];
  readonly segments: number;
  readonly records: number;
  readonly flares: number;
}

/** How the check gets at the index: the host, and its database for reading. */
export interface CheckedIndex {
  readonly host: IndexHost;
  readonly database: SqliteDatabase;
  /** Lets go of `database`, if that is the checker's own. */
  readonly done: () => void;
}

export interface CheckOptions {
  readonly disk: Disk;
  readonly logger?: Logger;
  /** Opens the index; `index.sqlite` unless told otherwise. */
  readonly openIndex?: (options: { readonly disk: Disk; readonly logger: Logger }) => Promise<CheckedIndex>;
  /** A file in the data directory for the rebuilt index, which is removed afterwards; it is rebuilt in memory when absent. */
  readonly scratch?: string;
  /** Whether the whole tree lies here, and is looked at; a volcano of a ring has a part of it. */
  readonly whole?: (database: SqliteDatabase) => boolean;
  readonly progress?: CheckProgress;
}

/** How far a check is, in bytes of the log. */
export interface CheckProgress {
  expect(bytes: number): void;
  add(bytes: number): void;
}

async function openOwnIndex({ disk, logger }: { disk: Disk; logger: Logger }): Promise<CheckedIndex> {
  const host = await threadedIndexHost({ disk, logger });
  const database = openForReading(join(disk.path, INDEX_FILE));
  return { host, database, done: () => database.close() };
}

/** What a dropped segment held and nobody misses: replays that had expired, and their weight. */
function isLeftOver({ table, left, right }: IndexDifference, oldest: number): boolean {
  if (left === null || right !== null || (table !== 'replays' && table !== 'segments')) return false;
  return (JSON.parse(left) as { segment: number }).segment < oldest;
}

/**
 * Checks an open log and its index. Nothing may be under way, and all that is durable must have been applied. Throws `KmlRotError` when a segment is
 * not sound.
 */
export async function checkOpen(
  kml: Kml,
  database: SqliteDatabase,
  scratch?: { readonly disk: Disk; readonly name: string },
  whole = true,
  progress?: CheckProgress,
): Promise<StoreCheck> {
  const segments = kml.segments();
  progress?.expect(segments.reduce((sum, { bytes }) => sum + bytes, 0));
  const { differences, faults } = await checkIndex(kml, database, scratch, whole, (bytes) => progress?.add(bytes));
  const oldest = segments[0]?.number ?? 0;
  const flares = database.prepare('SELECT count(*) FROM flares').pluck().get() as number;
  return {
    differences: differences.filter((difference) => !isLeftOver(difference, oldest)),
    faults: [...faults, ...(whole ? namespaceFaults(database) : []), ...extentFaults(database, segments)],
    segments: segments.length,
    records: kml.durable,
    flares,
  };
}

/**
 * Checks a data directory that no volcano uses: recovers it as one that starts does, rebuilds an index from the log and compares, and looks for
 * what cannot be in a tree. Rejects with `StoreOpenError`, `KmlRotError` when the log is damaged, or what opening it rejects with.
 */
export async function checkStore(options: CheckOptions): Promise<StoreCheck> {
  const { disk, logger = silentLogger, openIndex = openOwnIndex, scratch, whole = () => true, progress } = options;
  const lock = await disk.lock();
  if (lock === null) {
    throw new StoreOpenError('locked', `the data directory ${disk.path} is in use: stop the magmad that uses it first`);
  }
  try {
    const networkId = await readIdentity(disk);
    if (networkId === null) throw new StoreOpenError('empty', `there is no network in ${disk.path}: nothing to check`);
    const { host, database, done } = await openIndex({ disk, logger });
    try {
      const rebuild = new Rebuild(host);
      const onBatch = rebuild.batch.bind(rebuild);
      const kml = await openKml({ disk, logger, networkId, from: host.applied, onBatch });
      try {
        await rebuild.done();
        const aside = scratch === undefined ? undefined : { disk, name: scratch };
        return await checkOpen(kml, database, aside, whole(database), progress);
      } finally {
        await kml.close();
      }
    } finally {
      done();
      await host.close();
    }
  } finally {
    lock.release();
  }
}
