import type { LogMark } from '../kml/types.ts';
import { CHUNK_SIZE } from '../record/limits.ts';
import type { StoredExtent } from '../record/schema.ts';
import { ByteWriter, keysOfSlice } from './bytes.ts';
import { readMark, type SqliteDatabase } from './database.ts';
import { type FlushSteps, type IndexFlush, readFlush } from './flush.ts';
import { LiveBytes, weightOf } from './live.ts';
import { ReplayRuns } from './replay-runs.ts';
import type { UsageRow } from './types.ts';
import { EXTENT_BYTES, putExtents, takeExtents } from './values.ts';

type Row<Name extends 'flare' | 'entry' | 'parent' | 'slice'> = Parameters<FlushSteps[Name]>[0];

/** Puts flushes into an index, in their order, each in one transaction with its mark. */
export class Applier implements FlushSteps {
  readonly #database: SqliteDatabase;
  readonly #live: LiveBytes;
  readonly #replays: ReplayRuns;
  readonly #sql: ReturnType<typeof prepare>;
  #mark: LogMark;
  #flares = 0;
  #used = 0;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    this.#live = new LiveBytes(database);
    this.#replays = new ReplayRuns(database);
    this.#sql = prepare(database);
    this.#mark = readMark(database);
  }

  /** Up to where the log is applied. */
  get mark(): LogMark {
    return this.#mark;
  }

  /** Applies a flush of what follows on what is applied. Throws when it cannot; then nothing has changed. */
  apply({ mark, bytes }: IndexFlush): void {
    const before = this.#mark;
    if (mark.lsn < before.lsn) throw new Error(`the index ends with record ${before.lsn}, and was given ${mark.lsn}`);
    this.#flares = 0;
    this.#used = 0;
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      readFlush(bytes, this);
      this.#live.flush();
      this.#sql.mark.run(mark.lsn, mark.segment, mark.position, this.#flares, this.#used);
      this.#database.exec('COMMIT');
      this.#mark = mark;
    } catch (error) {
      this.#live.drop();
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      this.#replays.load();
      throw error;
    }
  }

  flare({ stored, key, generation, fileid, used, segment, weight, value }: Row<'flare'>): void {
    const sameFileid = stored && this.#forgetFlare(key) === fileid;
    this.#flares++;
    this.#used += used;
    this.#live.add(segment, weight);
    // This leaves the fileid alone, so SQLite need not touch that index.
    if (sameFileid) this.#sql.changeFlare.run(generation, used, segment, weight, value, key);
    else this.#sql.putFlare.run(key, generation, fileid, used, segment, weight, value);
  }

  /** Counts a flare out; returns its fileid, null when it is not there. */
  #forgetFlare(key: Buffer): number | null {
    type Old = { fileid: number; used: number; segment: number; weight: number };
    const old = this.#sql.flare.get(key) as Old | undefined;
    if (old === undefined) return null;
    this.#flares--;
    this.#used -= old.used;
    this.#live.take(old.segment, old.weight);
    return old.fileid;
  }

  flareGone(key: Buffer): void {
    this.#forgetFlare(key);
    this.#sql.removeFlare.run(key);
  }

  entry({ stored, directory, name, key, generation, fileid, cookie, segment }: Row<'entry'>): void {
    if (stored) this.#forgetEntry(directory, name);
    this.#live.add(segment, weightOf.entry(name));
    this.#sql.putEntry.run(directory, name, key, generation, fileid, cookie, segment);
  }

  #forgetEntry(directory: Buffer, name: Buffer): void {
    const segment = this.#sql.entrySegment.get(directory, name) as number | undefined;
    if (segment !== undefined) this.#live.take(segment, weightOf.entry(name));
  }

  entryGone(directory: Buffer, name: Buffer): void {
    this.#forgetEntry(directory, name);
    this.#sql.removeEntry.run(directory, name);
  }

  cut(key: Buffer, generation: number, end: number): void {
    const first = Math.floor(end / CHUNK_SIZE);
    const partial = end % CHUNK_SIZE === 0 ? undefined : this.#chunk(key, generation, first);
    this.#forgetChunks(key, generation, first);
    this.#sql.removeChunks.run(key, generation, first);
    if (partial === undefined) return;
    const kept: StoredExtent[] = [];
    for (const extent of takeExtents(first, partial)) {
      if (extent.offset < end) kept.push({ ...extent, length: Math.min(extent.length, end - extent.offset) });
    }
    const to = new ByteWriter(new ArrayBuffer(Math.max(EXTENT_BYTES, kept.length * EXTENT_BYTES)));
    putExtents(to, first, kept);
    this.#putChunk(key, generation, first, to.written);
  }

  clear(key: Buffer, generation: number): void {
    this.#forgetChunks(key, generation, 0);
    this.#sql.removeChunks.run(key, generation, 0);
    for (const segment of this.#sql.parentSegments.all(key, generation) as number[]) {
      this.#live.take(segment, weightOf.parent());
    }
    this.#sql.removeParents.run(key, generation);
  }

  chunk(key: Buffer, generation: number, chunk: number, value: Buffer): void {
    const old = this.#chunk(key, generation, chunk);
    if (old !== undefined) this.#weigh(chunk, old, -1);
    if (value.length > 0) this.#putChunk(key, generation, chunk, value);
    else if (old !== undefined) this.#sql.removeChunk.run(key, generation, chunk);
  }

  #chunk(key: Buffer, generation: number, chunk: number): Buffer | undefined {
    return this.#sql.chunk.get(key, generation, chunk) as Buffer | undefined;
  }

  #putChunk(key: Buffer, generation: number, chunk: number, value: Buffer): void {
    if (value.length > 0) this.#sql.putChunk.run(key, generation, chunk, this.#weigh(chunk, value, 1), value);
  }

  #forgetChunks(key: Buffer, generation: number, from: number): void {
    const rows = this.#sql.chunksFrom.all(key, generation, from) as { chunk: number; extents: Buffer }[];
    for (const { chunk, extents } of rows) this.#weigh(chunk, extents, -1);
  }

  /** Counts a chunk's extents in (1) or out (-1); returns the bytes of the file that they hold. */
  #weigh(chunk: number, value: Buffer, sign: 1 | -1): number {
    let bytes = 0;
    for (const { segment, length } of takeExtents(chunk, value)) {
      this.#live.add(segment, sign * weightOf.extents(1, length));
      bytes += length;
    }
    return bytes;
  }

  parent({ key, generation, directory, directoryGeneration, count, segment }: Row<'parent'>): void {
    const row = [key, generation, directory, directoryGeneration] as const;
    const old = this.#sql.parentSegment.get(...row) as number | undefined;
    if (old !== undefined) this.#live.take(old, weightOf.parent());
    if (count === 0) {
      this.#sql.removeParent.run(...row);
      return;
    }
    this.#sql.putParent.run(...row, count, segment);
    this.#live.add(segment, weightOf.parent());
  }

  note(name: Buffer, segment: number, value: Buffer): void {
    this.#forgetNote(name);
    this.#sql.putNote.run(name, value, segment);
    this.#live.add(segment, weightOf.note(name, value));
  }

  #forgetNote(name: Buffer): void {
    const old = this.#sql.note.get(name) as { value: Buffer; segment: number } | undefined;
    if (old !== undefined) this.#live.take(old.segment, weightOf.note(name, old.value));
  }

  noteGone(name: Buffer): void {
    this.#forgetNote(name);
    this.#sql.removeNote.run(name);
  }

  slice({ slice, number, epoch, nextFileid, fileidsWrapped, segment, lastSegment }: Row<'slice'>): void {
    const old = (this.#sql.sliceSegment.get(slice) as number | undefined) ?? 0;
    if (old !== 0) this.#live.take(old, weightOf.slice());
    if (segment !== 0) this.#live.add(segment, weightOf.slice());
    this.#sql.putSlice.run(slice, number, epoch, nextFileid, fileidsWrapped ? 1 : 0, segment, lastSegment);
  }

  replays(count: number, value: Buffer): void {
    this.#replays.add(count, value);
  }

  wipe(slice: number): void {
    const [first, end] = keysOfSlice(slice);
    const sums = this.#sql.wipeSums;
    for (const [segment, weight, used, count] of sums.flares.all(first, end) as number[][]) {
      this.#live.take(segment!, weight!);
      this.#used -= used!;
      this.#flares -= count!;
    }
    for (const [segment, names, count] of sums.entries.all(first, end) as number[][]) {
      this.#live.take(segment!, weightOf.entries(count!, names!));
    }
    for (const [segment, count] of sums.parents.all(first, end) as number[][]) {
      this.#live.take(segment!, weightOf.parent() * count!);
    }
    for (const { chunk, extents } of sums.chunks.iterate(first, end) as IterableIterator<{
      chunk: number;
      extents: Buffer;
    }>) {
      this.#weigh(chunk, extents, -1);
    }
    for (const statement of this.#sql.wipes) statement.run(first, end);
    this.#sql.wipeUsage.run(slice);
  }

  usage({ slice, share, uid, bytes, files }: UsageRow): void {
    if (files === 0) this.#sql.removeUsage.run(slice, share, uid);
    else this.#sql.putUsage.run(slice, share, uid, bytes, files);
  }

  replaysGone(slice: number): void {
    this.#replays.wipe(slice);
  }
}

function between(column: string): string {
  return `WHERE ${column} > ? AND ${column} < ?`;
}

function prepare(database: SqliteDatabase) {
  const ofChunk = 'WHERE key = ? AND generation = ? AND chunk = ?';
  const ofFlare = 'WHERE key = ? AND generation = ?';
  const ofParent = `${ofFlare} AND dir = ? AND dir_generation = ?`;
  return {
    mark: database.prepare(
      'UPDATE mark SET lsn = ?, segment = ?, position = ?, flares = flares + ?, used = used + ? WHERE id = 1',
    ),
    flare: database.prepare('SELECT fileid, used, segment, weight FROM flares WHERE key = ?'),
    putFlare: database.prepare('INSERT OR REPLACE INTO flares VALUES (?, ?, ?, ?, ?, ?, ?)'),
    changeFlare: database.prepare(
      'UPDATE flares SET generation = ?, used = ?, segment = ?, weight = ?, value = ? WHERE key = ?',
    ),
    removeFlare: database.prepare('DELETE FROM flares WHERE key = ?'),
    entrySegment: database.prepare('SELECT segment FROM entries WHERE dir = ? AND name = ?').pluck(),
    putEntry: database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)'),
    removeEntry: database.prepare('DELETE FROM entries WHERE dir = ? AND name = ?'),
    chunk: database.prepare(`SELECT extents FROM chunks ${ofChunk}`).pluck(),
    chunksFrom: database.prepare(`SELECT chunk, extents FROM chunks ${ofFlare} AND chunk >= ?`),
    putChunk: database.prepare('INSERT OR REPLACE INTO chunks VALUES (?, ?, ?, ?, ?)'),
    removeChunk: database.prepare(`DELETE FROM chunks ${ofChunk}`),
    removeChunks: database.prepare(`DELETE FROM chunks ${ofFlare} AND chunk >= ?`),
    parentSegment: database.prepare(`SELECT segment FROM parents ${ofParent}`).pluck(),
    parentSegments: database.prepare(`SELECT segment FROM parents ${ofFlare}`).pluck(),
    putParent: database.prepare('INSERT OR REPLACE INTO parents VALUES (?, ?, ?, ?, ?, ?)'),
    removeParent: database.prepare(`DELETE FROM parents ${ofParent}`),
    removeParents: database.prepare(`DELETE FROM parents ${ofFlare}`),
    note: database.prepare('SELECT value, segment FROM notes WHERE name = ?'),
    putNote: database.prepare('INSERT OR REPLACE INTO notes VALUES (?, ?, ?)'),
    removeNote: database.prepare('DELETE FROM notes WHERE name = ?'),
    wipeSums: {
      flares: database
        .prepare(`SELECT segment, sum(weight), sum(used), count(*) FROM flares ${between('key')} GROUP BY segment`)
        .raw(),
      entries: database
        .prepare(`SELECT segment, sum(length(name)), count(*) FROM entries ${between('dir')} GROUP BY segment`)
        .raw(),
      parents: database.prepare(`SELECT segment, count(*) FROM parents ${between('key')} GROUP BY segment`).raw(),
      chunks: database.prepare(`SELECT chunk, extents FROM chunks ${between('key')}`),
    },
    wipes: [
      database.prepare(`DELETE FROM flares ${between('key')}`),
      database.prepare(`DELETE FROM entries ${between('dir')}`),
      database.prepare(`DELETE FROM parents ${between('key')}`),
      database.prepare(`DELETE FROM chunks ${between('key')}`),
    ],
    putUsage: database.prepare('INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?)'),
    removeUsage: database.prepare('DELETE FROM usage WHERE slice = ? AND share = ? AND uid = ?'),
    wipeUsage: database.prepare('DELETE FROM usage WHERE slice = ?'),
    sliceSegment: database.prepare('SELECT segment FROM slices WHERE slice = ?').pluck(),
    putSlice: database.prepare('INSERT OR REPLACE INTO slices VALUES (?, ?, ?, ?, ?, ?, ?)'),
  };
}
