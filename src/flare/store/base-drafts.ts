import { XdrWriter } from '../../rpc/xdr.ts';
import { sliceOf } from '../keys.ts';
import { RECORD_HEADER_BYTES } from '../kml/format.ts';
import type { Appended, Payload } from '../kml/types.ts';
import { dataPositionOf, writeRecord, writeRecordHead } from '../record/codec.ts';
import { CHANGES_MAX, GROUP_MAX } from '../record/limits.ts';
import { type Change, type LogRecord, OperationSchema, type Replay } from '../record/schema.ts';
import type { FlareId } from '../types.ts';
import { appendGroup, type Core } from './core.ts';
import { dataChange } from './walk.ts';

/** A record takes no further change when it is so long, in bytes: what is moved together is appended together. */
const RECORD_BYTES = 64 * 1024;
/** They should be appended when there are so many records, or bytes of them. */
const DRAFTS_MAX = 8 * GROUP_MAX;
const DRAFTS_BYTES = 256 * 1024;

/** Records are made here, on their way into the log's own memory. */
const writer = new XdrWriter();

interface Draft {
  readonly slice: number;
  readonly changes: Change[];
  replay: Replay | null;
  data: { readonly id: FlareId; readonly offset: number; readonly bytes: Uint8Array } | null;
  readonly moved: Moved[];
  /** About how long it is, and how long its payload is when it is encoded. */
  bytes: number;
  length: number;
}

/** What is to be done to the state when a record is in the log. */
type Moved = (lsn: number, segment: number) => void;

/**
 * Base records in the making: whole new state of units of any slices, as many changes of one slice to a record as it takes, with a piece of data as its last one. They take
 * no numbers: each carries that of its slice's last record, so that every volcano can write its own.
 */
export class BaseDrafts {
  readonly #core: Core;
  readonly #drafts: Draft[] = [];
  /** The record of each slice that takes more. */
  readonly #open = new Map<number, Draft>();
  /** About how long all records are, in bytes. */
  bytes = 0;

  constructor(core: Core) {
    this.#core = core;
  }

  get empty(): boolean {
    return this.#drafts.length === 0;
  }

  /** They should be appended before more is added. */
  get full(): boolean {
    return this.#drafts.length >= DRAFTS_MAX || this.bytes >= DRAFTS_BYTES;
  }

  #draft(slice: number, takes: (draft: Draft) => boolean): Draft {
    const open = this.#open.get(slice);
    if (open !== undefined && takes(open)) return open;
    const draft: Draft = { slice, changes: [], replay: null, data: null, moved: [], bytes: 0, length: 0 };
    this.#drafts.push(draft);
    this.#open.set(slice, draft);
    return draft;
  }

  #grow(draft: Draft, bytes: number): void {
    draft.bytes += bytes;
    this.bytes += bytes;
  }

  /** Adds a change that takes about so many bytes, and what is to be done when it is in the log. */
  add(slice: number, change: Change, bytes: number, moved: Moved): void {
    // One place is left for a piece of data.
    const takes = (draft: Draft): boolean =>
      draft.changes.length < CHANGES_MAX - 1 && draft.bytes + bytes <= RECORD_BYTES;
    const draft = this.#draft(slice, takes);
    draft.changes.push(change);
    this.#grow(draft, bytes);
    draft.moved.push(moved);
  }

  /** Adds a piece of data, at most `DATA_MAX` long, within one chunk, which must stay as it is until `append`. The state is told where it lies then. */
  addData(id: FlareId, offset: number, bytes: Uint8Array): void {
    const slice = sliceOf(id.key);
    const draft = this.#draft(slice, () => true);
    draft.data = { id, offset, bytes };
    draft.changes.push(dataChange(id, offset));
    this.#grow(draft, bytes.length);
    this.#open.delete(slice);
  }

  addReplay(slice: number, replay: Replay, moved: Moved): void {
    const draft = this.#draft(slice, (open) => open.replay === null);
    draft.replay = replay;
    this.#grow(draft, replay.identity.length + replay.outcome.length);
    draft.moved.push(moved);
  }

  /** Appends all, and does to the state what that brings; returns the last LSN. NOSPC when the disk has no room at all, IO; the state has what was appended before. */
  append(): number {
    let last = 0;
    for (let at = 0; at < this.#drafts.length; at += GROUP_MAX) {
      const group = this.#drafts.slice(at, at + GROUP_MAX);
      const appended = appendGroup(this.#core, this.#encode(group), true);
      this.#place(group, appended);
      last = appended.lsn;
    }
    return last;
  }

  #encode(group: readonly Draft[]): Payload[] {
    const { state, clock } = this.#core;
    const { slices } = state;
    const time = clock.now();
    writer.clear();
    return group.map((draft, place) => {
      const { slice, replay, changes, data } = draft;
      const { number, epoch } = slices.of(slice);
      const record: LogRecord = {
        slice,
        epoch,
        number,
        time,
        commit: slices.commit(slice),
        place,
        groupSize: group.length,
        operation: OperationSchema.base,
        replay,
        changes,
      };
      const start = writer.position;
      if (data === null) {
        writeRecord(writer, record);
        draft.length = writer.position - start;
        return writer.written(start);
      }
      draft.length = writeRecordHead(writer, record, data.bytes);
      return { length: draft.length, head: writer.written(start), tail: data.bytes };
    });
  }

  #place(group: readonly Draft[], { lsn, segment, position }: Appended): void {
    const { slices, files } = this.#core.state;
    let start = position;
    for (const { slice, data, length, moved } of group) {
      const { number, epoch } = slices.of(slice);
      slices.numbered(slice, number, epoch, segment);
      if (data !== null) {
        const lead = dataPositionOf(length, data.bytes.length);
        const place = { segment, position: start + lead, lead };
        files.place(data.id, { offset: data.offset, length: data.bytes.length, ...place }, lsn);
      }
      for (const action of moved) action(lsn, segment);
      start += length + RECORD_HEADER_BYTES;
    }
  }
}
