import { type Eventually, isPending } from '../../base/eventually.ts';
import { KmlReadError, KmlRotError } from '../../flare/kml/errors.ts';
import { decodeRecord } from '../../flare/record/codec.ts';
import { type Change, ChangeTypeSchema, OperationSchema, type Replay, type Undone } from '../../flare/record/schema.ts';
import type { Common, Theirs } from '../../flare/store/common.ts';
import type { LastRecord } from '../../flare/store/following.ts';
import type { Kept } from '../../flare/store/log-runs.ts';
import { GoneError, type StreamedSlice } from '../../flare/store/log-stream.ts';
import { groupsOf } from '../../flare/store/log-tail.ts';
import { partialChange } from '../../flare/store/note-table.ts';
import type { Replica } from '../../flare/store/replica.ts';
import { baseRecord, dataChange, type WalkSink } from '../../flare/store/walk.ts';
import type { FlareId } from '../../flare/types.ts';
import { COMMON_SLICES_MAX, RUNS_MAX } from '../programs/node/procedures/mirror.ts';
import { HELD_AFTER_BYTES, ROUNDS_MAX } from './limits.ts';
import type { CommonSlices } from './types.ts';

export interface FillParts {
  readonly slices: readonly number[];
  readonly replica: Replica;
  /** The last record of a slice that was put into the stream, or would have been. */
  readonly last: (slice: number) => LastRecord;
  /** The LSN up to which that is so. */
  readonly scanned: () => number;
  /** Asks the mirror for its last records of these slices, and what it has in common with what is told of some. */
  readonly there: () => Promise<readonly LastRecord[]>;
  readonly common: (slices: readonly Theirs[]) => Promise<CommonSlices>;
  /** Puts records into the stream, copied. */
  readonly put: (groups: readonly (readonly Buffer[])[]) => void;
  /** From now on what is new of these slices goes into the stream, behind what was held back of it. */
  readonly live: (slices: readonly number[], held: readonly (readonly Buffer[])[]) => void;
  /** Waits until the stream takes more. */
  readonly room: () => Eventually<void>;
}

/** How slices became whole on a mirror, those that have a record: replayed from the log, with something undone before that, or filled from nothing; and the bytes that took. */
export interface Restored {
  replayed: number;
  undone: number;
  filled: number;
  bytes: number;
}

export function addRestored(to: Restored, { replayed, undone, filled, bytes }: Restored): void {
  to.replayed += replayed;
  to.undone += undone;
  to.filled += filled;
  to.bytes += bytes;
}

/** A slice of which the mirror has a good beginning. */
interface Behind {
  readonly kept: Kept;
  readonly common: Common;
  readonly undone: Undone | null;
}

/**
 * Makes slices whole on a mirror. Where its copy and this one share a record, what the mirror has behind that is undone, the records behind it that the log here still has are sent, and then the present state
 * of what was undone. Any other copy is wiped, and gets the live state. All that goes in one order with the new records of the stream. A copy that is not good by itself meanwhile says so (`partialNote`).
 */
export class Fill implements WalkSink {
  readonly #parts: FillParts;
  readonly #behind = new Map<number, Behind>();
  #whole: number[] = [];
  #stopped = false;
  /** New records of these slices wait until the older ones are in the stream. */
  #holding = false;
  #held: Buffer[][] = [];
  readonly restored: Restored = { replayed: 0, undone: 0, filled: 0, bytes: 0 };

  constructor(parts: FillParts) {
    this.#parts = parts;
  }

  /** Records that are held back, in bytes. */
  heldBytes = 0;

  /** Finds what is to be done; nothing is put into the stream. Rejects when the mirror does not answer. */
  async prepare(): Promise<void> {
    const { slices, there, common } = this.#parts;
    const theirs = await there();
    this.#check();
    const kept = await this.#kept(new Map(slices.map((slice, at) => [slice, theirs[at]!])));
    const asked = slices.filter((slice) => (kept.get(slice)?.runs.length ?? 0) > 0);
    for (let at = 0; at < asked.length; at += COMMON_SLICES_MAX) {
      const some = asked.slice(at, at + COMMON_SLICES_MAX);
      const found = await common(some.map((slice) => ({ slice, runs: kept.get(slice)!.runs.slice(0, RUNS_MAX) })));
      this.#check();
      for (const [place, slice] of some.entries()) {
        const one = found[place];
        const undone = one == null ? null : undoneBy(slice, one);
        if (one == null || undone === 'unsound') continue;
        this.#behind.set(slice, { kept: kept.get(slice)!, common: one, undone });
      }
    }
    this.#whole = slices.filter((slice) => !this.#behind.has(slice));
  }

