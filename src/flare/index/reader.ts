import type { StoredExtent } from '../record/schema.ts';
import type { DirectoryEntry, FlareId, Key, Name } from '../types.ts';
import { keysOfSlice } from './bytes.ts';
import type { SqliteDatabase } from './database.ts';
import type {
  EntryRow,
  FlareRow,
  IndexReader,
  IndexTotals,
  KeyRow,
  NoteRow,
  ParentRow,
  SliceRow,
  UsageRow,
} from './types.ts';
import { type ReplayRow, takeExtents, takeFlare, takeReplays } from './values.ts';

interface RawEntry {
  name: Buffer;
  key: Buffer;
  generation: number;
  fileid: number;
  cookie: number;
  segment: number;
}

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

function keyOf(bytes: Buffer): Key {
  return bytes.toString('latin1') as Key;
}

function entryRow(raw: RawEntry): EntryRow {
  const { key, generation, fileid, cookie, segment } = raw;
  const id: FlareId = { key: keyOf(key), generation };
  return { name: raw.name.toString('latin1'), entry: { id, fileid, cookie }, segment };
}

function noteRow(raw: { name: Buffer; value: Buffer; segment: number }): NoteRow {
  return { name: raw.name.toString('latin1'), value: raw.value, segment: raw.segment };
}

/** Reads an index through a connection. */
export class SqliteReader implements IndexReader {
  readonly #flare;
  readonly #fileid;
  readonly #sliceKeys;
  readonly #entry;
  readonly #entriesAfter;
  readonly #chunk;
  readonly #chunksFrom;
  readonly #parents;
  readonly #notes;
  readonly #note;
  readonly #slices;
  readonly #keysAfter;
  readonly #replays;
  readonly #wipes;
  readonly #live;
  readonly #totals;
  readonly #usage;

