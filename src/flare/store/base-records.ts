import { weightOf } from '../index/live.ts';
import { sliceOf } from '../keys.ts';
import { KmlRotError } from '../kml/errors.ts';
import { batchRecords, recordSound, segmentName } from '../kml/format.ts';
import type { LogBatch, LogRecordPlace } from '../kml/types.ts';
import { dataPosition, decodeRecord, encodeOutcome } from '../record/codec.ts';
import { packEntry, packFlare, packId, unpackId } from '../record/pack.ts';
import { type Change, ChangeTypeSchema, type LogRecord, type StoredExtent } from '../record/schema.ts';
import { anyChange, type Glance } from '../record/skim.ts';
import type { FlareId, Key } from '../types.ts';
import { BaseDrafts } from './base-drafts.ts';
import type { Core } from './core.ts';
import { REPLAY_AGE_MAX } from './limits.ts';
import type { Notes } from './notes.ts';
import { identityBytes } from './replays.ts';
import { type DamagedData, damagedData } from './scrub.ts';

type ChangeOf<T extends Change['type']> = Extract<Change, { type: T }>;

/**
 * Writes anew, as base records, what the state still needs of the segment that is being cleaned. What is found is gathered and appended by `append`, in the same turn:
 * the state cannot change between the look and the writing.
 */
export class BaseRecords {
  readonly #core: Core;
  readonly #notes: Notes;
  readonly #segment: number;
  #drafts: BaseDrafts;
  /** What is among the drafts already, and by the state still lies in the segment. */
  readonly #gathered = new Set<unknown>();
  /** Data of records that are not sound, which others may have: where in which file, and where the record's payload begins in the segment. */
  readonly damaged: DamagedData[] = [];
  /** The last LSN that was appended; 0 before that. */
  lsn = 0;
  #appended = 0;

  constructor(core: Core, notes: Notes, segment: number) {
    this.#core = core;
    this.#notes = notes;
    this.#segment = segment;
    this.#drafts = new BaseDrafts(core);
  }

  /** About how many bytes were gathered since this was last set to 0. */
  get bytes(): number {
    return this.#appended + this.#drafts.bytes;
  }

  set bytes(bytes: number) {
    this.#appended = bytes - this.#drafts.bytes;
  }

  /** Appends what was gathered. NOSPC when the disk has no room at all; IO. */
  append(): void {
    const drafts = this.#drafts;
    if (drafts.empty) return;
    this.#drafts = new BaseDrafts(this.#core);
    this.#gathered.clear();
    this.lsn = drafts.append();
    this.#appended += drafts.bytes;
  }

  #appendFull(): void {
    if (this.#drafts.full) this.append();
  }

  /**
   * Gathers what is live of batches that were not checked; gives the length of each record when it is done with it, so that others may have their turn. Of a record
   * that is needed and not sound, data are left in `damaged`. Throws `KmlRotError` when it cannot be seen what it was; as `append`.
   */
  *unchecked(batches: readonly LogBatch[]): Generator<number> {
    for (const batch of batches) {
      for (const place of batchRecords(batch)) {
        this.#position = place.position;
        if (anyChange(place.payload, this.#glance)) {
          if (recordSound(batch, place)) this.#clean(place);
          else this.#cleanDamaged(place);
        }
        yield place.payload.length;
      }
    }
  }

  /**
   * Of a record that is not sound: what it names is as the state has it, if the state says that it lies there, whatever became of its bytes. Its slice may be wrong, though: what has no key is
   * left.
   */
  #cleanDamaged(place: LogRecordPlace): void {
    let record: LogRecord;
    try {
      record = decodeRecord(place.payload);
    } catch {
      throw this.#rotAt(place);
    }
    for (const change of record.changes) {
      if (change.type === ChangeTypeSchema.flare) {
        this.#keepers[change.type]!(change, sliceOf(unpackId(change.flare.flare.id).key));
        this.#appendFull();
      }
    }
    const data = damagedData(place);
    if (data !== null) this.damaged.push(data);
  }

  #rotAt({ lsn, position }: LogRecordPlace): KmlRotError {
    return new KmlRotError(segmentName(this.#segment), this.#segment, position, `record ${lsn} there is needed`);
  }

  /** As `unchecked`, of all records of a batch that is sound. */
  *checked(batch: LogBatch): Generator<number> {
    for (const place of batchRecords(batch)) {
      this.#clean(place);
      yield place.payload.length;
    }
  }

  #clean(place: LogRecordPlace): void {
    const record = decodeRecord(place.payload);
    for (const change of record.changes) {
      const keep = this.#keepers[change.type] as ((change: Change, slice: number) => void) | undefined;
      keep?.(change, record.slice);
      this.#appendFull();
    }
    this.#cleanData(place, record);
  }

