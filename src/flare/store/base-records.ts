import type { LogRecordPlace } from '../kml/types.ts';
import { dataPosition, decodeRecord } from '../record/codec.ts';
import { packEntry, packFlare, packId, unpackId } from '../record/pack.ts';
import { type Change, ChangeTypeSchema, type LogRecord, OperationSchema, type Replay } from '../record/schema.ts';
import type { FlareId, Key } from '../types.ts';
import { appendGroup, type Core } from './core.ts';
import { Group } from './group.ts';
import { REPLAY_AGE_MAX } from './limits.ts';
import type { Notes } from './notes.ts';

/** Pieces of data in one group at most; a record has room for far more of them than a group. */
const PIECES_MAX = 32;

type ChangeOf<T extends Change['type']> = Extract<Change, { type: T }>;
/** What is to be done to the state when the base records are in the log. */
type Moved = (lsn: number, segment: number) => void;

/**
 * Writes anew, as base records, what the state still needs of one record in the segment that is being cleaned. All in one turn, so the
 * state cannot change between the look and the writing.
 */
export class BaseRecords {
  readonly #core: Core;
  readonly #notes: Notes;
  readonly #segment: number;
  /** The last LSN that was appended. */
  lsn = 0;
  /** Bytes that were appended since this was last set to 0. */
  bytes = 0;

  constructor(core: Core, notes: Notes, segment: number) {
    this.#core = core;
    this.#notes = notes;
    this.#segment = segment;
  }

  /** Cleans one record. NOSPC when the disk has no room at all; IO. */
  clean(place: LogRecordPlace): void {
    const record = decodeRecord(place.payload);
    const changes: Change[] = [];
    const moved: Moved[] = [];
    for (const change of record.changes) {
      const keep = this.#keepers[change.type] as
        | ((change: Change, moved: Moved[], slice: number) => Change | null)
        | undefined;
      const kept = keep?.(change, moved, record.slice) ?? null;
      if (kept !== null) changes.push(kept);
    }
    const replay = this.#replay(record, moved);
    // The slice's counter of records must outlive its last record.
    const { number, lastSegment } = this.#core.state.slices.of(record.slice);
    if (changes.length === 0 && record.number === number && lastSegment === this.#segment) {
      changes.push(this.#sliceChange(record.slice, moved));
    }
    if (changes.length > 0 || replay !== null) this.#append(record.slice, changes, replay, moved);
    this.#cleanData(place, record);
  }

  #append(slice: number, changes: readonly Change[], replay: Replay | null, moved: readonly Moved[]): void {
    const group = this.#begin();
    // A record may hold a replay and nothing else.
    group.number(slice);
    for (const change of changes) group.add(slice, change);
    group.replay = replay;
    const { lsn, segment } = this.#commit(group);
    for (const action of moved) action(lsn, segment);
  }

  #begin(): Group {
    const { state, clock } = this.#core;
    return new Group(state.slices, OperationSchema.base, clock.now());
  }

  #commit(group: Group): { lsn: number; segment: number } {
    const payloads = group.encode();
    const appended = appendGroup(this.#core, payloads, true);
    for (const { id, extent } of group.placed(appended)) this.#core.state.files.place(id, extent, appended.lsn);
    for (const { length } of payloads) this.bytes += length;
    this.lsn = appended.lsn;
    return appended;
  }

  #replay({ replay }: LogRecord, moved: Moved[]): Replay | null {
    const { replays, clock } = this.#core;
    if (replay === null || clock.now() - replay.time > REPLAY_AGE_MAX) return null;
    if (!replays.isAt(replay.identity, replay.time, this.#segment)) return null;
    const identity = Buffer.from(replay.identity);
    moved.push((_lsn, segment) => replays.moved(identity, segment));
    return replay;
  }

  #sliceChange(number: number, moved: Moved[]): Change {
    const slice = this.#core.state.slices.of(number);
    moved.push((_lsn, segment) => Object.assign(slice, { segment }));
    const { nextFileid, fileidsWrapped } = slice;
    return { type: ChangeTypeSchema.slice, slice: { nextFileid, fileidsWrapped, old: nextFileid } };
  }

  #lives(id: FlareId): boolean {
    return this.#core.state.flareUnit(id.key).value?.attributes.generation === id.generation;
  }

  /** The pieces of a record's data that the file still has there. */
  #cleanData(place: LogRecordPlace, record: LogRecord): void {
    const last = record.changes.at(-1);
    if (last?.type !== ChangeTypeSchema.data) return;
    const id = unpackId(last.data.id);
    if (!this.#lives(id)) return;
    const { offset, bytes } = last.data;
    const start = place.position + dataPosition(record, place.payload.length)!;
    const { extents } = this.#core.state.files.extents(id, offset, offset + bytes.length);
    const pieces = extents.filter(
      (extent) => extent.segment === this.#segment && extent.position - start === extent.offset - offset,
    );
    for (let at = 0; at < pieces.length; at += PIECES_MAX) {
      const group = this.#begin();
      for (const piece of pieces.slice(at, at + PIECES_MAX)) {
        const from = piece.offset - offset;
        group.addData(id, piece.offset, bytes.subarray(from, from + piece.length), []);
      }
      this.#commit(group);
    }
  }

  readonly #keepers: { [T in Change['type']]?: (change: ChangeOf<T>, moved: Moved[], slice: number) => Change | null } =
    {
      [ChangeTypeSchema.flare]: (change, moved) => {
        const { state } = this.#core;
        const key = change.flare.flare.id.key.toString('latin1') as Key;
        const { value, segment } = state.flareUnit(key);
        if (value === null || segment !== this.#segment) return null;
        moved.push((lsn, to) => state.setFlare(key, value, lsn, to));
        return { type: ChangeTypeSchema.flare, flare: { flare: packFlare(value), old: null } };
      },
      [ChangeTypeSchema.entry]: (change, moved) => {
        const { state } = this.#core;
        const directory = unpackId(change.entry.directory);
        const name = change.entry.name.toString('latin1');
        const { value, segment } = state.entryUnit(directory.key, name);
        if (value === null || segment !== this.#segment) return null;
        moved.push((lsn, to) => state.setEntry(directory.key, name, value, lsn, to));
        return { type: ChangeTypeSchema.entry, entry: { ...change.entry, entry: packEntry(value), old: null } };
      },
      [ChangeTypeSchema.parentLink]: (change, moved) => {
        const { state } = this.#core;
        const id = unpackId(change.parentLink.id);
        if (!this.#lives(id)) return null;
        const there = state.parentsUnit(id).value.get(change.parentLink.directory.key.toString('latin1') as Key);
        if (there === undefined || there.segment !== this.#segment) return null;
        moved.push((lsn, to) => state.setParent(id, there.directory, there.count, lsn, to));
        const { count, directory } = there;
        return {
          type: ChangeTypeSchema.parentLink,
          parentLink: { id: packId(id), directory: packId(directory), count, old: count },
        };
      },
      [ChangeTypeSchema.slice]: (_change, moved, number) => {
        return this.#core.state.slices.of(number).segment === this.#segment ? this.#sliceChange(number, moved) : null;
      },
      [ChangeTypeSchema.note]: (change, moved) => {
        const name = change.note.name.toString('latin1');
        const value = this.#notes.definedIn(name, this.#segment);
        if (value === null) return null;
        moved.push((lsn, to) => this.#notes.moved(name, lsn, to));
        return { type: ChangeTypeSchema.note, note: { name: change.note.name, value, old: null } };
      },
    };
}
