import type { SqliteDatabase } from '../index/database.ts';
import type { IndexFault } from '../index/faults.ts';
import { takeFlare } from '../index/values.ts';
import { keyBytes, keyText, sliceOf } from '../keys.ts';
import { conflicts, overlaps } from '../locks/ranges.ts';
import { decodeLockNote, LOCK_PREFIX, type OwnedLocks } from '../store/locks/lock-note.ts';
import { flareText } from '../store/locks/lock-table.ts';
import { FlareType } from '../types.ts';

function meet(one: OwnedLocks, other: OwnedLocks): boolean {
  if (one.kind !== other.kind) return false;
  return one.ranges.some((range) => other.ranges.some((there) => conflicts(one.kind, range, there)));
}

/** Locks of slices that count and cannot be: of what is no living file, of no bytes, or such that exclude each other. */
export function* lockFaults(database: SqliteDatabase, holds: (slice: number) => boolean): Generator<IndexFault> {
  const flareOf = database.prepare('SELECT value FROM flares WHERE key = ?').pluck();
  const before = new Map<string, OwnedLocks[]>();
  const query = 'SELECT name, value FROM notes';
  for (const row of database.prepare(query).iterate() as IterableIterator<{ name: Buffer; value: Buffer }>) {
    const name = row.name.toString('latin1');
    if (!name.startsWith(LOCK_PREFIX)) continue;
    let locks: OwnedLocks;
    try {
      locks = decodeLockNote(name, row.value);
    } catch {
      yield { what: 'a lock that cannot be read', where: name };
      continue;
    }
    const { id, ranges } = locks;
    if (!holds(sliceOf(id.key))) continue;
    const where = `${keyText(id.key)} ${name}`;
    const value = flareOf.get(keyBytes(id.key)) as Buffer | undefined;
    const attributes = value === undefined ? null : takeFlare(id.key, value).attributes;
    if (attributes?.generation !== id.generation || attributes.type !== FlareType.file)
      yield { what: 'a lock of no file', where };
    if (ranges.length === 0 || ranges.some((one, at) => ranges.slice(at + 1).some((other) => overlaps(one, other)))) {
      yield { what: 'a lock of no bytes, or twice of the same', where };
    }
    const others = before.get(flareText(id)) ?? [];
    for (const other of others) if (meet(locks, other)) yield { what: 'locks that exclude each other', where };
    before.set(flareText(id), [...others, locks]);
  }
}