  constructor(database: SqliteDatabase) {
    this.#flare = database.prepare('SELECT value, segment FROM flares WHERE key = ?');
    this.#fileid = database.prepare('SELECT key FROM flares WHERE fileid = ? LIMIT 1').pluck();
    this.#keysAfter = database.prepare(
      'SELECT fileid, key FROM flares WHERE (fileid, key) > (?, ?) ORDER BY fileid, key LIMIT ?',
    );
    this.#entry = database.prepare(
      'SELECT name, key, generation, fileid, cookie, segment FROM entries WHERE dir = ? AND name = ?',
    );
    // A string costs half of what a Buffer for each row does.
    this.#entriesAfter = database
      .prepare('SELECT hex(name), fileid, cookie FROM entries WHERE dir = ? AND cookie > ? ORDER BY cookie LIMIT ?')
      .raw();
    const file = 'FROM chunks WHERE key = ? AND generation = ?';
    this.#chunk = database.prepare(`SELECT extents ${file} AND chunk = ?`).pluck();
    this.#chunksFrom = database.prepare(`SELECT chunk, bytes ${file} AND chunk >= ? ORDER BY chunk LIMIT ?`);
    this.#parents = database.prepare(
      'SELECT dir, dir_generation AS generation, count, segment FROM parents WHERE key = ? AND generation = ?',
    );
    this.#notes = database.prepare('SELECT name, value, segment FROM notes ORDER BY name');
    this.#note = database.prepare('SELECT name, value, segment FROM notes WHERE name = ?');
    this.#slices = database.prepare(
      'SELECT slice, number, epoch, next_fileid AS nextFileid, wrapped, segment, last_segment AS lastSegment FROM slices ORDER BY slice',
    );
    this.#sliceKeys = database.prepare('SELECT key FROM flares WHERE key > ? AND key < ? ORDER BY key LIMIT ?').pluck();
    this.#replays = database.prepare('SELECT id, value FROM replays ORDER BY id').raw();
    this.#wipes = database.prepare('SELECT slice, replays FROM wipes').raw();
    this.#live = database.prepare('SELECT segment, live FROM segments').raw();
    this.#totals = database.prepare('SELECT flares, used AS usedBytes FROM mark WHERE id = 1');
    this.#usage = database.prepare('SELECT slice, share, uid, bytes, files FROM usage');
  }

  flare(key: Key): FlareRow | null {
    const row = this.#flare.get(bytesOf(key)) as { value: Buffer; segment: number } | undefined;
    return row === undefined ? null : { flare: takeFlare(key, row.value), segment: row.segment };
  }

  fileidHolder(fileid: number): Key | null {
    const key = this.#fileid.get(fileid) as Buffer | undefined;
    return key === undefined ? null : keyOf(key);
  }

  keysAfter(last: KeyRow | null, limit: number): KeyRow[] {
    const rows = this.#keysAfter.all(last?.fileid ?? -1, bytesOf(last?.key ?? ''), limit);
    return (rows as { fileid: number; key: Buffer }[]).map(({ fileid, key }) => ({ fileid, key: keyOf(key) }));
  }

  entry(directory: Key, name: Name): EntryRow | null {
    const row = this.#entry.get(bytesOf(directory), bytesOf(name)) as RawEntry | undefined;
    return row === undefined ? null : entryRow(row);
  }

  entriesAfter(directory: Key, cookie: number, limit: number): DirectoryEntry[] {
    const rows = this.#entriesAfter.all(bytesOf(directory), cookie, limit) as [string, number, number][];
    return rows.map(([name, fileid, cookie]) => ({
      name: Buffer.from(name, 'hex').toString('latin1'),
      fileid,
      cookie,
    }));
  }

  chunk(key: Key, generation: number, chunk: number): StoredExtent[] {
    const value = this.#chunk.get(bytesOf(key), generation, chunk) as Buffer | undefined;
    return value === undefined ? [] : takeExtents(chunk, value);
  }

  chunksFrom(key: Key, generation: number, from: number, limit: number): { chunk: number; bytes: number }[] {
    return this.#chunksFrom.all(bytesOf(key), generation, from, limit) as { chunk: number; bytes: number }[];
  }

  parents(key: Key, generation: number): ParentRow[] {
    type Raw = { dir: Buffer; generation: number; count: number; segment: number };
    return (this.#parents.all(bytesOf(key), generation) as Raw[]).map((raw) => {
      const directory: FlareId = { key: keyOf(raw.dir), generation: raw.generation };
      return { directory, count: raw.count, segment: raw.segment };
    });
  }

  notes(): NoteRow[] {
    return (this.#notes.all() as { name: Buffer; value: Buffer; segment: number }[]).map(noteRow);
  }

  note(name: string): NoteRow | null {
    const row = this.#note.get(bytesOf(name)) as { name: Buffer; value: Buffer; segment: number } | undefined;
    return row === undefined ? null : noteRow(row);
  }

  slices(): SliceRow[] {
    const rows = this.#slices.all() as (Omit<SliceRow, 'fileidsWrapped'> & { wrapped: number })[];
    return rows.map(({ wrapped, ...row }) => ({ ...row, fileidsWrapped: wrapped !== 0 }));
  }

  sliceKeys(slice: number, key: Key | null, limit: number): Key[] {
    const [first, end] = keysOfSlice(slice);
    const after = key === null ? first : bytesOf(key);
    return (this.#sliceKeys.all(after, end, limit) as Buffer[]).map(keyOf);
  }

  replays(): ReplayRow[] {
    const last = new Map<string, ReplayRow>();
    const wiped = new Map(this.#wipes.all() as [number, number][]);
    for (const [run, value] of this.#replays.iterate() as IterableIterator<[number, Buffer]>) {
      for (const replay of takeReplays(value)) {
        if (run > (wiped.get(replay.slice) ?? 0)) last.set(replay.identity, replay);
      }
    }
    return [...last.values()].sort((one, other) => one.time - other.time);
  }

  liveBytes(): ReadonlyMap<number, number> {
    return new Map(this.#live.all() as [number, number][]);
  }

  totals(): IndexTotals {
    return this.#totals.get() as IndexTotals;
  }

  usage(): UsageRow[] {
    return this.#usage.all() as UsageRow[];
  }
}
