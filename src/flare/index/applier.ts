import { batchEnd, batchRecords } from '../kml/format.ts';
import type { LogBatch, LogMark } from '../kml/types.ts';
import { dataPosition, decodeRecord } from '../record/codec.ts';
import { type Change, ChangeTypeSchema, type LogRecord, OperationSchema } from '../record/schema.ts';
import { readMark, type SqliteDatabase } from './database.ts';
import { ExtentTable } from './extents.ts';
import { LiveBytes } from './live.ts';
import { EntryTable, FlareTable, NoteTable, ParentTable, ReplayTable, SliceTable } from './tables.ts';

/** A change with its type and what that says. */
type ChangeOf<T extends Change['type']> = Extract<Change, { type: T }>;

/** Where in the log a change stands. */
interface Place {
  readonly record: LogRecord;
  readonly segment: number;
  /** Where the record's data begin in the segment, when it has any. */
  readonly data: number;
}

/** Puts durable batches into an index, in the log's order. */
export class Applier {
  readonly #database: SqliteDatabase;
  readonly #live: LiveBytes;
  readonly #flares: FlareTable;
  readonly #entries: EntryTable;
  readonly #extents: ExtentTable;
  readonly #parents: ParentTable;
  readonly #notes: NoteTable;
  readonly #slices: SliceTable;
  readonly #replays: ReplayTable;
  readonly #setMark;
  #mark: LogMark;

  constructor(database: SqliteDatabase) {
    this.#database = database;
    this.#live = new LiveBytes(database);
    this.#flares = new FlareTable(database, this.#live);
    this.#entries = new EntryTable(database, this.#live);
    this.#extents = new ExtentTable(database, this.#live);
    this.#parents = new ParentTable(database, this.#live);
    this.#notes = new NoteTable(database, this.#live);
    this.#slices = new SliceTable(database, this.#live);
    this.#replays = new ReplayTable(database, this.#live);
    this.#setMark = database.prepare('UPDATE mark SET lsn = ?, segment = ?, position = ? WHERE id = 1');
    this.#mark = readMark(database);
  }

  /** Up to where the log is applied. */
  get mark(): LogMark {
    return this.#mark;
  }

  /** Applies the batches, which must follow on what is applied, in one transaction with the mark. Throws when it cannot; then nothing has changed. */
  apply(batches: readonly LogBatch[]): void {
    const before = this.#mark;
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      for (const batch of batches) this.#applyBatch(batch);
      this.#flares.flush();
      this.#live.flush();
      this.#slices.flush();
      this.#replays.flush();
      this.#setMark.run(this.#mark.lsn, this.#mark.segment, this.#mark.position);
      this.#database.exec('COMMIT');
    } catch (error) {
      this.#mark = before;
      for (const table of [this.#live, this.#flares, this.#slices, this.#replays]) table.drop();
      if (this.#database.inTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }

  #applyBatch(batch: LogBatch): void {
    // A log whose oldest segments were dropped begins above 1; an empty index may begin anywhere.
    if (batch.firstLsn !== this.#mark.lsn + 1 && this.#mark.lsn !== 0) {
      throw new Error(`the index ends with record ${this.#mark.lsn}, and was given ${batch.firstLsn} as the next`);
    }
    for (const { position, payload } of batchRecords(batch)) {
      const record = decodeRecord(payload);
      const data = position + (dataPosition(record, payload.length) ?? 0);
      const place = { record, segment: batch.segment, data };
      this.#slices.seen(record.slice, record.number, record.epoch, batch.segment);
      const fresh = record.operation !== OperationSchema.base;
      if (record.replay !== null) this.#replays.put(record.replay, batch.segment, fresh);
      for (const change of record.changes) this.#applyChange(change, place);
    }
    this.#mark = batchEnd(batch);
  }

  #applyChange(change: Change, place: Place): void {
    const apply = this.#changes[change.type] as ((change: Change, place: Place) => void) | undefined;
    if (apply === undefined) throw new Error(`record ${place.record.number} holds a change of unknown type`);
    apply(change, place);
  }

  readonly #changes: { [T in Change['type']]: (change: ChangeOf<T>, place: Place) => void } = {
    [ChangeTypeSchema.flare]: (change, place) => {
      this.#flares.put(change.flare.flare, place.segment);
    },
    [ChangeTypeSchema.flareGone]: (change) => {
      const { key, generation } = change.flareGone.id;
      this.#flares.remove(key, generation);
      this.#extents.clear(key, generation);
      this.#parents.clear(key, generation);
    },
    [ChangeTypeSchema.entry]: (change, place) => {
      this.#entries.put(change.entry.directory.key, change.entry.name, change.entry.entry, place.segment);
    },
    [ChangeTypeSchema.entryGone]: (change) => {
      this.#entries.remove(change.entryGone.directory.key, change.entryGone.name);
    },
    [ChangeTypeSchema.data]: (change, place) => {
      const { id, offset, bytes } = change.data;
      if (bytes.length === 0) return;
      const extent = { offset, length: bytes.length, segment: place.segment, position: place.data };
      this.#extents.write(id.key, id.generation, extent);
    },
    [ChangeTypeSchema.cut]: (change) => {
      this.#extents.cut(change.cut.id.key, change.cut.id.generation, change.cut.end);
    },
    [ChangeTypeSchema.parentLink]: (change, place) => {
      this.#parents.put(change.parentLink.id, change.parentLink.directory, change.parentLink.count, place.segment);
    },
    [ChangeTypeSchema.slice]: (change, place) => {
      this.#slices.put(place.record.slice, change.slice.nextFileid, change.slice.fileidsWrapped, place.segment);
    },
    [ChangeTypeSchema.note]: (change, place) => {
      this.#notes.put(change.note.name, change.note.value, place.segment);
    },
  };
}
