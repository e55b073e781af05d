import { type Eventually, isPending } from '../../base/eventually.ts';
import { encodeRecord } from '../../flare/record/codec.ts';
import {
  type Change,
  ChangeTypeSchema,
  type LogRecord,
  OperationSchema,
  type Replay,
} from '../../flare/record/schema.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { Replica } from '../../flare/store/replica.ts';
import { dataChange, type WalkSink } from '../../flare/store/walk.ts';
import type { FlareId } from '../../flare/types.ts';

export interface FillParts {
  readonly slices: readonly number[];
  readonly replica: Replica;
  /** The last record of a slice that was put into the stream, or would have been. */
  readonly last: (slice: number) => LastRecord;
  /** Puts base records into the stream, copied. */
  readonly put: (groups: Buffer[][]) => void;
  /** Waits until the stream takes more. */
  readonly room: () => Eventually<void>;
}

/**
 * Fills a mirror: a record that says of each slice that it begins anew, then its live state, between the new records of the same stream.
 */
export class Fill implements WalkSink {
  readonly #parts: FillParts;
  #stopped = false;

  constructor(parts: FillParts) {
    this.#parts = parts;
  }

  /** Resolves when all is in the stream. The first of it is put there at once. Rejects when it was stopped. */
  async run(): Promise<void> {
    const { slices, replica, put } = this.#parts;
    put([...slices].map((slice) => [this.#record(slice, [{ type: ChangeTypeSchema.wiped }], null)]));
    await replica.walk(slices, this);
  }

  /** Nothing more is put into the stream. */
  stop(): void {
    this.#stopped = true;
  }

  /** Base records say that the slice is as far as it is in the stream, whatever has been appended meanwhile. */
  #record(slice: number, changes: readonly Change[], replay: Replay | null, data?: Buffer): Buffer {
    const { number, epoch } = this.#parts.last(slice);
    const record: LogRecord = {
      ...{ slice, number, epoch, time: 0, commit: 0, place: 0, groupSize: 1 },
      operation: OperationSchema.base,
      replay,
      changes,
    };
    return encodeRecord(record, data);
  }

  changes(slice: number, changes: readonly Change[]): void {
    this.#parts.put([[this.#record(slice, changes, null)]]);
  }

  data(slice: number, id: FlareId, offset: number, bytes: Buffer): void {
    this.#parts.put([[this.#record(slice, [dataChange(id, offset)], null, bytes)]]);
  }

  replay(slice: number, replay: Replay): void {
    this.#parts.put([[this.#record(slice, [], replay)]]);
  }

  async room(): Promise<void> {
    this.#check();
    const wait = this.#parts.room();
    if (isPending(wait)) await wait;
    this.#check();
  }

  #check(): void {
    if (this.#stopped) throw new Error('the fill was stopped');
  }
}
