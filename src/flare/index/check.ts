import type { Disk } from '../../base/disk.ts';
import type { Kml } from '../kml/types.ts';
import { Applier } from './applier.ts';
import { compareIndexes, type IndexDifference } from './compare.ts';
import { openDatabase, type SqliteDatabase } from './database.ts';
import { type IndexFault, indexFaults } from './faults.ts';

/** What a check has found; sound when both are empty. */
export interface IndexCheck {
  readonly differences: readonly IndexDifference[];
  readonly faults: readonly IndexFault[];
}

/**
 * Rebuilds an index from all segments and compares: the one that is used must say the same, and nothing that cannot be. The log must be quiet, with all
 * that is durable applied. Throws `KmlRotError` when a segment is not sound. The rebuilt index lies in a file `scratch` of that directory while it
 * runs, or in memory when there is no directory.
 */
export async function checkIndex(
  kml: Kml,
  used: SqliteDatabase,
  scratch?: { readonly disk: Disk; readonly name: string },
): Promise<IndexCheck> {
  const rebuilt = openDatabase(scratch === undefined ? ':memory:' : `${scratch.disk.path}/${scratch.name}`);
  try {
    const applier = new Applier(rebuilt);
    for (const { number } of kml.segments()) {
      for await (const batch of kml.walkSegment(number)) applier.apply([batch]);
    }
    return { differences: compareIndexes(used, rebuilt), faults: indexFaults(used) };
  } finally {
    rebuilt.close();
    if (scratch !== undefined) {
      for (const rest of ['', '-wal', '-shm']) await scratch.disk.remove(scratch.name + rest);
    }
  }
}
