import type { Extent } from '../record/schema.ts';
import type { SqliteDatabase } from './database.ts';
import { type LiveBytes, weightOf } from './live.ts';

/** Keeps each file's extents: they never overlap, and what is written last wins. */
export class ExtentTable {
  readonly #live: LiveBytes;
  readonly #before;
  readonly #within;
  readonly #put;
  readonly #shorten;
  readonly #move;
  readonly #removeFrom;
  readonly #removeOne;
  readonly #sums;
  readonly #removeAll;

  constructor(database: SqliteDatabase, live: LiveBytes) {
    this.#live = live;
    const columns = 'SELECT offset, length, segment, position FROM extents WHERE key = ? AND generation = ?';
    this.#before = database.prepare(`${columns} AND offset < ? ORDER BY offset DESC LIMIT 1`);
    this.#within = database.prepare(`${columns} AND offset >= ? AND offset < ? ORDER BY offset`);
    this.#put = database.prepare('INSERT INTO extents VALUES (?, ?, ?, ?, ?, ?)');
    const one = 'WHERE key = ? AND generation = ? AND offset = ?';
    this.#shorten = database.prepare(`UPDATE extents SET length = ? ${one}`);
    this.#move = database.prepare(`UPDATE extents SET segment = ?, position = ? ${one}`);
    this.#removeOne = database.prepare(`DELETE FROM extents ${one}`);
    this.#sums = database.prepare(
      'SELECT segment, count(*) AS count, sum(length) AS length FROM extents ' +
        'WHERE key = ? AND generation = ? AND offset >= ? GROUP BY segment',
    );
    this.#removeFrom = database.prepare('DELETE FROM extents WHERE key = ? AND generation = ? AND offset >= ?');
    this.#removeAll = database.prepare('DELETE FROM extents WHERE key = ? AND generation = ?');
  }

  /** The file's bytes from `extent.offset` on lie where `extent` says. */
  write(key: Buffer, generation: number, extent: Extent): void {
    const end = extent.offset + extent.length;
    // Most data either lie where there were none or replace the very same bytes: the last extent below `end` tells.
    const last = this.#before.get(key, generation, end) as Extent | undefined;
    if (last === undefined || last.offset + last.length <= extent.offset) this.#insert(key, generation, extent);
    else if (last.offset === extent.offset && last.length === extent.length)
      this.#replace(key, generation, last, extent);
    else this.#overwrite(key, generation, extent, end);
  }

  #overwrite(key: Buffer, generation: number, extent: Extent, end: number): void {
    const before = this.#before.get(key, generation, extent.offset) as Extent | undefined;
    if (before !== undefined && before.offset + before.length > extent.offset) {
      this.#trim(key, generation, before, extent.offset);
      if (before.offset + before.length > end) this.#insert(key, generation, tail(before, end));
    }
    for (const old of this.#within.all(key, generation, extent.offset, end) as Extent[]) {
      this.#removeOne.run(key, generation, old.offset);
      this.#live.take(old.segment, weightOf.extents(1, old.length));
      if (old.offset + old.length > end) this.#insert(key, generation, tail(old, end));
    }
    this.#insert(key, generation, extent);
  }

  /** The file has no bytes at and above `end`. */
  cut(key: Buffer, generation: number, end: number): void {
    const before = this.#before.get(key, generation, end) as Extent | undefined;
    if (before !== undefined && before.offset + before.length > end) this.#trim(key, generation, before, end);
    if (this.#forget(key, generation, end)) this.#removeFrom.run(key, generation, end);
  }

  /** The file is no more. */
  clear(key: Buffer, generation: number): void {
    if (this.#forget(key, generation, 0)) this.#removeAll.run(key, generation);
  }

  #forget(key: Buffer, generation: number, from: number): boolean {
    const sums = this.#sums.all(key, generation, from) as { segment: number; count: number; length: number }[];
    for (const { segment, count, length } of sums) this.#live.take(segment, weightOf.extents(count, length));
    return sums.length > 0;
  }

  #trim(key: Buffer, generation: number, old: Extent, end: number): void {
    this.#shorten.run(end - old.offset, key, generation, old.offset);
    this.#live.take(old.segment, old.offset + old.length - end);
  }

  #replace(key: Buffer, generation: number, old: Extent, extent: Extent): void {
    this.#move.run(extent.segment, extent.position, key, generation, extent.offset);
    this.#live.take(old.segment, weightOf.extents(1, old.length));
    this.#live.add(extent.segment, weightOf.extents(1, extent.length));
  }

  #insert(key: Buffer, generation: number, extent: Extent): void {
    this.#put.run(key, generation, extent.offset, extent.length, extent.segment, extent.position);
    this.#live.add(extent.segment, weightOf.extents(1, extent.length));
  }
}

/** What of an extent lies at and above `from`. */
function tail(extent: Extent, from: number): Extent {
  const skipped = from - extent.offset;
  return { ...extent, offset: from, length: extent.length - skipped, position: extent.position + skipped };
}
