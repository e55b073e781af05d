import { type Eventually, isPending } from '../../base/eventually.ts';
import { KmlReadError } from '../kml/errors.ts';
import { encodeOutcome, encodeRecord } from '../record/codec.ts';
import { CHANGES_MAX, DATA_MAX } from '../record/limits.ts';
import { type Flare, NO_BYTES, packEntry, packFlare, packId, unpackId } from '../record/pack.ts';
import {
  type Change,
  ChangeTypeSchema,
  OperationSchema,
  type Replay,
  type StoredExtent,
  type Undone,
} from '../record/schema.ts';
import { type Attributes, type FlareId, FlareType, type Key } from '../types.ts';
import type { Core } from './core.ts';
import { within } from './extents.ts';
import type { LastRecord } from './following.ts';
import { CHUNK_SIZE } from './limits.ts';
import { sliceOfNote } from './note-table.ts';
import type { Parents } from './parent-table.ts';
import { identityBytes } from './replays.ts';

/** Flares, entries or chunks that are looked at between two waits. */
const PAGE = 32;

/** Takes what a walk finds, at once, as it is at that moment. */
export interface WalkSink {
  /** Whole new state of some units of a slice, `CHANGES_MAX` at most. */
  changes(slice: number, changes: readonly Change[]): void;
  /** A piece of a file's data, `DATA_MAX` bytes at most. The bytes are there until the next turn. */
  data(slice: number, id: FlareId, offset: number, bytes: Buffer): void;
  replay(slice: number, replay: Replay): void;
  /** Whether the contents of a file are to be given; absent: those of all are. */
  wants?(file: Attributes): boolean;
  /** Waits until it may be given more; rejects when the walk is to end. */
  room(): Eventually<void>;
}

/**
 * Walks the live state of slices. What is there when the walk begins and is not changed before it ends is given once; what is changed meanwhile may be given or
 * not, but never older than it is at that moment: who also gets all changes since the beginning, each after what it was given before, has everything.
 */
export class Walk {
  readonly #core: Core;
  readonly #sink: WalkSink;

  constructor(core: Core, sink: WalkSink) {
    this.#core = core;
    this.#sink = sink;
  }

  /** Rejects when the sink or the log does. */
  async slices(slices: readonly number[]): Promise<void> {
    await this.#inIndex();
    for (const slice of slices) await this.#slice(slice);
  }

  /** As `slices`, for some units of one slice alone: all that an undo forgets, as far as it is there. */
  async units(slice: number, undone: Undone): Promise<void> {
    await this.#inIndex();
    this.#counters(slice);
    for (const key of undone.flares) {
      await this.#room();
      const flare = this.#core.state.flareUnit(key.toString('latin1') as Key).value;
      if (flare !== null) this.#sink.changes(slice, [flareChange(flare)]);
    }
    for (const id of undone.ended) await this.#held(slice, unpackId(id));
    for (const id of undone.parents) await this.#links(slice, unpackId(id));
    for (const { directory, name } of undone.names) await this.#name(slice, directory, name);
    for (const { id, first, count } of undone.chunks) await this.#contents(slice, unpackId(id), first, count);
    for (const name of undone.notes) await this.#note(slice, name.toString('latin1'));
    await this.#replays(slice);
  }

  /** What a flare holds, but for a directory's names. */
  async #held(slice: number, id: FlareId): Promise<void> {
    await this.#links(slice, id);
    await this.#contents(slice, id);
    for (const name of this.#core.state.locks.names(id)) await this.#note(slice, name);
  }

  async #links(slice: number, id: FlareId): Promise<void> {
    await this.#room();
    if (!this.#lives(id)) return;
    const { state } = this.#core;
    const links = linkChanges(id, state.parents(state.flareUnit(id.key).value!));
    for (let at = 0; at < links.length; at += CHANGES_MAX) this.#sink.changes(slice, links.slice(at, at + CHANGES_MAX));
  }

