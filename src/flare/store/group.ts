import { XdrWriter } from '../../rpc/xdr.ts';
import { sliceOf } from '../keys.ts';
import { RECORD_HEADER_BYTES } from '../kml/format.ts';
import type { Appended, Payload } from '../kml/types.ts';
import { dataPositionOf, writeRecord, writeRecordHead } from '../record/codec.ts';
import { NO_BYTES, packId } from '../record/pack.ts';
import {
  type Change,
  ChangeTypeSchema,
  type Extent,
  type LogRecord,
  type Replay,
  type StoredExtent,
} from '../record/schema.ts';
import type { FlareId } from '../types.ts';
import type { Slices } from './slices.ts';

/** Records are made here, on their way into the log's own memory. */
const writer = new XdrWriter();

interface Draft {
  readonly slice: number;
  readonly number: number;
  readonly epoch: number;
  readonly changes: Change[];
  data: { readonly id: FlareId; readonly offset: number; readonly bytes: Uint8Array } | null;
  /** The data's change: a record's last, whatever is added after it. */
  dataChange: Change | null;
  payloadLength: number;
}

/** A piece of data that lies in the log now. */
export interface Placed {
  readonly id: FlareId;
  readonly extent: StoredExtent;
}

/**
 * The records of one change of state: one a slice, and one for each piece of data. Numbers are taken for good by `placed`.
 */
export class Group {
  readonly #slices: Slices;
  readonly #operation: LogRecord['operation'];
  readonly #time: number;
  readonly #drafts: Draft[] = [];
  replay: Replay | null = null;

  constructor(slices: Slices, operation: LogRecord['operation'], time: number) {
    this.#slices = slices;
    this.#operation = operation;
    this.#time = time;
  }

  get empty(): boolean {
    return this.#drafts.length === 0;
  }

  /** The slices of its records, some of them more than once. */
  *slices(): Generator<number> {
    for (const { slice } of this.#drafts) yield slice;
  }

  #first(slice: number): Draft {
    return this.#drafts.find((draft) => draft.slice === slice) ?? this.#begin(slice);
  }

  #begin(slice: number): Draft {
    const before = this.#drafts.filter((draft) => draft.slice === slice).length;
    const number = this.#slices.of(slice).number + before + 1;
    const { epoch } = this.#slices;
    const draft: Draft = { slice, number, epoch, changes: [], data: null, dataChange: null, payloadLength: 0 };
    this.#drafts.push(draft);
    return draft;
  }

  /** The number of the slice's first record in this group, which is begun if need be. */
  number(slice: number): number {
    return this.#first(slice).number;
  }

  add(slice: number, change: Change): void {
    this.#first(slice).changes.push(change);
  }

  /** Adds a piece of data, at most `DATA_MAX` long, within one chunk, and the extents that it covers. */
  addData(id: FlareId, offset: number, bytes: Uint8Array, covered: readonly Extent[]): void {
    const slice = sliceOf(id.key);
    const last = this.#drafts.findLast((draft) => draft.slice === slice);
    const draft = last === undefined || last.data !== null ? this.#begin(slice) : last;
    draft.dataChange = {
      type: ChangeTypeSchema.data,
      data: { id: packId(id), offset, covered: { complete: true, extents: covered }, bytes: NO_BYTES },
    };
    draft.data = { id, offset, bytes };
  }

  /** The records' bytes, in order, until a group is encoded again. */
  encode(): Payload[] {
    writer.clear();
    return this.#drafts.map((draft, place) => {
      const record: LogRecord = {
        slice: draft.slice,
        epoch: draft.epoch,
        number: draft.number,
        time: this.#time,
        commit: this.#slices.commit(draft.slice),
        place,
        groupSize: this.#drafts.length,
        operation: this.#operation,
        replay: place === 0 ? this.replay : null,
        changes: draft.dataChange === null ? draft.changes : [...draft.changes, draft.dataChange],
      };
      const start = writer.position;
      if (draft.data === null) {
        writeRecord(writer, record);
        draft.payloadLength = writer.position - start;
        return writer.written(start);
      }
      const tail = draft.data.bytes;
      draft.payloadLength = writeRecordHead(writer, record, tail);
      return { length: draft.payloadLength, head: writer.written(start), tail };
    });
  }

  /** Takes the numbers, and says where the data lies that was appended. */
  placed(appended: Appended): Placed[] {
    const placed: Placed[] = [];
    let position = appended.position;
    for (const { slice, number, epoch, data, payloadLength } of this.#drafts) {
      this.#slices.numbered(slice, number, epoch, appended.segment);
      if (data !== null) {
        const { id, offset, bytes } = data;
        const lead = dataPositionOf(payloadLength, bytes.length);
        const place = { segment: appended.segment, position: position + lead, lead };
        placed.push({ id, extent: { offset, length: bytes.length, ...place } });
      }
      position += payloadLength + RECORD_HEADER_BYTES;
    }
    return placed;
  }
}
