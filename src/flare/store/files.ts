import type { IndexReader } from '../index/types.ts';
import type { Extent } from '../record/schema.ts';
import { type FlareId, SIZE_MAX } from '../types.ts';
import { clip, lengthOf, replaced, within } from './extents.ts';
import { CHUNK_SIZE } from './limits.ts';
import { Unapplied, type Unit, UnitCache } from './units.ts';

/** How much of a file's offsets one question to the index spans, to begin with, and how many extents make it span less. */
const SPAN_FIRST = 64 * CHUNK_SIZE;
const SPAN_EXTENTS = 4096;
/** Up to how many chunks are looked up one by one when a file is cut; above that the whole cache is looked through. */
const CHUNKS_LOOKED_UP = 4096;

function groupOf(id: FlareId): string {
  return `${id.key}${id.generation}`;
}

function unitKey(group: string, chunk: number): string {
  return `${group}/${chunk}`;
}

/**
 * Where the bytes of files lie in the log: extents, by chunk. A chunk that is not in memory is as the index has it, less what was cut away
 * since.
 */
export class Files {
  readonly #reader: IndexReader;
  readonly #chunks: UnitCache<readonly Extent[]>;
  readonly #changed: Unapplied<number, readonly Extent[]>;
  /** Cuts by file and LSN, with the new end. */
  readonly #cuts: Unapplied<number, number>;

  constructor(reader: IndexReader, cacheBytes: number, applied: () => number) {
    this.#reader = reader;
    this.#chunks = new UnitCache<readonly Extent[]>(cacheBytes, applied, (extents) => 160 + extents.length * 56);
    this.#changed = new Unapplied(applied);
    this.#cuts = new Unapplied(applied);
  }

  /** What the extents in memory take, in bytes. */
  get bytes(): number {
    return this.#chunks.bytes;
  }

  /** Where the index's knowledge of the file ends because of cuts that it has not yet applied. */
  #indexEnd(group: string): number {
    let end = Number.POSITIVE_INFINITY;
    const cuts = this.#cuts.of(group);
    if (cuts !== undefined) for (const { value } of cuts.values()) end = Math.min(end, value);
    return end;
  }

  /** The extents of one chunk, by offset. */
  chunk(id: FlareId, chunk: number): Unit<readonly Extent[]> {
    const group = groupOf(id);
    const key = unitKey(group, chunk);
    const unit = this.#chunks.get(key);
    if (unit !== undefined) return unit;
    const start = chunk * CHUNK_SIZE;
    const extents = this.#reader.extents(id.key, id.generation, start, start + CHUNK_SIZE);
    const end = this.#indexEnd(group);
    return this.#chunks.put(key, end < start + CHUNK_SIZE ? within(extents, 0, end) : extents, 0, 0);
  }

  /** Bytes of the file lie there from now on, within one chunk. */
  place(id: FlareId, extent: Extent, lsn: number): void {
    const chunk = Math.floor(extent.offset / CHUNK_SIZE);
    const extents = this.chunk(id, chunk).value;
    this.#put(groupOf(id), chunk, replaced(extents, extent.offset, extent.offset + extent.length, extent), lsn);
  }

  #put(group: string, chunk: number, extents: readonly Extent[], lsn: number): void {
    this.#chunks.put(unitKey(group, chunk), extents, lsn, 0);
    this.#changed.set(group, chunk, lsn, extents);
  }

  /** The file holds nothing at and above `end` from now on; `size` is its size before. */
  cut(id: FlareId, end: number, size: number, lsn: number): void {
    const group = groupOf(id);
    this.#cuts.set(group, lsn, lsn, end);
    const first = Math.floor(end / CHUNK_SIZE);
    const last = Math.floor(size / CHUNK_SIZE);
    const found: number[] = [];
    if (last - first <= CHUNKS_LOOKED_UP) {
      for (let chunk = first; chunk <= last; chunk++) {
        if (this.#chunks.get(unitKey(group, chunk)) !== undefined) found.push(chunk);
      }
    } else {
      const prefix = `${group}/`;
      for (const [key] of this.#chunks.entries()) {
        if (key.startsWith(prefix) && Number(key.slice(prefix.length)) >= first)
          found.push(Number(key.slice(prefix.length)));
      }
    }
    for (const chunk of found) {
      const extents = this.#chunks.get(unitKey(group, chunk))!.value;
      this.#put(group, chunk, within(extents, 0, end), lsn);
    }
  }

  /** Calls `visit` with all extents at and above `from`, those that begin before cut off there, in no order. */
  *above(id: FlareId, from: number): Generator<Extent> {
    const group = groupOf(id);
    const changed = this.#changed.of(group);
    if (changed !== undefined) {
      for (const { value } of changed.values()) yield* within(value, from, Number.POSITIVE_INFINITY);
    }
    const end = Math.min(this.#indexEnd(group), SIZE_MAX);
    let span = SPAN_FIRST;
    for (let at = from; at < end; ) {
      const to = Math.min(end, at + span);
      const extents = this.#reader.extents(id.key, id.generation, at, to);
      for (const extent of extents) {
        if (changed?.has(Math.floor(extent.offset / CHUNK_SIZE)) !== true) yield clip(extent, at, to);
      }
      at = to;
      span = extents.length > SPAN_EXTENTS ? Math.max(CHUNK_SIZE, span / 2) : span * 2;
    }
  }

  /** The extents between two offsets, by offset, and the LSN of what they depend on. */
  extents(id: FlareId, from: number, to: number): { extents: readonly Extent[]; lsn: number } {
    const first = Math.floor(from / CHUNK_SIZE);
    const last = Math.floor((to - 1) / CHUNK_SIZE);
    if (first === last) {
      const unit = this.chunk(id, first);
      return { extents: within(unit.value, from, to), lsn: unit.lsn };
    }
    const extents: Extent[] = [];
    let lsn = 0;
    for (let chunk = first; chunk <= last; chunk++) {
      const unit = this.chunk(id, chunk);
      lsn = Math.max(lsn, unit.lsn);
      for (const extent of within(unit.value, from, to)) extents.push(extent);
    }
    return { extents, lsn };
  }

  /** How many bytes between two offsets are not holes. */
  covered(id: FlareId, from: number, to: number): { extents: readonly Extent[]; bytes: number } {
    const { extents } = this.extents(id, from, to);
    return { extents, bytes: lengthOf(extents) };
  }
}
