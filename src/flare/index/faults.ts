import { CHUNK_SIZE } from '../record/limits.ts';
import type { Attributes, Key } from '../types.ts';
import type { SqliteDatabase } from './database.ts';
import type { UsageRow } from './types.ts';
import { takeExtents, takeFlare } from './values.ts';

/** One thing in an index that cannot be. */
export interface IndexFault {
  /** What is wrong, for people. */
  readonly what: string;
  /** Where: the row's key, in hexadecimal or decimal. */
  readonly where: string;
}

/** Faults of one kind that are listed at most. */
export const FAULTS_MAX = 20;

/** No fault where flares lie elsewhere. */
const ELSEWHERE = 'an entry for a flare that is not there';

/** Each finds rows that break a promise, and says where. */
const QUERIES: readonly (readonly [what: string, query: string])[] = [
  ['a fileid that several flares have', 'SELECT fileid AS place FROM flares GROUP BY fileid HAVING count(*) > 1'],
  [
    'a cookie that several entries of a directory have',
    "SELECT hex(dir) || ' ' || cookie AS place FROM entries GROUP BY dir, cookie HAVING count(*) > 1",
  ],
  [
    ELSEWHERE,
    "SELECT hex(dir) || ' ' || hex(name) AS place FROM entries AS e WHERE NOT EXISTS " +
      '(SELECT 1 FROM flares AS f WHERE f.key = e.key AND f.generation = e.generation AND f.fileid = e.fileid)',
  ],
  [
    'an entry in a directory that is not there',
    "SELECT hex(dir) || ' ' || hex(name) AS place FROM entries AS e WHERE NOT EXISTS (SELECT 1 FROM flares AS f WHERE f.key = e.dir)",
  ],
  [
    'data of a flare that is not there',
    "SELECT hex(key) || ' ' || generation AS place FROM chunks AS x WHERE NOT EXISTS " +
      '(SELECT 1 FROM flares AS f WHERE f.key = x.key AND f.generation = x.generation) GROUP BY key, generation',
  ],
  [
    'a parent link of a flare that is not there',
    "SELECT hex(key) || ' ' || hex(dir) AS place FROM parents AS p WHERE NOT EXISTS " +
      '(SELECT 1 FROM flares AS f WHERE f.key = p.key AND f.generation = p.generation)',
  ],
  [
    'sums that are not those of the rows',
    "SELECT flares || ' flares, ' || used || ' bytes' AS place FROM mark WHERE flares <> (SELECT count(*) FROM flares) " +
      'OR used <> (SELECT coalesce(sum(used), 0) FROM flares)',
  ],
];

/**
 * What an index says that cannot be, whatever the log holds; empty when there is nothing. Reads every row. For `check`.
 * `whole`: it is of a volcano that has the whole tree.
 */
export function indexFaults(database: SqliteDatabase, whole = true): IndexFault[] {
  const faults: IndexFault[] = [];
  for (const [what, query] of QUERIES) {
    if (what === ELSEWHERE && !whole) continue;
    for (const { place } of database.prepare(`${query} LIMIT ${FAULTS_MAX}`).all() as { place: string | number }[]) {
      faults.push({ what, where: String(place) });
    }
  }
  faults.push(...chunkFaults(database), ...usageFaults(database));
  return faults;
}

/** The attributes in the row of a flare; null when they are none. */
function attributesOf(key: Buffer, value: Buffer): Attributes | null {
  try {
    return takeFlare(key.toString('latin1') as Key, value).attributes;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Accounts whose usage is not what their flares take together. */
function usageFaults(database: SqliteDatabase): IndexFault[] {
  const nameOf = ({ slice, share, uid }: Omit<UsageRow, 'bytes' | 'files'>): string =>
    `slice ${slice}, share ${share}, uid ${uid}`;
  const walked = new Map<string, { bytes: number; files: number }>();
  type Row = { key: Buffer; value: Buffer };
  const faults: IndexFault[] = [];
  for (const { key, value } of database.prepare('SELECT key, value FROM flares').iterate() as IterableIterator<Row>) {
    const attributes = attributesOf(key, value);
    if (attributes === null) {
      if (faults.length < FAULTS_MAX) faults.push({ what: 'a flare that cannot be read', where: key.toString('hex') });
      continue;
    }
    const { share, uid, used } = attributes;
    const name = nameOf({ slice: key[0]!, share, uid });
    const sum = walked.get(name) ?? { bytes: 0, files: 0 };
    walked.set(name, { bytes: sum.bytes + used, files: sum.files + 1 });
  }
  const fault = (where: string): void => {
    if (faults.length < FAULTS_MAX) faults.push({ what: 'usage that is not what the flares take', where });
  };
  for (const row of database.prepare('SELECT * FROM usage').iterate() as IterableIterator<UsageRow>) {
    const name = nameOf(row);
    const sum = walked.get(name);
    walked.delete(name);
    if (sum?.bytes !== row.bytes || sum.files !== row.files) fault(`${name}: ${row.bytes} bytes, ${row.files} files`);
  }
  for (const [name, { bytes, files }] of walked)
    fault(`${name}: nothing, and there are ${bytes} bytes, ${files} files`);
  return faults;
}

/** Chunks whose extents overlap, leave the chunk, or are not as many bytes as the row says. */
function chunkFaults(database: SqliteDatabase): IndexFault[] {
  const faults: IndexFault[] = [];
  type Row = { key: Buffer; chunk: number; bytes: number; extents: Buffer };
  for (const row of database.prepare('SELECT * FROM chunks').iterate() as IterableIterator<Row>) {
    const { key, chunk, bytes, extents } = row;
    let end = chunk * CHUNK_SIZE;
    let sum = 0;
    let sound = true;
    for (const { offset, length } of takeExtents(chunk, extents)) {
      sound &&= offset >= end && length > 0;
      end = offset + length;
      sum += length;
    }
    if (sound && end <= (chunk + 1) * CHUNK_SIZE && sum === bytes) continue;
    if (faults.length < FAULTS_MAX)
      faults.push({ what: 'a chunk whose extents cannot be', where: `${key.toString('hex')} ${chunk}` });
  }
  return faults;
}
