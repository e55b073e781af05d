import type { Timer } from '../../base/clock.ts';
import type { Eventually } from '../../base/eventually.ts';
import { type Change, ChangeTypeSchema } from '../../flare/record/schema.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import { baseRecord, dataChange, type WalkSink } from '../../flare/store/walk.ts';
import type { Attributes, FlareId } from '../../flare/types.ts';
import type { ContentsOf } from '../backup/contents-of.ts';
import type { ReadingPage } from '../programs/node/handlers.ts';
import { PAGE_RECORDS_MAX } from '../programs/node/procedures/backup.ts';

/** A page is full with so many bytes of records; the last one of them may go beyond. */
export const PAGE_BYTES = 1024 * 1024;
/** Records in a page at most: what comes between two looks at the room must fit besides. */
const FULL_RECORDS = PAGE_RECORDS_MAX / 4;

/** Gathers records, of a walk as base records, into pages that somebody fetches one by one: no more is gathered than a page, and what comes before its next wait. */
export class RecordPages implements WalkSink {
  readonly #at: ReadonlyMap<number, LastRecord>;
  readonly #contents: ContentsOf | null;
  #records: Buffer[] = [];
  #bytes = 0;
  #ended = false;
  #failure: unknown = null;
  #stopped = false;
  /** Called when there is more, or less. */
  #more: () => void = () => {};
  #less: () => void = () => {};

  /** `at`: how far the slices are that are walked, which is what base records say; `contents`: of which files they have contents, null: of all. */
  constructor(at: ReadonlyMap<number, LastRecord>, contents: ContentsOf | null) {
    this.#at = at;
    this.#contents = contents;
  }

  get #full(): boolean {
    return this.#bytes >= PAGE_BYTES || this.#records.length >= FULL_RECORDS;
  }

  add(record: Buffer): void {
    this.#records.push(record);
    this.#bytes += record.length;
    if (this.#full) this.#more();
  }

  /** The slice begins anew. */
  wiped(slice: number): void {
    this.changes(slice, [{ type: ChangeTypeSchema.wiped }]);
  }

  changes(slice: number, changes: readonly Change[]): void {
    this.add(baseRecord(slice, this.#at.get(slice)!, changes));
  }

  data(slice: number, id: FlareId, offset: number, bytes: Buffer): void {
    this.add(baseRecord(slice, this.#at.get(slice)!, [dataChange(id, offset)], { data: bytes }));
  }

  /** Answers of the last minutes are for calls that come again: they mean nothing in another life. */
  replay(): void {}

  wants(file: Attributes): boolean {
    return this.#contents?.has(file.share) ?? true;
  }

  room(): Eventually<void> {
    if (this.#stopped) throw new Error('nobody reads on');
    if (!this.#full) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#less = () => (this.#stopped ? reject(new Error('nobody reads on')) : resolve());
    return promise;
  }

  /** No more comes; `error`: because it has broken off. */
  end(error: unknown): void {
    this.#failure = error;
    this.#ended = true;
    this.#more();
  }

  stop(): void {
    this.#stopped = true;
    this.#less();
  }

  /** What there is, as soon as it is a full page, or all; or when `later` fires. Rejects when it has broken off. */
  async next(later: (fire: () => void) => Timer): Promise<ReadingPage> {
    if (!this.#full && !this.#ended) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#more = resolve;
      const timer = later(resolve);
      await promise;
      timer.cancel();
    }
    if (this.#failure !== null) throw this.#failure;
    const page = { records: this.#records, end: this.#ended };
    this.#records = [];
    this.#bytes = 0;
    this.#less();
    return page;
  }
}
