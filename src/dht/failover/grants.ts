import type { Clock } from '../../base/clock.ts';
import { BusyError } from '../../flare/joint.ts';
import type { MemberId } from '../projection/types.ts';
import { type FailoverTimes, ROUNDS } from './times.ts';

interface Granted {
  /** When it was granted last, by the monotonic clock; or when this volcano began to count. */
  at: number;
  /** Rounds since then. */
  rounds: number;
}

/**
 * What this volcano has promised others: that it does not take their slices over, each until some time. What it had promised before it started is not known: so it begins as if
 * it had just promised everything to everybody.
 */
export class Grants {
  readonly #clock: Clock;
  readonly #times: FailoverTimes;
  readonly #granted = new Map<MemberId, Granted>();
  /** Whose slices this volcano is about to take over. */
  #proposed: MemberId | null = null;

  constructor(clock: Clock, times: FailoverTimes) {
    this.#clock = clock;
    this.#times = times;
  }

  /** Counts for these, and for nobody else. */
  follow(primaries: ReadonlySet<MemberId>): void {
    for (const id of this.#granted.keys()) if (!primaries.has(id)) this.#granted.delete(id);
    for (const id of primaries) {
      if (!this.#granted.has(id)) this.#granted.set(id, { at: this.#clock.monotonic(), rounds: 0 });
    }
  }

  /** Promises; returns for how long, in milliseconds. `BusyError` to whom this volcano is about to take over from: the map may say so already. */
  grant(to: MemberId): number {
    if (to === this.#proposed) throw new BusyError();
    this.#granted.set(to, { at: this.#clock.monotonic(), rounds: 0 });
    return this.#times.grantMs;
  }

  /**
   * This volcano could not grant anything for so many milliseconds, until now: all are given as much time more to ask. Not a whole grant: somebody is gone perhaps, and is then not to
   * be waited for twice as long because others have changed the map meanwhile.
   */
  forgive(milliseconds: number): void {
    const now = this.#clock.monotonic();
    const rounds = Math.ceil(milliseconds / this.#times.renewMs);
    for (const granted of this.#granted.values()) {
      granted.at = Math.min(now, granted.at + milliseconds);
      granted.rounds = Math.max(0, granted.rounds - rounds);
    }
  }

  /** A round of `renewMs` has passed. */
  round(): void {
    for (const granted of this.#granted.values()) granted.rounds++;
  }

  /**
   * Whether nothing is promised to it any more, and it has been given the time to ask, `rank` rounds more than need be. After a sleep of this volcano it has not: what it has
   * asked meanwhile has not been looked at.
   */
  hasRunOut(primary: MemberId, rank: number): boolean {
    const granted = this.#granted.get(primary);
    if (granted === undefined) return false;
    const { grantMs, renewMs } = this.#times;
    return this.#clock.monotonic() > granted.at + grantMs + rank * renewMs && granted.rounds >= ROUNDS + rank;
  }

  /** From now on, until `settled`, nothing is granted to that volcano. */
  propose(primary: MemberId): void {
    this.#proposed = primary;
  }

  settled(): void {
    this.#proposed = null;
  }
}
