import type { SqliteDatabase } from '../index/database.ts';
import type { IndexFault } from '../index/faults.ts';
import { takeExtents, takeFlare } from '../index/values.ts';
import { keyText, ROOT_KEY } from '../keys.ts';
import type { Flare } from '../record/pack.ts';
import { FlareType, type Key } from '../types.ts';
import { lockFaults } from './locks.ts';

/** Faults of one kind that are listed at most. */
export const NAMESPACE_FAULTS_MAX = 100;

/** What the rows say of one flare. */
interface Seen {
  readonly flare: Flare;
  /** Names that mean it, by the directory's key. */
  readonly names: Map<Key, number>;
  /** Further names as the parent links say, by the directory's key. */
  readonly links: Map<Key, number>;
  entries: number;
  directories: number;
  data: number;
  dataEnd: number;
}

function keyOf(bytes: Buffer): Key {
  return bytes.toString('latin1') as Key;
}

type ChunkRow = { key: Buffer; chunk: number; extents: Buffer };

function chunks(database: SqliteDatabase): IterableIterator<ChunkRow> {
  return database.prepare('SELECT key, chunk, extents FROM chunks').iterate() as IterableIterator<ChunkRow>;
}

/** An index, and which slices of it count: those that it is the primary's of. */
export interface TreePart {
  readonly database: SqliteDatabase;
  readonly holds: (slice: number) => boolean;
}

/** Rows whose slice counts. */
function* rowsOf<R>({ database, holds }: TreePart, query: string, keyOfRow: (row: R) => Buffer): Generator<R> {
  for (const row of database.prepare(query).iterate() as IterableIterator<R>) if (holds(keyOfRow(row)[0]!)) yield row;
}

function loadFlares(part: TreePart, all: Map<Key, Seen>): void {
  type FlareRow = { key: Buffer; value: Buffer };
  for (const row of rowsOf<FlareRow>(part, 'SELECT key, value FROM flares', ({ key }) => key)) {
    const flare = takeFlare(keyOf(row.key), row.value);
    const counts = { entries: 0, directories: 0, data: 0, dataEnd: 0 };
    all.set(flare.attributes.key, { flare, names: new Map(), links: new Map(), ...counts });
  }
}

function loadNames(part: TreePart, all: Map<Key, Seen>, absent: (where: string) => void): void {
  type EntryRow = { dir: Buffer; name: Buffer; key: Buffer; generation: number };
  const query = 'SELECT dir, name, key, generation FROM entries';
  for (const row of rowsOf<EntryRow>(part, query, ({ dir }) => dir)) {
    const directory = all.get(keyOf(row.dir));
    const named = all.get(keyOf(row.key));
    if (directory === undefined || named?.flare.attributes.generation !== row.generation)
      absent(`${row.dir.toString('hex')} ${row.name.toString('hex')}`);
    if (directory === undefined || named === undefined) continue;
    directory.entries++;
    if (named.flare.attributes.type === FlareType.directory) directory.directories++;
    const { key } = directory.flare.attributes;
    named.names.set(key, (named.names.get(key) ?? 0) + 1);
  }
  type LinkRow = { key: Buffer; dir: Buffer; count: number };
  for (const row of rowsOf<LinkRow>(part, 'SELECT key, dir, count FROM parents', ({ key }) => key)) {
    all.get(keyOf(row.key))?.links.set(keyOf(row.dir), row.count);
  }
  for (const { key, chunk, extents } of chunks(part.database)) {
    const seen = part.holds(key[0]!) ? all.get(keyOf(key)) : undefined;
    if (seen === undefined) continue;
    for (const { offset, length } of takeExtents(chunk, extents)) {
      seen.data += length;
      seen.dataEnd = Math.max(seen.dataEnd, offset + length);
    }
  }
}

