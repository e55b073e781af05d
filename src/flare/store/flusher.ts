import type { Clock, Timer } from '../../base/clock.ts';
import { isPending } from '../../base/eventually.ts';
import { IndexFullError } from '../index/errors.ts';
import { FlushWriter } from '../index/flush.ts';
import type { IndexHost } from '../index/types.ts';
import type { LogMark } from '../kml/types.ts';
import type { StoreLimits } from './limits.ts';
import type { State } from './state.ts';

/** Flushes that are made and not applied at most: while one is applied the next waits for its records to be durable. */
const UNDER_WAY_MAX = 2;

/** A flush that is made and not applied. */
interface Packed {
  readonly flush: number;
  readonly mark: LogMark;
  readonly bytes: Buffer;
  readonly units: number;
  readonly logBytes: number;
}

function isBehind(one: LogMark, other: LogMark): boolean {
  return one.segment < other.segment || (one.segment === other.segment && one.position < other.position);
}

/**
 * Brings the index after the state: when enough has changed, or for long enough, what has changed is packed at the end of a batch of the log, when the state is as
 * of that place, and handed to the index when that batch is durable. What changes often goes there once. It also has the index put on stable storage now and then.
 */
export class Flusher {
  readonly #state: State;
  readonly #host: IndexHost;
  readonly #clock: Clock;
  readonly #limits: StoreLimits;
  /** Behind the last batch that is complete. */
  #end: LogMark;
  #durable: LogMark;
  /** Bytes of log since the last flush was packed. */
  #logBytes = 0;
  #packed: Packed[] = [];
  #underWay = 0;
  #unitsUnderWay = 0;
  /** The LSN up to which somebody waits, and the one up to which all is packed. */
  #wanted = 0;
  #packedLsn = 0;
  #timer: Timer | null = null;
  #timeUp = false;
  #stopped: Error | null = null;
  /** What the index said when it last had no room. */
  #full: Error | null = null;
  #uncheckpointed = { bytes: 0, units: 0 };
  readonly #waiting: { readonly lsn: number; readonly promise: PromiseWithResolvers<void> }[] = [];
  #room: PromiseWithResolvers<void> | null = null;
  #drained: PromiseWithResolvers<void> | null = null;
  /** The LSN that the log's next record gets: what the state has seen may be more than what complete batches hold. */
  nextLsn: () => number;