  async #name(slice: number, directory: Undone['ended'][number], name: Buffer): Promise<void> {
    await this.#room();
    const entry = this.#core.state.entryUnit(unpackId(directory).key, name.toString('latin1')).value;
    if (entry === null) return;
    const change = { directory, name, entry: packEntry(entry), old: null };
    this.#sink.changes(slice, [{ type: ChangeTypeSchema.entry, entry: change }]);
  }

  /** Resolves when the index has all units that are there now. */
  async #inIndex(): Promise<void> {
    const { kml, flusher } = this.#core;
    const lsn = kml.nextLsn - 1;
    await kml.whenDurable(lsn);
    await flusher.flushed(lsn);
  }

  async #slice(slice: number): Promise<void> {
    this.#counters(slice);
    for (let after: Key | null = null; ; ) {
      const keys: Key[] = this.#core.state.reader.sliceKeys(slice, after, PAGE);
      for (const key of keys) await this.#flare(slice, key);
      if (keys.length < PAGE) break;
      after = keys.at(-1)!;
    }
    await this.#notes(slice);
    await this.#replays(slice);
  }

  #counters(slice: number): void {
    const { nextFileid, fileidsWrapped } = this.#core.state.slices.of(slice);
    const counters = { nextFileid, fileidsWrapped, old: nextFileid };
    this.#sink.changes(slice, [{ type: ChangeTypeSchema.slice, slice: counters }]);
  }

  async #room(): Promise<void> {
    const wait = this.#sink.room();
    if (isPending(wait)) await wait;
  }

  #lives(id: FlareId): boolean {
    return this.#core.state.flareUnit(id.key).value?.attributes.generation === id.generation;
  }

  async #flare(slice: number, key: Key): Promise<void> {
    await this.#room();
    const { state } = this.#core;
    const flare = state.flareUnit(key).value;
    if (flare === null) return;
    const { attributes } = flare;
    const changes = [flareChange(flare), ...linkChanges(attributes, state.parents(flare))];
    for (let at = 0; at < changes.length; at += CHANGES_MAX) {
      this.#sink.changes(slice, changes.slice(at, at + CHANGES_MAX));
    }
    if (attributes.type === FlareType.directory) await this.#entries(slice, attributes);
    else if (attributes.used > 0 && this.#sink.wants?.(attributes) !== false) await this.#contents(slice, attributes);
  }

  async #entries(slice: number, directory: Attributes): Promise<void> {
    const { state } = this.#core;
    const packed = packId(directory);
    for (let cookie = 0; ; ) {
      await this.#room();
      if (!this.#lives(directory)) return;
      const rows = state.reader.entriesAfter(directory.key, cookie, PAGE);
      const changes: Change[] = [];
      for (const { name } of rows) {
        const entry = state.entryUnit(directory.key, name).value;
        if (entry === null) continue;
        const bytes = Buffer.from(name, 'latin1');
        changes.push({
          type: ChangeTypeSchema.entry,
          entry: { directory: packed, name: bytes, entry: packEntry(entry), old: null },
        });
      }
      if (changes.length > 0) this.#sink.changes(slice, changes);
      if (rows.length < PAGE) return;
      cookie = rows.at(-1)!.cookie;
    }
  }

  /** `count` chunks of a file from number `from` on; 0: all. */
  async #contents(slice: number, id: FlareId, from = 0, count = 0): Promise<void> {
    const { files } = this.#core.state;
    if (count > 0) {
      for (let chunk = from; chunk < from + count; chunk++) await this.#chunk(slice, id, chunk);
      return;
    }
    for (let first = from; this.#lives(id); ) {
      const chunks = files.chunksFrom(id, first, PAGE);
      for (const chunk of chunks) await this.#chunk(slice, id, chunk);
      if (chunks.length < PAGE) return;
      first = chunks.at(-1)! + 1;
    }
  }

  async #chunk(slice: number, id: FlareId, chunk: number): Promise<void> {
    const start = chunk * CHUNK_SIZE;
    for (let from = start; from < start + CHUNK_SIZE && this.#lives(id); ) {
      await this.#room();
      if (!this.#lives(id)) return;
      const [extent] = within(this.#core.state.files.chunk(id, chunk).value, from, start + CHUNK_SIZE);
      if (extent === undefined) return;
      const piece = { ...extent, length: Math.min(extent.length, DATA_MAX) };
      if (await this.#piece(slice, id, chunk, piece)) from = piece.offset + piece.length;
    }
  }

  /** False when the file does not have these bytes there any more, or the log does not. */
  async #piece(slice: number, id: FlareId, chunk: number, piece: StoredExtent): Promise<boolean> {
    let bytes: Buffer;
    try {
      const read = this.#core.pins.read(this.#core.kml, piece);
      bytes = isPending(read) ? await read : read;
    } catch (error) {
      if (!(error instanceof KmlReadError)) throw error;
      if (!this.#isAt(id, chunk, piece)) return false;
      const { offset, length } = piece;
      if (await this.#core.repair.mend(this.#core, id, offset, offset + length, error)) return false;
      throw error;
    }
    if (!this.#lives(id) || !this.#isAt(id, chunk, piece)) return false;
    this.#sink.data(slice, id, piece.offset, bytes);
    return true;
  }

  #isAt(id: FlareId, chunk: number, { offset, length, segment, position }: StoredExtent): boolean {
    const [found] = within(this.#core.state.files.chunk(id, chunk).value, offset, offset + length);
    return (
      found !== undefined &&
      found.offset === offset &&
      found.length === length &&
      found.segment === segment &&
      found.position === position
    );
  }

  async #notes(slice: number): Promise<void> {
    const { notes } = this.#core.state;
    const names = [...notes.all()].map(([name]) => name).filter((name) => sliceOfNote(name) === slice);
    for (const name of names) await this.#note(slice, name);
  }

  async #note(slice: number, name: string): Promise<void> {
    await this.#room();
    const value = this.#core.state.notes.get(name)?.value ?? null;
    if (value === null) return;
    const note = { name: Buffer.from(name, 'latin1'), value, old: null };
    this.#sink.changes(slice, [{ type: ChangeTypeSchema.note, note }]);
  }

  async #replays(slice: number): Promise<void> {
    const { replays } = this.#core.state;
    for (const { identity, time, attributes } of [...replays.inSlices((one) => one === slice)]) {
      await this.#room();
      this.#sink.replay(slice, { identity: identityBytes(identity), time, outcome: encodeOutcome(attributes) });
    }
  }
}

function flareChange(flare: Flare): Change {
  return { type: ChangeTypeSchema.flare, flare: { flare: packFlare(flare), old: null } };
}

function linkChanges(id: FlareId, parents: Parents): Change[] {
  return [...parents.values()].map(({ directory, count }) => {
    const parentLink = { id: packId(id), directory: packId(directory), count, old: 0 };
    return { type: ChangeTypeSchema.parentLink, parentLink };
  });
}

/** A base record of what a walk has found, for a copy that has the slice up to `at`. `data`: the bytes of its last change. */
export function baseRecord(
  slice: number,
  { number, epoch }: LastRecord,
  changes: readonly Change[],
  { replay = null, data }: { readonly replay?: Replay | null; readonly data?: Buffer } = {},
): Buffer {
  const head = { slice, number, epoch, time: 0, commit: 0, place: 0, groupSize: 1 };
  return encodeRecord({ ...head, operation: OperationSchema.base, replay, changes }, data);
}

/** A data change without its bytes, which `encodeRecord` puts in place. */
export function dataChange(id: FlareId, offset: number): Change {
  const covered = { complete: true, extents: [] };
  return { type: ChangeTypeSchema.data, data: { id: packId(id), offset, covered, bytes: NO_BYTES } };
}
