import { KEY_BYTES } from '../keys.ts';
import type { LogMark } from '../kml/types.ts';
import type { EntryState, Flare } from '../record/pack.ts';
import type { StoredExtent } from '../record/schema.ts';
import type { FlareId, Key, Name } from '../types.ts';
import { ByteReader, ByteWriter } from './bytes.ts';
import { weightOf } from './live.ts';
import type { SliceRow, UsageRow } from './types.ts';
import { putExtents, putFlare } from './values.ts';

/** What has changed in the state between two marks of the log, as it is at the second one. Its memory belongs to whom it is handed. */
export interface IndexFlush {
  /** The state is as of this mark, all of which is durable. */
  readonly mark: LogMark;
  /** Steps, as `FlushWriter` wrote them. */
  readonly bytes: Buffer;
}

/** What a step says. */
export const Step = {
  flare: 1,
  flareGone: 2,
  entry: 3,
  entryGone: 4,
  cut: 5,
  clear: 6,
  chunk: 7,
  parent: 8,
  note: 9,
  noteGone: 10,
  slice: 11,
  replays: 12,
  wipe: 13,
  replaysGone: 14,
  usage: 15,
} as const;

/** Bytes of memory that a flush is begun with. */
export const FLUSH_MEMORY = 512 * 1024;
/** No step is longer without the values that it carries. */
const STEP_BYTES_MAX = 1 + 4 * KEY_BYTES + 64;

/**
 * Writes what a flush carries, a step for each unit that has changed. Cuts and clears must come before the chunks of the same flush.
 * `stored` says that the index has a row for it already, as of the flush before.
 */
export class FlushWriter {
  readonly #to: ByteWriter;

  constructor(memory: ArrayBuffer) {
    this.#to = new ByteWriter(memory);
  }

  get written(): Buffer {
    return this.#to.written;
  }

  #begin(step: number, text = 0): ByteWriter {
    const to = this.#to;
    to.reserve(STEP_BYTES_MAX + text);
    to.uint8(step);
    return to;
  }

  flare(flare: Flare, segment: number, stored: boolean): void {
    const { key, generation, fileid, used } = flare.attributes;
    const to = this.#begin(Step.flare);
    to.uint8(stored ? 1 : 0);
    to.text(key);
    to.number(generation);
    to.uint32(fileid);
    to.number(used);
    to.uint32(segment);
    to.uint32(weightOf.flare(flare.target));
    const hole = to.hole();
    const start = to.length;
    putFlare(to, flare);
    to.fill(hole, to.length - start);
  }

  flareGone(key: Key): void {
    this.#begin(Step.flareGone).text(key);
  }

  entry(directory: Key, name: Name, entry: EntryState, segment: number, stored: boolean): void {
    const to = this.#begin(Step.entry, name.length);
    to.uint8(stored ? 1 : 0);
    to.text(directory);
    to.uint8(name.length);
    to.text(name);
    to.text(entry.id.key);
    to.number(entry.id.generation);
    to.uint32(entry.fileid);
    to.uint32(entry.cookie);
    to.uint32(segment);
  }

  entryGone(directory: Key, name: Name): void {
    const to = this.#begin(Step.entryGone, name.length);
    to.text(directory);
    to.uint8(name.length);
    to.text(name);
  }

  /** The file holds nothing at and above `end`. */
  cut(id: FlareId, end: number): void {
    const to = this.#begin(Step.cut);
    to.text(id.key);
    to.number(id.generation);
    to.number(end);
  }

  /** The flare has no contents and no parents. */
  clear(id: FlareId): void {
    const to = this.#begin(Step.clear);
    to.text(id.key);
    to.number(id.generation);
  }

  /** All extents of one chunk. */
  chunk(id: FlareId, chunk: number, extents: readonly StoredExtent[]): void {
    const to = this.#begin(Step.chunk);
    to.text(id.key);
    to.number(id.generation);
    to.uint32(chunk);
    const hole = to.hole();
    const start = to.length;
    putExtents(to, chunk, extents);
    to.fill(hole, to.length - start);
  }

  /** How many further names of a flare lie in a directory. */
  parent(id: FlareId, directory: FlareId, count: number, segment: number): void {
    const to = this.#begin(Step.parent);
    to.text(id.key);
    to.number(id.generation);
    to.text(directory.key);
    to.number(directory.generation);
    to.uint32(count);
    to.uint32(segment);
  }

  note(name: string, value: Buffer, segment: number): void {
    const to = this.#begin(Step.note, name.length + value.length);
    to.uint16(name.length);
    to.text(name);
    to.uint32(segment);
    to.uint32(value.length);
    to.raw(value);
  }

  noteGone(name: string): void {
    const to = this.#begin(Step.noteGone, name.length);
    to.uint16(name.length);
    to.text(name);
  }

  slice(row: SliceRow): void {
    const to = this.#begin(Step.slice);
    to.uint16(row.slice);
    to.number(row.number);
    to.number(row.epoch);
    to.uint32(row.nextFileid);
    to.uint8(row.fileidsWrapped ? 1 : 0);
    to.uint32(row.segment);
    to.uint32(row.lastSegment);
  }

  /** What one uid has in one share, of one slice, from now on. */
  usage({ slice, share, uid, bytes, files }: UsageRow): void {
    const to = this.#begin(Step.usage);
    to.uint16(slice);
    to.uint16(share);
    to.uint32(uid);
    to.number(bytes);
    to.number(files);
  }

  /** Nothing is held of that slice but its counters, and replays. Must come before all that the slice holds since. */
  wipe(slice: number): void {
    this.#begin(Step.wipe).uint16(slice);
  }

  /** The answers that stood in records of that slice are forgotten. Must come before those that stand there since. */
  replaysGone(slice: number): void {
    this.#begin(Step.replaysGone).uint16(slice);
  }

  /** Calls that were answered, oldest first, each as `putReplay` writes it. */
  replays(rows: readonly Uint8Array[]): void {
    const bytes = rows.reduce((sum, { length }) => sum + length, 0);
    const to = this.#begin(Step.replays, bytes);
    to.uint32(rows.length);
    to.uint32(bytes);
    for (const row of rows) to.raw(row);
  }
}

