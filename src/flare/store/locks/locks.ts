import { andThen, type Eventually } from '../../../base/eventually.ts';
import type { Logger } from '../../../base/logger.ts';
import { FlareError } from '../../errors.ts';
import { ElsewhereError } from '../../joint.ts';
import { sliceOf } from '../../keys.ts';
import {
  type HeldLock,
  LOCK_FLARES_MAX,
  LOCK_WAIT_MS,
  type LockAnswer,
  type LockRequest,
  type LockService,
} from '../../locks/types.ts';
import type { Attributes, Caller, FlareId } from '../../types.ts';
import type { Answering } from '../answering.ts';
import type { Core } from '../core.ts';
import type { Notes } from '../notes.ts';
import { checkMayLock, checkRequest } from './checks.ts';
import { type FlareLock, type HeldPage, LOCKS_LISTED_MAX, type LockKeeper } from './keeper.ts';
import { flareText, type LockTable } from './lock-table.ts';
import { BlockedError, dropLocks, takeLock } from './operations.ts';
import { Silence } from './silence.ts';
import { Waiting } from './waiting.ts';

/** The store's locks: `LockService` of the slices that are served here, and what operators do with them. */
export class Locks implements LockService, LockKeeper {
  readonly #core: Core;
  readonly #notes: Notes;
  readonly #logger: Logger;
  readonly #do: Answering;
  readonly #table: LockTable;
  readonly #waiting: Waiting;
  readonly #silence: Silence;