/** Sentences about what is wrong with one flare. */
function* faultsOf(seen: Seen, all: ReadonlyMap<Key, Seen>): Generator<string> {
  const { attributes, entries } = seen.flare;
  const { key, type, nlink, parent } = attributes;
  let names = 0;
  for (const count of seen.names.values()) names += count;
  const isRoot = key === ROOT_KEY;
  if (attributes.fileid % 256 !== key.charCodeAt(0)) yield 'a fileid of another slice than the key';
  if (names === 0 && !isRoot) yield 'a flare that no name means';
  const holder = all.get(parent.key);
  if (holder === undefined || holder.flare.attributes.generation !== parent.generation)
    yield 'a parent that is not there';
  else if (!isRoot && !seen.names.has(parent.key)) yield 'a parent that holds no name of it';
  if (type === FlareType.directory) {
    if (names !== (isRoot ? 0 : 1)) yield `a directory that ${names} names mean`;
    if (entries !== seen.entries) yield `a directory of ${seen.entries} entries that says ${entries}`;
    if (nlink !== seen.directories + 2) yield `nlink ${nlink} of a directory that holds ${seen.directories}`;
    return;
  }
  if (nlink !== names) yield `nlink ${nlink} of a flare that ${names} names mean`;
  const directories = new Set([...seen.names.keys(), ...seen.links.keys()]);
  for (const directory of directories) {
    const further = (seen.names.get(directory) ?? 0) - (directory === parent.key ? 1 : 0);
    if ((seen.links.get(directory) ?? 0) !== further) yield 'parent links that are not those of its names';
  }
  if (type !== FlareType.file) return;
  if (attributes.used !== seen.data) yield `a file that holds ${seen.data} bytes and says ${attributes.used}`;
  if (seen.dataEnd > attributes.size) yield 'data beyond the end of a file';
}

/** Directories from which the root is not reached. */
function* loops(all: ReadonlyMap<Key, Seen>): Generator<Key> {
  const good = new Set<Key>([ROOT_KEY]);
  for (const [start, { flare }] of all) {
    if (flare.attributes.type !== FlareType.directory) continue;
    const path = new Set<Key>();
    let at: Key = start;
    while (!good.has(at) && !path.has(at)) {
      path.add(at);
      at = all.get(at)?.flare.attributes.parent.key ?? at;
    }
    if (!good.has(at)) yield start;
    else for (const key of path) good.add(key);
  }
}

/**
 * What cannot be in a tree of flares: orphans, wrong counts of links and entries, wrong parents, loops, wrong sums of data, locks. Empty when there is nothing.
 * Takes memory for every flare.
 */
export function namespaceFaults(database: SqliteDatabase): IndexFault[] {
  return treeFaults([{ database, holds: () => true }]);
}

/** The same of a tree that several volcanos hold together; and entries of or for flares that none of them has. */
export function treeFaults(parts: readonly TreePart[]): IndexFault[] {
  const faults: IndexFault[] = [];
  const add = (what: string, where: string): void => {
    if (faults.length < NAMESPACE_FAULTS_MAX) faults.push({ what, where });
  };
  const all = new Map<Key, Seen>();
  for (const part of parts) loadFlares(part, all);
  // In one index that is found among its rows, with fileid and all.
  const absent = (where: string): void => {
    if (parts.length > 1) add('an entry of or for a flare that is not there', where);
  };
  for (const part of parts) loadNames(part, all, absent);
  if (!all.has(ROOT_KEY)) return [{ what: 'there is no root directory', where: keyText(ROOT_KEY) }];
  for (const [key, seen] of all) for (const what of faultsOf(seen, all)) add(what, keyText(key));
  for (const key of loops(all)) add('a directory in a loop', keyText(key));
  for (const { database, holds } of parts) for (const { what, where } of lockFaults(database, holds)) add(what, where);
  return faults;
}

/** Extents that do not lie in a segment of the log. */
export function extentFaults(
  database: SqliteDatabase,
  segments: readonly { readonly number: number; readonly bytes: number }[],
): IndexFault[] {
  const faults: IndexFault[] = [];
  const ends = new Map(segments.map(({ number, bytes }) => [number, bytes]));
  for (const { key, chunk, extents } of chunks(database)) {
    for (const { offset, length, segment, position } of takeExtents(chunk, extents)) {
      if (position + length <= (ends.get(segment) ?? 0) || faults.length >= NAMESPACE_FAULTS_MAX) continue;
      const where = `${key.toString('hex')} ${offset}`;
      faults.push({ what: `data that lies in no segment (${segment})`, where });
    }
  }
  return faults;
}