  /**
   * Gathers what is known in memory to lie in the segment and is not asked of its records: answers, and the counters of slices that would have no record otherwise. As
   * `unchecked`, but nothing of the segment is looked at.
   */
  *remains(): Generator<number> {
    const { slices, replays } = this.#core.state;
    for (const place of replays.placesIn(this.#segment)) {
      this.#moveReplay(place);
      this.#appendFull();
      yield 0;
    }
    // Whatever is written anew of a slice is a record of it.
    this.append();
    for (const number of slices.lastIn(this.#segment)) {
      this.#moveSlice(number);
      yield 0;
    }
  }

  #moveReplay(place: number): void {
    const { clock, replays } = this.#core;
    const { identity, time, attributes, slice } = replays.at(place);
    if (clock.now() - time > REPLAY_AGE_MAX) return;
    const replay = { identity: identityBytes(identity), time, outcome: encodeOutcome(attributes) };
    this.#drafts.addReplay(slice, replay, (_lsn, segment) => replays.moved(place, segment));
  }

  #moveSlice(number: number): void {
    const slice = this.#core.state.slices.of(number);
    if (!this.#isNew(slice)) return;
    const { nextFileid, fileidsWrapped } = slice;
    const change: Change = {
      type: ChangeTypeSchema.slice,
      slice: { nextFileid, fileidsWrapped, old: nextFileid },
    };
    this.#drafts.add(number, change, weightOf.slice(), (_lsn, segment) => Object.assign(slice, { segment }));
    this.#appendFull();
  }

  /** Whether that is not among the drafts yet. */
  #isNew(unit: unknown): boolean {
    if (this.#gathered.has(unit)) return false;
    this.#gathered.add(unit);
    return true;
  }

  #lives(id: FlareId): boolean {
    return this.#core.state.flareUnit(id.key).value?.attributes.generation === id.generation;
  }

  /** The pieces of a file that still lie where a record's data begins, at `start` in the segment. */
  #pieces(id: FlareId, offset: number, length: number, start: number): readonly StoredExtent[] {
    if (length === 0 || !this.#lives(id)) return [];
    const { extents } = this.#core.state.files.extents(id, offset, offset + length);
    return extents.filter(
      (extent) => extent.segment === this.#segment && extent.position - start === extent.offset - offset,
    );
  }

  #cleanData(place: LogRecordPlace, record: LogRecord): void {
    const last = record.changes.at(-1);
    if (last?.type !== ChangeTypeSchema.data) return;
    const id = unpackId(last.data.id);
    const { offset, bytes } = last.data;
    const start = place.position + dataPosition(record, place.payload.length)!;
    for (const piece of this.#pieces(id, offset, bytes.length, start)) {
      const from = piece.offset - offset;
      this.#drafts.addData(id, piece.offset, bytes.subarray(from, from + piece.length));
      this.#appendFull();
    }
  }

  /** Where the record that is looked at begins in the segment. */
  #position = 0;
  readonly #glance: Glance = {
    flare: (key) => {
      const { value, segment } = this.#core.state.flareUnit(key);
      return value !== null && segment === this.#segment;
    },
    entry: (directory, name) => {
      const { value, segment } = this.#core.state.entryUnit(directory, name);
      return value !== null && segment === this.#segment;
    },
    parentLink: (id, directory) =>
      this.#lives(id) && this.#core.state.parentsUnit(id).value.get(directory)?.segment === this.#segment,
    slice: (number) => this.#core.state.slices.of(number).segment === this.#segment,
    note: (name) => this.#notes.definedIn(name, this.#segment) !== null,
    data: (id, offset, length, position) => this.#pieces(id, offset, length, this.#position + position).length > 0,
  };

  readonly #keepers: { [T in Change['type']]?: (change: ChangeOf<T>, slice: number) => void } = {
    [ChangeTypeSchema.flare]: (change, slice) => {
      const { state } = this.#core;
      const id = unpackId(change.flare.flare.id);
      const unit = state.flareUnit(id.key);
      const { value, segment } = unit;
      if (value === null || segment !== this.#segment || !this.#isNew(unit)) return;
      const flare = { flare: packFlare(value), old: null };
      const weight = weightOf.flare(value.target);
      this.#drafts.add(slice, { type: ChangeTypeSchema.flare, flare }, weight, (lsn, to) =>
        state.setFlare(id.key, value, lsn, to),
      );
    },
    [ChangeTypeSchema.entry]: ({ entry }, slice) => {
      const { state } = this.#core;
      const directory = unpackId(entry.directory);
      const name = entry.name.toString('latin1');
      const unit = state.entryUnit(directory.key, name);
      const { value, segment } = unit;
      if (value === null || segment !== this.#segment || !this.#isNew(unit)) return;
      const change = { type: ChangeTypeSchema.entry, entry: { ...entry, entry: packEntry(value), old: null } };
      this.#drafts.add(slice, change, weightOf.entry(entry.name), (lsn, to) =>
        state.setEntry(directory.key, name, value, lsn, to),
      );
    },
    [ChangeTypeSchema.parentLink]: ({ parentLink }, slice) => {
      const { state } = this.#core;
      const id = unpackId(parentLink.id);
      if (!this.#lives(id)) return;
      const there = state.parentsUnit(id).value.get(parentLink.directory.key.toString('latin1') as Key);
      if (there === undefined || there.segment !== this.#segment || !this.#isNew(there)) return;
      const { count, directory } = there;
      const link = { id: packId(id), directory: packId(directory), count, old: count };
      const change = { type: ChangeTypeSchema.parentLink, parentLink: link };
      this.#drafts.add(slice, change, weightOf.parent(), (lsn, to) => state.setParent(id, directory, count, lsn, to));
    },
    [ChangeTypeSchema.slice]: (_change, number) => {
      if (this.#core.state.slices.of(number).segment === this.#segment) this.#moveSlice(number);
    },
    [ChangeTypeSchema.note]: ({ note }, slice) => {
      const name = note.name.toString('latin1');
      const value = this.#notes.definedIn(name, this.#segment);
      if (value === null || !this.#isNew(name)) return;
      const change = { type: ChangeTypeSchema.note, note: { name: note.name, value, old: null } };
      this.#drafts.add(slice, change, weightOf.note(note.name, value), (lsn, to) => this.#notes.moved(name, lsn, to));
    },
  };
}