  constructor(core: Core, notes: Notes, logger: Logger, answering: Answering) {
    this.#core = core;
    this.#notes = notes;
    this.#logger = logger;
    this.#do = answering;
    this.#table = core.state.locks;
    this.#waiting = new Waiting(core.clock);
    this.#table.freed = (flare) => this.#waiting.freed(flare);
    this.#silence = new Silence({
      clock: core.clock,
      holders: () => this.#leases(),
      silent: (holder) => this.#end(holder),
    });
    this.#silence.begin();
  }

  lock(caller: Caller, id: FlareId, request: LockRequest): Eventually<LockAnswer> {
    checkRequest(request);
    this.#silence.heard(request.holder);
    const tenure = (attributes: Attributes): LockAnswer => {
      return { attributes, tenure: this.#table.tenure(id, request.holder) };
    };
    if (request.wait !== true || request.mode === 'none')
      return andThen(this.#take(caller, id, request, false), tenure);
    return this.#lockInTurn(caller, id, request).then(tenure);
  }

  /** `mayWait`: rejects with `BlockedError` in place of AGAIN, which would be remembered as the call's answer. */
  #take(caller: Caller, id: FlareId, request: LockRequest, mayWait: boolean): Eventually<Attributes> {
    return this.#do.change(caller, () => takeLock(this.#core, this.#notes, caller, id, request, mayWait));
  }

  async #lockInTurn(caller: Caller, id: FlareId, request: LockRequest): Promise<Attributes> {
    const { clock } = this.#core;
    const end = clock.monotonic() + LOCK_WAIT_MS;
    const waiter = this.#waiting.enter(flareText(id));
    if (waiter === null) return this.#take(caller, id, request, false);
    try {
      for (;;) {
        try {
          return await this.#take(caller, id, request, clock.monotonic() < end);
        } catch (error) {
          if (!(error instanceof BlockedError)) throw error;
        }
        await waiter.turn(end);
      }
    } finally {
      waiter.leave();
    }
  }

  test(caller: Caller, id: FlareId, request: LockRequest): Eventually<HeldLock | null> {
    checkRequest(request);
    this.#silence.heard(request.holder);
    return this.#do.answer(() => {
      const { state } = this.#core;
      checkMayLock(caller, state.flare(id).attributes);
      state.seen = Math.max(state.seen, this.#table.lsnOf(id));
      const { start, last, mode } = request;
      return mode === 'none' ? null : this.#table.inTheWay(id, request, { start, last, mode });
    });
  }

  keep(holder: string, ids: readonly FlareId[]): Eventually<readonly number[]> {
    checkCount(ids);
    this.#silence.heard(holder);
    return this.#do.answer(() => {
      const { state } = this.#core;
      for (const id of ids) {
        this.#checkServed(id);
        state.seen = Math.max(state.seen, this.#table.lsnOf(id));
      }
      return ids.map((id) => this.#table.tenure(id, holder));
    });
  }

  release(holder: string, ids: readonly FlareId[]): Eventually<void> {
    checkCount(ids);
    return this.#do.answer(() => {
      const { state } = this.#core;
      for (const id of ids) this.#checkServed(id);
      for (const id of ids) {
        dropLocks(this.#core, this.#notes, id, holder);
        state.seen = Math.max(state.seen, this.#table.lsnOf(id));
      }
    });
  }

  held(from: string): Eventually<HeldPage> {
    return this.#do.answer(() => {
      const { state } = this.#core;
      state.seen = Math.max(state.seen, this.#table.lsn);
      return this.listed(from);
    });
  }

  /** As `held`, durable or not. */
  listed(from: string): HeldPage {
    const all: (readonly [place: string, lock: FlareLock])[] = [];
    for (const { id, holder, owner, kind, pid, ranges } of this.#table.all()) {
      if (!this.#isServed(id)) continue;
      const silentMs = this.#silence.of(holder);
      const fileid = this.#core.state.flareUnit(id.key).value?.attributes.fileid ?? 0;
      for (const range of ranges) {
        const place = [flareText(id), kind, holder, owner, range.start.toString(16).padStart(16, '0')].join('\0');
        if (place >= from) all.push([place, { id, fileid, silentMs, lock: { kind, holder, owner, pid, ...range } }]);
      }
    }
    all.sort(([one], [other]) => (one < other ? -1 : 1));
    const locks = all.slice(0, LOCKS_LISTED_MAX).map(([, lock]) => lock);
    return { locks, next: all[LOCKS_LISTED_MAX]?.[0] ?? null };
  }

  releaseHolder(holder: string): Eventually<number> {
    return this.#do.answer(() => {
      let flares = 0;
      for (const id of this.#table.flaresOf(holder)) {
        if (!this.#isServed(id)) continue;
        dropLocks(this.#core, this.#notes, id, holder);
        flares += 1;
      }
      return flares;
    });
  }

  /** What is served is another part now: who waits for what is elsewhere is told, and silence counts anew. */
  served(): void {
    this.#silence.begin();
    this.#waiting.all();
  }

  stop(): void {
    this.#silence.stop();
  }

  #isServed({ key }: FlareId): boolean {
    const { served } = this.#core.state;
    return served === null || served(sliceOf(key));
  }

  #checkServed(id: FlareId): void {
    if (!this.#isServed(id)) throw new ElsewhereError();
  }

  *#leases(): Generator<readonly [string, number]> {
    for (const holder of this.#table.holders()) yield [holder, this.#table.leaseOf(holder)];
  }

  /** A holder was silent for too long. What cannot be done now is tried again at the next look. */
  #end(holder: string): void {
    const silentMs = Math.round(this.#silence.of(holder));
    let flares = 0;
    try {
      for (const id of this.#table.flaresOf(holder)) {
        if (!this.#isServed(id)) continue;
        dropLocks(this.#core, this.#notes, id, holder);
        flares += 1;
      }
    } catch (error) {
      if (!(error instanceof FlareError)) throw error;
    }
    if (flares > 0)
      this.#logger.warn({ holder, silentMs, flares }, 'a holder of locks was silent: its locks have ended');
  }
}

function checkCount(ids: readonly FlareId[]): void {
  if (ids.length > LOCK_FLARES_MAX) throw new RangeError(`${ids.length} flares; the most is ${LOCK_FLARES_MAX}`);
}
