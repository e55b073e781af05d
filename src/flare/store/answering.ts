import { type Eventually, isPending } from '../../base/eventually.ts';
import { FlareError } from '../errors.ts';
import { BusyError } from '../joint.ts';
import { LOCAL_SLICE } from '../keys.ts';
import type { Attributes, Caller } from '../types.ts';
import type { Compaction } from './compaction.ts';
import { asRefusal, type Core } from './core.ts';
import { HeldError } from './holds.ts';
import { again, mayRepeat } from './replays.ts';

/** How a store answers and changes: what is held by others is waited for, what was answered before is answered so again, and nothing is said before all that it rests on is durable. */
export class Answering {
  readonly #core: Core;
  readonly #compaction: Compaction;

  constructor(core: Core, compaction: Compaction) {
    this.#core = core;
    this.#compaction = compaction;
  }

  /** Resolves when all up to that record is committed; rejects with what callers see: `asRefusal`. */
  durable(lsn: number): Eventually<void> {
    return this.refusedWith(this.#core.commitment.when(lsn));
  }

  /** What comes of a wait for the log, as callers see it: `asRefusal`. */
  refusedWith(wait: Eventually<void>): Eventually<void> {
    if (!isPending(wait)) return;
    return wait.catch((error: unknown) => {
      throw asRefusal(this.#core, error);
    });
  }

  /** Gives the answer when all that it depends on is durable. */
  answer<T>(operation: () => T): Eventually<T> {
    const { state, commitment } = this.#core;
    state.seen = 0;
    let value: T;
    try {
      value = operation();
    } catch (error) {
      if (error instanceof HeldError) return error.free.then(() => this.answer(operation));
      return this.refuse(error, state.seen);
    }
    if (state.seen <= commitment.lsn) return value;
    const wait = this.durable(state.seen);
    return isPending(wait) ? wait.then(() => value) : value;
  }

  /** Gives a refusal when all that it depends on is durable. */
  refuse(error: unknown, seen: number): Promise<never> {
    if (!(error instanceof FlareError) || seen <= this.#core.commitment.lsn) throw error;
    const wait = this.durable(seen);
    if (!isPending(wait)) throw error;
    return wait.then(() => {
      throw error;
    });
  }

  /** A change may have to wait before it is looked at. */
  get busy(): boolean {
    return this.#core.state.holds.any || this.#overloaded();
  }

  #overloaded(): boolean {
    const { kml, commitment, flusher, limits } = this.#core;
    return kml.pendingBytes > limits.pendingBytes || flusher.overloaded || commitment.full || this.#compaction.behind;
  }

  /** Makes a change, or gives again what was answered to its first asking; waits first while too much is under way. */
  change<T>(caller: Caller, operation: () => T): Eventually<T> {
    return this.#overloaded() ? this.#changeLater(caller, operation) : this.#changeNow(caller, operation);
  }

  async #changeLater<T>(caller: Caller, operation: () => T): Promise<T> {
    const { kml, flusher, host } = this.#core;
    while (this.#overloaded()) {
      await this.durable(kml.nextLsn - 1);
      if (this.#compaction.behind) await this.#compaction.step();
      if (!flusher.overloaded) continue;
      await flusher.room().catch(() => {
        throw FlareError.of(host.full ? 'NOSPC' : 'IO');
      });
    }
    return this.#changeNow(caller, operation);
  }

  #changeNow<T>(caller: Caller, operation: () => T): Eventually<T> {
    const identity = caller.replay;
    if (identity === undefined) return this.answer(() => this.#changing(operation));
    const { state, replays, clock } = this.#core;
    const now = clock.now();
    return this.answer(() => {
      const remembered = replays.find(identity, now);
      if (remembered !== undefined && mayRepeat(state, remembered)) {
        state.seen = remembered.lsn;
        return (again(remembered) ?? undefined) as T;
      }
      // Another copy of the call is at it, with others: one of the two would meet what the other one does as somebody else's.
      const one = state.underWay.get(identity);
      if (one !== undefined && one !== caller) throw new BusyError();
      try {
        const value = this.#changing(operation);
        // Nothing was changed, so nothing was written; the answer is to stay the same all the same.
        if (!replays.isAnswered(identity, now)) {
          replays.answered(identity, {
            time: now,
            lsn: state.seen,
            attributes: (value as Attributes | undefined) ?? null,
            slice: LOCAL_SLICE,
            segment: 0,
          });
        }
        return value;
      } catch (error) {
        if (error instanceof FlareError && error.status !== 'IO') {
          replays.refused(identity, { time: now, lsn: state.seen, refusal: error.status });
        }
        throw error;
      }
    });
  }

  /** Makes a change; names and flares that others hold for theirs are met, not seen. */
  #changing<T>(operation: () => T): T {
    const { holds } = this.#core.state;
    holds.changing = true;
    try {
      return operation();
    } finally {
      holds.changing = false;
    }
  }
}