  constructor(state: State, host: IndexHost, clock: Clock, limits: StoreLimits) {
    this.#state = state;
    this.#host = host;
    this.#clock = clock;
    this.#limits = limits;
    this.#end = this.#durable = host.applied;
    this.#packedLsn = host.applied.lsn;
    this.nextLsn = () => this.#end.lsn + 1;
    host.onFull((error) => this.#meetFull(error));
  }

  /** Units that the index is still to get. */
  get pendingUnits(): number {
    return this.#state.changed + this.#unitsUnderWay;
  }

  /** Whether changes are to wait, for `room`. */
  get overloaded(): boolean {
    return this.pendingUnits > this.#limits.pendingUnits;
  }

  /** Resolves when the index has caught up so far that changes need not wait; rejects when it never will, or has no room on the disk. */
  room(): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== null) return Promise.reject(refusal);
    this.#room ??= Promise.withResolvers<void>();
    const { promise } = this.#room;
    this.#consider();
    this.#settleRoom();
    return promise;
  }

  /** Why nobody may wait for the index. */
  #refusal(): Error | null {
    return this.#stopped ?? (this.#host.full ? this.#full : null);
  }

  /** The index has no room on the disk, and goes on when it has: nobody waits for that. */
  #meetFull(error: Error): void {
    this.#full = error;
    this.#rejectAll(error);
  }

  #rejectAll(error: Error): void {
    for (const { promise } of this.#waiting.splice(0)) promise.reject(error);
    this.#room?.reject(error);
    this.#room = null;
    this.#drained?.reject(error);
    this.#drained = null;
  }

  #settleRoom(): void {
    if (this.#room === null || this.overloaded) return;
    this.#room.resolve();
    this.#room = null;
  }

  /** A batch is complete, and ends there: the state is as of that place. */
  sealed(end: LogMark, bytes: number): void {
    this.#end = end;
    this.#logBytes += bytes;
    this.#pack();
  }

  /** All up to there is durable. */
  durable(mark: LogMark): void {
    this.#durable = mark;
    this.#handOver();
  }

  /** Resolves when all up to that LSN is applied to the index. Rejects when it cannot be, or has no room on the disk. */
  async flushed(lsn: number): Promise<void> {
    if (lsn <= this.#host.applied.lsn) return;
    const refusal = this.#refusal();
    if (refusal !== null) throw refusal;
    const promise = Promise.withResolvers<void>();
    this.#waiting.push({ lsn, promise });
    this.#wanted = Math.max(this.#wanted, lsn);
    this.#consider();
    await promise.promise;
  }

  /** Packs if that is due and the state is as of the end of a batch; else that is done at the end of the one that gathers. */
  #consider(): void {
    if (this.nextLsn() === this.#end.lsn + 1) this.#pack();
  }

  #isDue(units: number): boolean {
    const { flushUnits, flushBytes } = this.#limits;
    if (this.#wanted > this.#packedLsn) return true;
    if (units === 0) return false;
    return units >= flushUnits || this.#logBytes >= flushBytes || this.#timeUp || this.overloaded;
  }

  #pack(): void {
    if (this.#stopped !== null || this.#underWay >= UNDER_WAY_MAX) return;
    const units = this.#state.changed;
    if (this.#isDue(units)) this.#packNow(units);
    else if (units > 0) this.#startTimer();
  }

  #packNow(units: number): void {
    const writer = new FlushWriter(this.#host.memory());
    const flush = this.#state.pack(writer);
    this.#packed.push({ flush, mark: this.#end, bytes: writer.written, units, logBytes: this.#logBytes });
    this.#packedLsn = this.#end.lsn;
    this.#underWay++;
    this.#unitsUnderWay += units;
    this.#logBytes = 0;
    this.#stopTimer();
    this.#handOver();
  }

  #startTimer(): void {
    this.#timer ??= this.#clock.after(this.#limits.flushMs, () => {
      this.#timer = null;
      this.#timeUp = true;
      this.#consider();
    });
  }

  #stopTimer(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#timeUp = false;
  }

  #handOver(): void {
    while (this.#packed.length > 0 && !isBehind(this.#durable, this.#packed[0]!.mark)) {
      const packed = this.#packed.shift()!;
      const { mark, bytes } = packed;
      const applying = this.#host.apply({ mark, bytes });
      if (!isPending(applying)) this.#applied(packed);
      else
        applying.then(
          () => this.#applied(packed),
          (error: unknown) => this.stop(error as Error),
        );
    }
  }

  #applied({ flush, mark, units, logBytes }: Packed): void {
    this.#underWay--;
    this.#unitsUnderWay -= units;
    this.#state.applied(flush);
    for (let at = 0; at < this.#waiting.length; ) {
      if (this.#waiting[at]!.lsn > mark.lsn) at++;
      else this.#waiting.splice(at, 1)[0]!.promise.resolve();
    }
    this.#checkpointAfter(logBytes, units);
    this.#consider();
    if (this.#underWay === 0) this.#drained?.resolve();
    this.#settleRoom();
  }

  #checkpointAfter(bytes: number, units: number): void {
    const done = this.#uncheckpointed;
    done.bytes += bytes;
    done.units += units;
    if (done.bytes <= this.#limits.checkpointBytes && done.units <= this.#limits.checkpointUnits) return;
    this.#uncheckpointed = { bytes: 0, units: 0 };
    // One that fails is the index's to tell.
    this.#host.checkpoint().catch((error: unknown) => {
      if (!(error instanceof IndexFullError)) return;
      this.#uncheckpointed.bytes += done.bytes;
      this.#uncheckpointed.units += done.units;
    });
  }

  /** Nothing more is flushed: what is in memory may not be durable. Those who wait are told. */
  stop(error: Error): void {
    if (this.#stopped !== null) return;
    this.#stopped = error;
    this.#packed = [];
    this.#stopTimer();
    this.#rejectAll(error);
  }

  /** Resolves when all is applied, up to the log's end. Nothing may be under way in the log. Rejects when it cannot be. */
  async finished(): Promise<void> {
    await this.flushed(this.#end.lsn);
    // The batch that ends a log has no record.
    if (isBehind(this.#host.applied, this.#end)) this.#packNow(this.#state.changed);
    if (this.#underWay === 0) return;
    this.#drained ??= Promise.withResolvers<void>();
    await this.#drained.promise;
  }

  /** When the log is closed: brings the index to its end, and puts it on stable storage. Not when it was stopped. */
  async close(): Promise<void> {
    // When the index fails it says so itself; the log has everything.
    if (this.#refusal() === null) await this.finished().catch(() => {});
    if (this.#refusal() === null) await this.#host.checkpoint().catch(() => {});
    this.stop(new Error('the store was closed'));
  }
}