/** What does each step; byte strings alias the flush. */
export interface FlushSteps {
  flare(row: {
    readonly stored: boolean;
    readonly key: Buffer;
    readonly generation: number;
    readonly fileid: number;
    readonly used: number;
    readonly segment: number;
    readonly weight: number;
    readonly value: Buffer;
  }): void;
  flareGone(key: Buffer): void;
  entry(row: {
    readonly stored: boolean;
    readonly directory: Buffer;
    readonly name: Buffer;
    readonly key: Buffer;
    readonly generation: number;
    readonly fileid: number;
    readonly cookie: number;
    readonly segment: number;
  }): void;
  entryGone(directory: Buffer, name: Buffer): void;
  cut(key: Buffer, generation: number, end: number): void;
  clear(key: Buffer, generation: number): void;
  chunk(key: Buffer, generation: number, chunk: number, value: Buffer): void;
  parent(row: {
    readonly key: Buffer;
    readonly generation: number;
    readonly directory: Buffer;
    readonly directoryGeneration: number;
    readonly count: number;
    readonly segment: number;
  }): void;
  note(name: Buffer, segment: number, value: Buffer): void;
  noteGone(name: Buffer): void;
  slice(row: SliceRow): void;
  replays(count: number, value: Buffer): void;
  wipe(slice: number): void;
  replaysGone(slice: number): void;
  usage(row: UsageRow): void;
}

type Read = (from: ByteReader, to: FlushSteps) => void;

/** Fields are read in the order in which they are written. */
const READERS: Readonly<Record<number, Read>> = {
  [Step.flare](from, to) {
    const row = {
      stored: from.uint8() !== 0,
      key: from.raw(KEY_BYTES),
      generation: from.number(),
      fileid: from.uint32(),
      used: from.number(),
      segment: from.uint32(),
      weight: from.uint32(),
      value: from.raw(from.uint32()),
    };
    to.flare(row);
  },
  [Step.flareGone](from, to) {
    to.flareGone(from.raw(KEY_BYTES));
  },
  [Step.entry](from, to) {
    const row = {
      stored: from.uint8() !== 0,
      directory: from.raw(KEY_BYTES),
      name: from.raw(from.uint8()),
      key: from.raw(KEY_BYTES),
      generation: from.number(),
      fileid: from.uint32(),
      cookie: from.uint32(),
      segment: from.uint32(),
    };
    to.entry(row);
  },
  [Step.entryGone](from, to) {
    to.entryGone(from.raw(KEY_BYTES), from.raw(from.uint8()));
  },
  [Step.cut](from, to) {
    to.cut(from.raw(KEY_BYTES), from.number(), from.number());
  },
  [Step.clear](from, to) {
    to.clear(from.raw(KEY_BYTES), from.number());
  },
  [Step.chunk](from, to) {
    to.chunk(from.raw(KEY_BYTES), from.number(), from.uint32(), from.raw(from.uint32()));
  },
  [Step.parent](from, to) {
    const row = {
      key: from.raw(KEY_BYTES),
      generation: from.number(),
      directory: from.raw(KEY_BYTES),
      directoryGeneration: from.number(),
      count: from.uint32(),
      segment: from.uint32(),
    };
    to.parent(row);
  },
  [Step.note](from, to) {
    to.note(from.raw(from.uint16()), from.uint32(), from.raw(from.uint32()));
  },
  [Step.noteGone](from, to) {
    to.noteGone(from.raw(from.uint16()));
  },
  [Step.slice](from, to) {
    const row = {
      slice: from.uint16(),
      number: from.number(),
      epoch: from.number(),
      nextFileid: from.uint32(),
      fileidsWrapped: from.uint8() !== 0,
      segment: from.uint32(),
      lastSegment: from.uint32(),
    };
    to.slice(row);
  },
  [Step.replays](from, to) {
    to.replays(from.uint32(), from.raw(from.uint32()));
  },
  [Step.wipe](from, to) {
    to.wipe(from.uint16());
  },
  [Step.replaysGone](from, to) {
    to.replaysGone(from.uint16());
  },
  [Step.usage](from, to) {
    const row = {
      slice: from.uint16(),
      share: from.uint16(),
      uid: from.uint32(),
      bytes: from.number(),
      files: from.number(),
    };
    to.usage(row);
  },
};

/** Takes the steps of a flush in order. Throws RangeError when they are none. */
export function readFlush(bytes: Uint8Array, steps: FlushSteps): void {
  for (const from = new ByteReader(bytes); !from.done; ) {
    const step = from.uint8();
    const read = READERS[step];
    if (read === undefined) throw new RangeError(`a flush holds a step of unknown kind ${step}`);
    read(from, steps);
  }
}