  /** What the log has of slices, as far back as the mirror's last records may be of use. None of those that either side has nothing of. */
  async #kept(theirs: ReadonlyMap<number, LastRecord>): Promise<Map<number, Kept>> {
    const { replica, last, scanned } = this.#parts;
    const found = new Map<number, Kept>();
    const wanted = new Map<number, (run: { readonly epoch: number; readonly first: number }) => boolean>();
    for (const [slice, there] of theirs) {
      const { number, epoch } = last(slice);
      if (there.number === 0 || number === 0) continue;
      const same = there.number === number && there.epoch === epoch;
      const { segment } = replica;
      if (same) found.set(slice, { runs: [{ epoch, first: number, last: number }], segment, end: segment });
      else wanted.set(slice, (run) => run.epoch <= there.epoch && run.first <= there.number);
    }
    await replica.durableAt(scanned());
    try {
      for (const [slice, kept] of await replica.kept(wanted)) found.set(slice, kept);
    } catch (error) {
      if (!isUnread(error)) throw error;
    }
    this.#check();
    return found;
  }

  /** Resolves when all is in the stream. Rejects when it was stopped. */
  async run(): Promise<void> {
    const { replica, live } = this.#parts;
    if (!(await this.#replay())) {
      this.#whole.push(...this.#behind.keys());
      this.#behind.clear();
    }
    const whole = this.#whole;
    if (whole.length > 0) {
      this.#put(whole.map((slice) => this.#begun(slice)));
      live(whole, []);
      await replica.walk(whole, this);
      await this.#good(whole);
    }
    for (const [slice, { undone }] of this.#behind) {
      if (undone === null) continue;
      await replica.walkUnits(slice, undone, this);
      await this.#good([slice]);
    }
    const undone = [...this.#behind.values()].filter((one) => one.undone !== null);
    const filled = whole.filter((slice) => this.#parts.last(slice).number > 0);
    Object.assign(this.restored, { replayed: this.#behind.size, undone: undone.length, filled: filled.length });
  }

  #begun(slice: number): Buffer[] {
    return [this.#record(slice, [{ type: ChangeTypeSchema.wiped }, partialChange(slice, true)])];
  }

  /** The copies are good by themselves from here on. */
  async #good(slices: readonly number[]): Promise<void> {
    await this.room();
    this.#put(slices.map((slice) => [this.#record(slice, [partialChange(slice, false)])]));
  }

  /** Undoes, and sends what the log has from there on. False when the log has not all of it any more, or grows faster. */
  async #replay(): Promise<boolean> {
    if (this.#behind.size === 0) return true;
    const undos = [...this.#behind.values()].flatMap(({ common }) => (common.undo === null ? [] : [[common.undo]]));
    if (undos.length > 0) this.#put(undos);
    try {
      if (!(await this.#chase())) return false;
    } catch (error) {
      if (isUnread(error)) return false;
      throw error;
    } finally {
      this.#holding = false;
    }
    this.#parts.live([...this.#behind.keys()], this.#held);
    this.#held = [];
    this.heldBytes = 0;
    return true;
  }

  async #chase(): Promise<boolean> {
    const { replica, scanned, last } = this.#parts;
    const from = new Map<number, StreamedSlice>();
    for (const [slice, { kept, common }] of this.#behind) from.set(slice, { kept, after: common.last.number });
    const stream = replica.stream(from);
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const lsn = scanned();
      const due = this.#holding ? [...from.keys()].map((slice) => [slice, last(slice).number] as const) : [];
      await replica.durableAt(lsn);
      let bytes = 0;
      for await (const groups of stream.upTo(lsn)) {
        await this.room();
        for (const group of groups) for (const { length } of group) bytes += length;
        this.#put(groups);
      }
      this.#check();
      // A copy with a gap would count as whole: what is not exactly there is filled from nothing.
      if (this.#holding) return due.every(([slice, number]) => stream.given(slice) === number);
      // What little is left is sent while what is new waits.
      this.#holding = bytes <= HELD_AFTER_BYTES;
    }
    return false;
  }

  /** The log is about to write these records. */
  scan(payloads: readonly Buffer[]): void {
    if (!this.#holding) return;
    for (const group of groupsOf(payloads, ({ slice, base }) => !base && this.#behind.has(slice))) {
      this.#held.push(group.map((payload) => Buffer.from(payload)));
      for (const { length } of group) this.heldBytes += length;
    }
  }

  /** Nothing more is put into the stream. */
  stop(): void {
    this.#stopped = true;
  }

  #put(groups: readonly (readonly Buffer[])[]): void {
    for (const group of groups) for (const { length } of group) this.restored.bytes += length;
    this.#parts.put(groups);
  }

  /** Base records say that the slice is as far as it is in the stream, whatever has been appended meanwhile. */
  #record(slice: number, changes: readonly Change[], more?: Parameters<typeof baseRecord>[3]): Buffer {
    return baseRecord(slice, this.#parts.last(slice), changes, more);
  }

  changes(slice: number, changes: readonly Change[]): void {
    this.#put([[this.#record(slice, changes)]]);
  }

  data(slice: number, id: FlareId, offset: number, bytes: Buffer): void {
    this.#put([[this.#record(slice, [dataChange(id, offset)], { data: bytes })]]);
  }

  replay(slice: number, replay: Replay): void {
    this.#put([[this.#record(slice, [], { replay })]]);
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

function isUnread(error: unknown): boolean {
  return error instanceof KmlRotError || error instanceof KmlReadError || error instanceof GoneError;
}

/** What a mirror says is to be undone there; null: nothing is. */
function undoneBy(slice: number, { last, undo }: Common): Undone | null | 'unsound' {
  if (undo === null) return null;
  const record = decodeRecord(undo);
  const [first] = record.changes;
  const meant = record.slice === slice && record.number === last.number && record.epoch === last.epoch;
  const sound = meant && record.operation === OperationSchema.base && first?.type === ChangeTypeSchema.undone;
  return sound ? first.undone : 'unsound';
}
