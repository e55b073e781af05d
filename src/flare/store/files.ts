import type { FlushWriter } from '../index/flush.ts';
import type { IndexReader } from '../index/types.ts';
import { sliceOf } from '../keys.ts';
import type { StoredExtent } from '../record/schema.ts';
import type { FlareId, Key } from '../types.ts';
import { clip, lengthOf, replaced, within } from './extents.ts';
import { CHUNK_SIZE } from './limits.ts';
import { Unit, type UnitCache } from './units.ts';
import type { Wiping } from './wiping.ts';

/** How many chunks of a file one question to the index lists. */
const CHUNKS_LISTED = 1024;

const NO_EXTENTS: readonly StoredExtent[] = [];

/** A file of which chunks are in memory, or that was cut since the index's watermark. */
interface OpenFile {
  readonly id: FlareId;
  readonly chunks: Map<number, Chunk>;
  /** Where it was cut, lowest for each flush, oldest flush first: what the index has above that is no more. */
  readonly cuts: { readonly flush: number; end: number }[];
  /** It has been ended: its units are of no use any more. */
  ended: boolean;
}

class Chunk extends Unit<readonly StoredExtent[]> {
  readonly #files: Files;
  readonly file: OpenFile;
  readonly number: number;

  constructor(files: Files, file: OpenFile, number: number, value: readonly StoredExtent[]) {
    super(value, 0, true);
    this.#files = files;
    this.file = file;
    this.number = number;
  }

  size(): number {
    return 500 + this.value.length * 64;
  }

  unlink(): void {
    this.file.chunks.delete(this.number);
    this.#files.close(this.file);
  }
}

/**
 * Where the bytes of files lie in the log: extents, by chunk. A chunk that is not in memory is as the index has it, less what was cut away
 * since.
 */
export class Files {
  readonly #reader: IndexReader;
  readonly #wiping: Wiping;
  readonly #cache: UnitCache;
  readonly #files = new Map<Key, OpenFile>();
  /** What goes with the next flush. */
  #chunks: Chunk[] = [];
  #cut: OpenFile[] = [];
  #ended: FlareId[] = [];
  /** Files that were cut, by the flush that says so, oldest first, until it is applied. */
  readonly #settling: { readonly flush: number; readonly files: readonly OpenFile[] }[] = [];

  constructor(reader: IndexReader, cache: UnitCache, wiping: Wiping) {
    this.#reader = reader;
    this.#wiping = wiping;
    this.#cache = cache;
  }

  /** How many units go with the next flush. */
  get changed(): number {
    return this.#chunks.length + this.#cut.length + this.#ended.length;
  }

