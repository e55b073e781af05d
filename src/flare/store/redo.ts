import type { Eventually } from '../../base/eventually.ts';
import { batchEnd, batchRecords } from '../kml/format.ts';
import type { LogBatch, LogRecordPlace } from '../kml/types.ts';
import { dataPosition, decodeOutcome, decodeRecord } from '../record/codec.ts';
import { unpackEntry, unpackFlare, unpackId } from '../record/pack.ts';
import { type Change, ChangeTypeSchema, type LogRecord } from '../record/schema.ts';
import type { Flusher } from './flusher.ts';
import type { State } from './state.ts';
import { undo } from './undo.ts';

type ChangeOf<T extends Change['type']> = Extract<Change, { type: T }>;

/** Where in the log a change that is done again lies. */
interface Place {
  /** The record's slice. */
  readonly slice: number;
  readonly lsn: number;
  readonly segment: number;
  /** Where the record's payload begins in the segment, and how far behind that its data, when it has any. */
  readonly position: number;
  readonly lead: number;
}

const REDO: { [T in Change['type']]: (state: State, change: ChangeOf<T>, place: Place) => void } = {
  [ChangeTypeSchema.flare]: (state, { flare }, { lsn, segment }) => {
    const value = unpackFlare(flare.flare);
    state.setFlare(value.attributes.key, value, lsn, segment);
  },
  [ChangeTypeSchema.flareGone]: (state, { flareGone }, { lsn }) => {
    state.endFlare(unpackId(flareGone.id), lsn);
  },
  [ChangeTypeSchema.entry]: (state, { entry }, { lsn, segment }) => {
    const name = entry.name.toString('latin1');
    state.setEntry(unpackId(entry.directory).key, name, unpackEntry(entry.entry), lsn, segment);
  },
  [ChangeTypeSchema.entryGone]: (state, { entryGone }, { lsn, segment }) => {
    state.setEntry(unpackId(entryGone.directory).key, entryGone.name.toString('latin1'), null, lsn, segment);
  },
  [ChangeTypeSchema.data]: (state, { data }, { lsn, segment, position, lead }) => {
    const { length } = data.bytes;
    const extent = { offset: data.offset, length, segment, position: position + lead, lead };
    if (length > 0) state.files.place(unpackId(data.id), extent, lsn);
  },
  [ChangeTypeSchema.cut]: (state, { cut }, { lsn }) => {
    state.files.cut(unpackId(cut.id), cut.end, lsn);
  },
  [ChangeTypeSchema.parentLink]: (state, { parentLink }, { lsn, segment }) => {
    const { id, directory, count } = parentLink;
    state.setParent(unpackId(id), unpackId(directory), count, lsn, segment);
  },
  [ChangeTypeSchema.slice]: (state, { slice: counters }, { slice, segment }) => {
    const { nextFileid, fileidsWrapped } = counters;
    Object.assign(state.slices.of(slice), { nextFileid, fileidsWrapped, segment });
  },
  [ChangeTypeSchema.note]: (state, { note }, { lsn, segment }) => {
    const value = note.value === null ? null : Buffer.from(note.value);
    state.notes.set(note.name.toString('latin1'), { value, before: value, lsn, segment });
  },
  [ChangeTypeSchema.wiped]: (state, _change, { slice, lsn }) => {
    state.wipe(slice, lsn);
  },
  [ChangeTypeSchema.undone]: (state, { undone }, { slice, lsn }) => {
    undo(state, slice, undone, lsn);
  },
};

/** Puts into the state what one change says, as the operation that wrote it did; byte strings are copied. */
export function redoChange(state: State, change: Change, place: Place): void {
  const redo = REDO[change.type] as ((state: State, change: Change, place: Place) => void) | undefined;
  if (redo === undefined) throw new Error(`record ${place.lsn} holds a change of unknown type`);
  redo(state, change, place);
}

/**
 * Does again what records of the log say: puts their changes into the state as the operations that wrote them did. At the start, to rebuild an index, and for
 * whoever gets records from elsewhere. Doing a record twice does no harm.
 */
export class Redo {
  readonly #state: State;
  readonly #flusher: Flusher;
  #lsn: number;

  /** `lsn` is the last record that the state has. */
  constructor(state: State, flusher: Flusher, lsn: number) {
    this.#state = state;
    this.#flusher = flusher;
    this.#lsn = lsn;
  }

  /**
   * Does a durable batch again, which must follow on what the state has (a log whose oldest segments were dropped may begin anywhere). Pending while the index
   * cannot keep up. Throws when the batch does not follow, and `XdrError`.
   */
  batch(batch: LogBatch): Eventually<void> {
    if (batch.firstLsn !== this.#lsn + 1 && this.#lsn !== 0) {
      throw new Error(`the state ends with record ${this.#lsn}, and was given ${batch.firstLsn} as the next`);
    }
    for (const place of batchRecords(batch)) this.record(place, batch.segment);
    const end = batchEnd(batch);
    this.#lsn = end.lsn;
    this.#flusher.sealed(end, batch.bytes.length);
    this.#flusher.durable(end);
    return this.#flusher.overloaded ? this.#flusher.room() : undefined;
  }

  /** Does one record again, which lies in that segment; byte strings are copied. */
  record({ lsn, position, payload }: LogRecordPlace, segment: number): void {
    const record = decodeRecord(payload);
    redoRecord(this.#state, record, { lsn, segment, position, lead: dataPosition(record, payload.length) ?? 0 });
  }
}

/** Puts into the state what one record says, as the operation that wrote it did; byte strings are copied. */
export function redoRecord(state: State, record: LogRecord, where: Omit<Place, 'slice'>): void {
  const { slice, number, epoch, replay } = record;
  const { lsn, segment, position, lead } = where;
  // One by one: V8 gives up again and again what it has compiled for a spread here.
  const place: Place = { slice, lsn, segment, position, lead };
  for (const change of record.changes) redoChange(state, change, place);
  state.slices.numbered(slice, number, epoch, segment);
  if (replay === null) return;
  const { identity, time, outcome } = replay;
  const attributes = decodeOutcome(outcome);
  state.replays.redone(identity.toString('latin1'), { time, lsn, attributes, slice, segment });
}
