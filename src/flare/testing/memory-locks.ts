import type { Clock } from '../../base/clock.ts';
import type { Eventually } from '../../base/eventually.ts';
import { FlareError } from '../errors.ts';
import { afterRequest, conflicts, type OwnedRange } from '../locks/ranges.ts';
import { type HeldLock, LOCK_WAIT_MS, type LockAnswer, type LockRequest, type LockService } from '../locks/types.ts';
import { checkMayLock, checkRequest } from '../store/locks/checks.ts';
import type { Attributes, Caller, FlareId } from '../types.ts';

interface Owned extends Pick<LockRequest, 'kind' | 'holder' | 'owner' | 'pid' | 'leaseMs'> {
  readonly tenure: number;
  ranges: OwnedRange[];
}

/** What the service behind it gives. */
export interface MemoryLocksParts {
  readonly clock: Clock;
  /** Throws STALE. */
  readonly attributes: (id: FlareId) => Attributes;
  readonly lives: (id: FlareId) => boolean;
  readonly once: <T>(caller: Caller, run: () => T) => T;
}

/** `LockService` of `MemoryService`. Locks of silent holders end when somebody looks. */
export class MemoryLocks implements LockService {
  readonly #parts: MemoryLocksParts;
  readonly #owned = new Map<string, Owned[]>();
  readonly #heard = new Map<string, number>();
  readonly #waiting = new Set<() => void>();
  #tenures = 0;

  constructor(parts: MemoryLocksParts) {
    this.#parts = parts;
  }

  lock(caller: Caller, id: FlareId, request: LockRequest): Eventually<LockAnswer> {
    checkRequest(request);
    this.#hear(request.holder);
    const take = (): LockAnswer => {
      const attributes = this.#parts.once(caller, () => this.#take(caller, id, request));
      return { attributes, tenure: this.#tenure(id, request.holder) };
    };
    if (request.wait !== true || this.#inTheWay(id, request) === null) return take();
    return this.#turn(id, request).then(take);
  }

  async #turn(id: FlareId, request: LockRequest): Promise<void> {
    const { clock } = this.#parts;
    const end = clock.monotonic() + LOCK_WAIT_MS;
    while (this.#inTheWay(id, request) !== null && clock.monotonic() < end) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      const timer = clock.after(end - clock.monotonic(), resolve);
      await promise;
      timer.cancel();
      this.#waiting.delete(resolve);
    }
  }

  #take(caller: Caller, id: FlareId, request: LockRequest): Attributes {
    const attributes = this.#parts.attributes(id);
    if (request.mode !== 'none') checkMayLock(caller, attributes);
    if (this.#inTheWay(id, request) !== null) throw FlareError.of('AGAIN');
    const { kind, holder, owner, pid, leaseMs, mode } = request;
    const here = [...this.#of(id)];
    const tenure = this.#tenure(id, holder) || ++this.#tenures;
    let own = here.find((one) => one.kind === kind && one.holder === holder && one.owner === owner);
    if (own === undefined) {
      own = { kind, holder, owner, pid, leaseMs, tenure, ranges: [] };
      here.push(own);
    }
    own.ranges = afterRequest(kind, own.ranges, request, mode);
    this.#settle(id, here);
    return attributes;
  }

  test(caller: Caller, id: FlareId, request: LockRequest): HeldLock | null {
    checkRequest(request);
    this.#hear(request.holder);
    checkMayLock(caller, this.#parts.attributes(id));
    return this.#inTheWay(id, request);
  }

  keep(holder: string, ids: readonly FlareId[]): number[] {
    this.#hear(holder);
    return ids.map((id) => (this.#parts.lives(id) ? this.#tenure(id, holder) : 0));
  }

  release(holder: string, ids: readonly FlareId[]): void {
    for (const id of ids) this.#drop(id, (one) => one.holder === holder);
  }

  /** As `LockKeeper.releaseHolder`. */
  releaseHolder(holder: string): number {
    let flares = 0;
    for (const [name, owned] of this.#owned) {
      const left = owned.filter((one) => one.holder !== holder);
      if (left.length === owned.length) continue;
      this.#owned.set(name, left);
      flares += 1;
    }
    for (const wake of this.#waiting) wake();
    return flares;
  }

  #drop(id: FlareId, which: (one: Owned) => boolean): void {
    this.#settle(
      id,
      this.#of(id).filter((one) => !which(one)),
    );
  }

  #settle(id: FlareId, here: readonly Owned[]): void {
    this.#owned.set(
      `${id.key}${id.generation}`,
      here.filter(({ ranges }) => ranges.length > 0),
    );
    for (const wake of this.#waiting) wake();
  }

  #of(id: FlareId): Owned[] {
    this.#endSilent();
    return this.#owned.get(`${id.key}${id.generation}`) ?? [];
  }

  #endSilent(): void {
    const now = this.#parts.clock.monotonic();
    for (const [name, owned] of this.#owned) {
      const left = owned.filter(({ leaseMs, holder }) => leaseMs === 0 || now - this.#heard.get(holder)! <= leaseMs);
      this.#owned.set(name, left);
    }
  }

  #hear(holder: string): void {
    // Whoever was silent for too long has lost what he had, before he says anything again.
    this.#endSilent();
    this.#heard.set(holder, this.#parts.clock.monotonic());
  }

  #tenure(id: FlareId, holder: string): number {
    return this.#of(id).find((one) => one.holder === holder && one.ranges.length > 0)?.tenure ?? 0;
  }

  #inTheWay(id: FlareId, { kind, holder, owner, mode, start, last }: LockRequest): HeldLock | null {
    if (mode === 'none') return null;
    for (const one of this.#of(id)) {
      if (one.kind !== kind || (one.holder === holder && one.owner === owner)) continue;
      const found = one.ranges.find((range) => conflicts(kind, range, { start, last, mode }));
      if (found !== undefined) return { kind, holder: one.holder, owner: one.owner, pid: one.pid, ...found };
    }
    return null;
  }
}