  #open({ key, generation }: FlareId): OpenFile {
    const known = this.#files.get(key);
    if (known !== undefined && known.id.generation === generation) return known;
    const file: OpenFile = { id: { key, generation }, chunks: new Map(), cuts: [], ended: false };
    this.#files.set(key, file);
    return file;
  }

  /** Forgets a file of which nothing is known here. */
  close(file: OpenFile): void {
    this.#settle(file);
    if (file.chunks.size > 0 || file.cuts.length > 0) return;
    if (this.#files.get(file.id.key) === file) this.#files.delete(file.id.key);
  }

  /** Forgets cuts that the index has by now. */
  #settle({ cuts }: OpenFile): void {
    while (cuts.length > 0 && cuts[0]!.flush <= this.#cache.applied) cuts.shift();
  }

  /** Where the index's knowledge of the file ends because of cuts that it has not yet applied. */
  #indexEnd(file: OpenFile): number {
    this.#settle(file);
    let least = Number.POSITIVE_INFINITY;
    for (const { end } of file.cuts) least = Math.min(least, end);
    return least;
  }

  #chunk(file: OpenFile, number: number): Chunk {
    const known = file.chunks.get(number);
    if (known !== undefined) {
      known.used = true;
      return known;
    }
    const start = number * CHUNK_SIZE;
    const end = this.#indexEnd(file);
    let extents = NO_EXTENTS;
    if (end > start && !this.#wiping.has(file.id.key)) {
      extents = this.#reader.chunk(file.id.key, file.id.generation, number);
      if (end < start + CHUNK_SIZE) extents = within(extents, 0, end);
    }
    const chunk = new Chunk(this, file, number, extents);
    file.chunks.set(number, chunk);
    this.#cache.add(chunk);
    return chunk;
  }

  /** The extents of one chunk, by offset, and the LSN of its last change. */
  chunk(id: FlareId, number: number): { readonly value: readonly StoredExtent[]; readonly lsn: number } {
    return this.#chunk(this.#open(id), number);
  }

  /** Bytes of the file lie there from now on, within one chunk. */
  place(id: FlareId, extent: StoredExtent, lsn: number): void {
    const chunk = this.#chunk(this.#open(id), Math.floor(extent.offset / CHUNK_SIZE));
    this.#change(chunk, replaced(chunk.value, extent.offset, extent.offset + extent.length, extent), lsn);
  }

  #change(chunk: Chunk, extents: readonly StoredExtent[], lsn: number): void {
    chunk.value = extents;
    chunk.lsn = lsn;
    if (chunk.flush !== this.#cache.flush) {
      chunk.flush = this.#cache.flush;
      this.#chunks.push(chunk);
    }
    this.#cache.resize(chunk);
  }

  /** The file holds nothing at and above `end` from now on. */
  cut(id: FlareId, end: number, lsn: number): void {
    const file = this.#open(id);
    const last = file.cuts.at(-1);
    if (last?.flush === this.#cache.flush) {
      last.end = Math.min(last.end, end);
    } else {
      file.cuts.push({ flush: this.#cache.flush, end });
      this.#cut.push(file);
    }
    for (const chunk of [...file.chunks.values()]) {
      if (chunk.place < 0) continue;
      const start = chunk.number * CHUNK_SIZE;
      if (start >= end) this.#cache.remove(chunk);
      else if (start + CHUNK_SIZE > end) this.#change(chunk, within(chunk.value, 0, end), lsn);
    }
  }

  /** What the file holds in some chunks is forgotten; `count` 0: in all from `first` on. */
  forget(id: FlareId, first: number, count: number, lsn: number): void {
    if (count === 0) this.cut(id, first * CHUNK_SIZE, lsn);
    for (let number = first; number < first + count; number++)
      this.#change(this.#chunk(this.#open(id), number), NO_EXTENTS, lsn);
  }

  /** The flare is no more, nor is what it holds. `stored` is false when the index is sure to have nothing of it. */
  end(id: FlareId, stored: boolean): void {
    const file = this.#files.get(id.key);
    if (file !== undefined && file.id.generation === id.generation) {
      file.ended = true;
      this.#files.delete(id.key);
      for (const chunk of [...file.chunks.values()]) this.#cache.remove(chunk);
    }
    if (stored) this.#ended.push({ key: id.key, generation: id.generation });
  }

  /** Nothing is held of that slice's files any more. */
  wipe(slice: number): void {
    for (const file of [...this.#files.values()]) {
      if (sliceOf(file.id.key) !== slice) continue;
      file.ended = true;
      this.#files.delete(file.id.key);
      for (const chunk of [...file.chunks.values()]) this.#cache.remove(chunk);
    }
    this.#cut = this.#cut.filter(({ id }) => sliceOf(id.key) !== slice);
    this.#ended = this.#ended.filter(({ key }) => sliceOf(key) !== slice);
  }

  /** The numbers of the chunks from `first` on that hold anything or may, in order, at most `limit`. */
  chunksFrom(id: FlareId, first: number, limit: number): number[] {
    return this.#reader.chunksFrom(id.key, id.generation, first, limit).map(({ chunk }) => chunk);
  }

  /** Chunks from number `first` on that the index has and that are not in memory, in order. */
  *#elsewhere(file: OpenFile, first: number): Generator<{ chunk: number; bytes: number }> {
    const { key, generation } = file.id;
    if (this.#wiping.has(key)) return;
    const end = this.#indexEnd(file);
    for (let from = first; from * CHUNK_SIZE < end; ) {
      const rows = this.#reader.chunksFrom(key, generation, from, CHUNKS_LISTED);
      for (const row of rows) {
        if (row.chunk * CHUNK_SIZE >= end) return;
        if (!file.chunks.has(row.chunk)) yield row;
      }
      if (rows.length < CHUNKS_LISTED) return;
      from = rows.at(-1)!.chunk + 1;
    }
  }

  /** How many bytes at and above `from` are not holes. */
  bytesAbove(id: FlareId, from: number): number {
    const file = this.#open(id);
    const first = Math.floor(from / CHUNK_SIZE);
    const end = this.#indexEnd(file);
    let sum = lengthOf(within(this.#chunk(file, first).value, from, Number.POSITIVE_INFINITY));
    for (const chunk of file.chunks.values()) if (chunk.number > first) sum += lengthOf(chunk.value);
    for (const { chunk, bytes } of this.#elsewhere(file, first + 1)) {
      const whole = (chunk + 1) * CHUNK_SIZE <= end;
      sum += whole ? bytes : lengthOf(this.#chunk(file, chunk).value);
    }
    return sum;
  }

  /** All extents at and above `from`, those that begin before cut off there, by offset. */
  above(id: FlareId, from: number): StoredExtent[] {
    const file = this.#open(id);
    const first = Math.floor(from / CHUNK_SIZE);
    const numbers = [...file.chunks.keys()].filter((number) => number >= first);
    for (const { chunk } of this.#elsewhere(file, first)) numbers.push(chunk);
    const extents: StoredExtent[] = [];
    for (const number of numbers.sort((one, other) => one - other)) {
      for (const extent of this.#chunk(file, number).value) {
        if (extent.offset + extent.length > from) extents.push(clip(extent, from, Number.POSITIVE_INFINITY));
      }
    }
    this.close(file);
    return extents;
  }

  /** The extents between two offsets, by offset, and the LSN of what they depend on. */
  extents(id: FlareId, from: number, to: number): { extents: readonly StoredExtent[]; lsn: number } {
    const file = this.#open(id);
    const first = Math.floor(from / CHUNK_SIZE);
    const last = Math.floor((to - 1) / CHUNK_SIZE);
    if (first === last) {
      const chunk = this.#chunk(file, first);
      return { extents: within(chunk.value, from, to), lsn: chunk.lsn };
    }
    const extents: StoredExtent[] = [];
    let lsn = 0;
    for (let number = first; number <= last; number++) {
      const chunk = this.#chunk(file, number);
      lsn = Math.max(lsn, chunk.lsn);
      for (const extent of within(chunk.value, from, to)) extents.push(extent);
    }
    return { extents, lsn };
  }

  /** How many bytes between two offsets are not holes. */
  covered(id: FlareId, from: number, to: number): { extents: readonly StoredExtent[]; bytes: number } {
    const { extents } = this.extents(id, from, to);
    return { extents, bytes: lengthOf(extents) };
  }

  /** Writes what has changed since the last flush. */
  pack(to: FlushWriter): void {
    for (const file of this.#cut) to.cut(file.id, file.cuts.at(-1)!.end);
    for (const id of this.#ended) to.clear(id);
    for (const { file, number, value, place } of this.#chunks) {
      if (place >= 0 && !file.ended) to.chunk(file.id, number, value);
    }
    if (this.#cut.length > 0) this.#settling.push({ flush: this.#cache.flush, files: this.#cut });
    this.#chunks = [];
    this.#cut = [];
    this.#ended = [];
  }

  /** Forgets the cuts that are applied by now. */
  settle(): void {
    while (this.#settling.length > 0 && this.#settling[0]!.flush <= this.#cache.applied) {
      for (const file of this.#settling.shift()!.files) this.close(file);
    }
  }
}
