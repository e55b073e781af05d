import { type Eventually, isPending } from '../../base/eventually.ts';
import { KmlReadError } from '../kml/errors.ts';
import { encodeOutcome } from '../record/codec.ts';
import { CHANGES_MAX, DATA_MAX } from '../record/limits.ts';
import { NO_BYTES, packEntry, packFlare, packId } from '../record/pack.ts';
import { type Change, ChangeTypeSchema, type Replay, type StoredExtent } from '../record/schema.ts';
import { type Attributes, type FlareId, FlareType, type Key } from '../types.ts';
import type { Core } from './core.ts';
import { within } from './extents.ts';
import { CHUNK_SIZE } from './limits.ts';
import { sliceOfNote } from './note-table.ts';
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
    const { kml, flusher } = this.#core;
    // The index then has all units that are there now.
    const lsn = kml.nextLsn - 1;
    await kml.whenDurable(lsn);
    await flusher.flushed(lsn);
    for (const slice of slices) await this.#slice(slice);
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
    const changes: Change[] = [{ type: ChangeTypeSchema.flare, flare: { flare: packFlare(flare), old: null } }];
    for (const { directory, count } of state.parents(flare).values()) {
      const parentLink = { id: packId(attributes), directory: packId(directory), count, old: 0 };
      changes.push({ type: ChangeTypeSchema.parentLink, parentLink });
    }
    for (let at = 0; at < changes.length; at += CHANGES_MAX) {
      this.#sink.changes(slice, changes.slice(at, at + CHANGES_MAX));
    }
    if (attributes.type === FlareType.directory) await this.#entries(slice, attributes);
    else if (attributes.used > 0) await this.#contents(slice, attributes);
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

  async #contents(slice: number, id: FlareId): Promise<void> {
    const { files } = this.#core.state;
    for (let first = 0; this.#lives(id); ) {
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
    for (const name of names) {
      await this.#room();
      const value = notes.get(name)?.value ?? null;
      if (value === null) continue;
      const note = { name: Buffer.from(name, 'latin1'), value, old: null };
      this.#sink.changes(slice, [{ type: ChangeTypeSchema.note, note }]);
    }
  }

  async #replays(slice: number): Promise<void> {
    const { replays } = this.#core.state;
    for (const { identity, time, attributes } of [...replays.inSlices((one) => one === slice)]) {
      await this.#room();
      this.#sink.replay(slice, { identity: identityBytes(identity), time, outcome: encodeOutcome(attributes) });
    }
  }
}

/** A data change without its bytes, which `encodeRecord` puts in place. */
export function dataChange(id: FlareId, offset: number): Change {
  const covered = { complete: true, extents: [] };
  return { type: ChangeTypeSchema.data, data: { id: packId(id), offset, covered, bytes: NO_BYTES } };
}
