import { type Eventually, isPending } from '../../base/eventually.ts';
import { FlareError } from '../errors.ts';
import { BusyError } from '../joint.ts';
import { LOCAL_SLICE } from '../keys.ts';
import { KmlClosedError } from '../kml/errors.ts';
import type { Kml } from '../kml/types.ts';

/** Copies of what this volcano writes, on others. */
export interface Copies {
  /** Up to which LSN of the own log those that answers wait for have all that is theirs. */
  readonly lsn: number;
  /** So much waits for a mirror that changes are to wait. */
  readonly full: boolean;
  /** Answers wait for others, who go on when this volcano fails. */
  readonly any: boolean;
  /** Bytes of records of a slice that those which answers wait for can still take, as far as is known. */
  room(slice: number): number;
}

interface Waiting {
  readonly lsn: number;
  readonly promise: PromiseWithResolvers<void>;
}

/**
 * What is durable wherever an answer promises it: here, and on every mirror that is in sync. Alone it is what is durable in the own log.
 */
export class Commitment {
  readonly #kml: Kml;
  #copies: Copies | null = null;
  /** Those who wait for copies, by rising LSN. */
  #waiting: Waiting[] = [];
  #failed: Error | null = null;
  /** Nothing behind that LSN counts as committed; null: all may. */
  #held: number | null = null;
  /** Raised when who waits is to wait no more. */
  #turn = 0;
  /** Up to which LSN all is committed. */
  lsn: number;

  constructor(kml: Kml) {
    this.#kml = kml;
    this.lsn = kml.durable;
    kml.onWedged((error) => this.#fail(error));
  }

  /** So much waits for a mirror that changes are to wait, for `when` of what was appended. */
  get full(): boolean {
    return this.#copies?.full === true;
  }

  /** Others have all that was answered: what cannot be written here is for one of them to do, once he has taken over. */
  get shared(): boolean {
    return this.#copies?.any === true;
  }

  /** Refuses with NOSPC when a copy that answers wait for has no room for that many bytes of records of these slices. */
  admit(slices: Iterable<number>, bytes: number): void {
    if (this.#copies === null) return;
    for (const slice of slices)
      if (slice !== LOCAL_SLICE && bytes > this.#copies.room(slice)) throw FlareError.of('NOSPC');
  }

  /**
   * From now on answers wait for copies too; null: not any more. With that nothing counts as committed until the copies say so: what a log holds after a restart may
   * not be on them.
   */
  set copies(copies: Copies | null) {
    this.#copies = copies;
    this.lsn = 0;
    this.advance();
  }

  /** The log or a copy has come further. */
  advance(): void {
    const copied = this.#copies === null ? Number.POSITIVE_INFINITY : this.#copies.lsn;
    const lsn = Math.min(this.#kml.durable, copied, this.#held ?? Number.POSITIVE_INFINITY);
    if (lsn <= this.lsn) return;
    this.lsn = lsn;
    while (this.#waiting.length > 0 && this.#waiting[0]!.lsn <= lsn) this.#waiting.shift()!.promise.resolve();
  }

  /**
   * What is appended from now on does not count as committed until `letGo`: nobody is shown anything of it, and no answer that depends on it leaves this volcano. `appended` is the last LSN that
   * was given away.
   */
  hold(appended: number): void {
    this.#held = appended;
  }

  letGo(): void {
    this.#held = null;
    this.advance();
  }

  /**
   * Something that was written is not accepted by who decides that now. Whoever waits is rejected with `BusyError`, since what he waits for may be that: he is to ask again.
   */
  disown(): void {
    this.#turn++;
    for (const { promise } of this.#waiting.splice(0)) promise.reject(new BusyError());
  }

  /** Resolves when all up to that LSN is committed; nothing to wait for when it is. Rejects with `KmlWedgedError`, `KmlClosedError`. */
  when(lsn: number): Eventually<void> {
    if (lsn <= this.lsn) return;
    const durable = this.#kml.whenDurable(lsn);
    if (this.#copies === null && this.#held === null) return durable;
    return this.#later(lsn, durable);
  }

  async #later(lsn: number, durable: Eventually<void>): Promise<void> {
    const turn = this.#turn;
    if (isPending(durable)) await durable;
    if (turn !== this.#turn) throw new BusyError();
    if (lsn <= this.lsn) return;
    if (this.#failed !== null) throw this.#failed;
    // All of one batch wait together.
    const end = this.#kml.durable;
    const last = this.#waiting.at(-1);
    if (last !== undefined && last.lsn >= end) return last.promise.promise;
    const promise = Promise.withResolvers<void>();
    this.#waiting.push({ lsn: end, promise });
    await promise.promise;
  }

  /** Whoever waits for copies waits no more. */
  close(): void {
    this.#fail(new KmlClosedError());
  }

  #fail(error: Error): void {
    this.#failed ??= error;
    for (const { promise } of this.#waiting.splice(0)) promise.reject(error);
  }
}
