import { FlareError, type FlareStatusName, UnavailableError } from '../flare/errors.ts';
import { overlaps } from '../flare/locks/ranges.ts';
import { LOCK_WAIT_MS, type LockRequest } from '../flare/locks/types.ts';
import type { Caller, FlareId } from '../flare/types.ts';
import { type Granted, grant } from './grant.ts';
import type { LockdParts } from './parts.ts';

/** Requests that wait for locks at a time, of all clients together and of one address: more are refused. */
export const BLOCKED_MAX = 1024;
export const BLOCKED_PER_CLIENT_MAX = 128;

/** A request that waits: until it is given, cancelled, or its file is gone. */
export interface Waiting extends Granted {
  readonly id: FlareId;
  readonly caller: Caller;
  readonly request: LockRequest;
}

interface Waiter extends Waiting {
  /** It has the lock, and its client is being told. */
  granted: boolean;
  /** It does not wait any more: the client has the lock, or does not want it. */
  over: 'claimed' | 'cancelled' | null;
  /** Ends a pause. */
  wake: () => void;
  /** Resolves when it does not wait any more, and when all has been done about that. */
  readonly ended: PromiseWithResolvers<void>;
  done: Promise<void>;
}

function isSame(one: Waiting, id: FlareId, { holder, owner, start, last, mode }: LockRequest): boolean {
  const { request } = one;
  if (one.id.key !== id.key || one.id.generation !== id.generation) return false;
  if (request.holder !== holder || request.owner !== owner || request.mode !== mode) return false;
  return request.start === start && request.last === last;
}

/**
 * Requests that were answered with BLOCKED. Each one asks for its lock until it has it, in turn with all others who wait for the file on any volcano; then its client is told, and when that
 * does not take it the lock is given back.
 */
export class Blocked {
  readonly #parts: Pick<LockdParts, 'service' | 'callBack' | 'clock' | 'logger'>;
  readonly #waiters = new Set<Waiter>();
  readonly #perClient = new Map<string, number>();
  #stopped = false;

  constructor(parts: Pick<LockdParts, 'service' | 'callBack' | 'clock' | 'logger'>) {
    this.#parts = parts;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiters.size;
  }

  /** Waits for what is asked; false when there are too many. What waits already waits on. */
  add(waiting: Waiting): boolean {
    if (this.#find(waiting.id, waiting.request) !== undefined) return true;
    const { address } = waiting.origin.client;
    const ofClient = this.#perClient.get(address) ?? 0;
    if (this.#stopped || this.#waiters.size >= BLOCKED_MAX || ofClient >= BLOCKED_PER_CLIENT_MAX) return false;
    const ended = Promise.withResolvers<void>();
    const state = { granted: false, over: null, wake: () => {}, ended, done: ended.promise };
    const waiter: Waiter = { ...waiting, ...state };
    this.#waiters.add(waiter);
    this.#perClient.set(address, ofClient + 1);
    waiter.done = this.#run(waiter).finally(() => {
      this.#waiters.delete(waiter);
      const left = this.#perClient.get(address)! - 1;
      if (left === 0) this.#perClient.delete(address);
      else this.#perClient.set(address, left);
    });
    return true;
  }

  /** True when that waits. */
  waits(id: FlareId, request: LockRequest): boolean {
    return this.#find(id, request)?.granted === false;
  }

  /** The client asks again for what it was just given: it has it. */
  claim(id: FlareId, request: LockRequest): void {
    const waiter = this.#find(id, request);
    if (waiter?.granted === true) this.#end(waiter, 'claimed');
  }

  /**
   * Does not wait any more. Resolves when what was given and not yet taken has been given back, and nothing is asked for any more, `LOCK_WAIT_MS` later at most: else that could take away what the same
   * owner is given next. False when nothing like that waits.
   */
  async cancel(id: FlareId, request: LockRequest): Promise<boolean> {
    const waiter = this.#find(id, request);
    if (waiter === undefined) return false;
    this.#end(waiter, 'cancelled');
    await waiter.done;
    return true;
  }

  /** The owner gives a range back: it does not wait for anything there either. */
  async forget(id: FlareId, request: LockRequest): Promise<void> {
    const over: Promise<void>[] = [];
    for (const waiter of this.#waiters) {
      const { holder, owner } = waiter.request;
      if (holder !== request.holder || owner !== request.owner || waiter.id.key !== id.key) continue;
      if (!overlaps(waiter.request, request)) continue;
      this.#end(waiter, 'cancelled');
      over.push(waiter.done);
    }
    await Promise.all(over);
  }

  /** A client that has started anew waits for nothing. */
  async forgetHolder(holder: string): Promise<void> {
    const over = [...this.#waiters].filter(({ request }) => request.holder === holder);
    for (const waiter of over) this.#end(waiter, 'cancelled');
    await Promise.all(over.map(({ done }) => done));
  }

  /** Nothing waits any more; what was given stays: clients ask again at the next start. */
  stop(): void {
    this.#stopped = true;
    for (const waiter of this.#waiters) this.#end(waiter, 'claimed');
  }

  #find(id: FlareId, request: LockRequest): Waiter | undefined {
    for (const waiter of this.#waiters) if (waiter.over === null && isSame(waiter, id, request)) return waiter;
    return undefined;
  }

  #end(waiter: Waiter, how: 'claimed' | 'cancelled'): void {
    waiter.over ??= how;
    waiter.wake();
    waiter.ended.resolve();
  }

  #pause(waiter: Waiter, ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#parts.clock.after(ms, resolve);
    waiter.wake = resolve;
    if (waiter.over !== null) resolve();
    return promise.finally(() => timer.cancel());
  }

  async #run(waiter: Waiter): Promise<void> {
    const { logger } = this.#parts;
    try {
      if (!(await this.#take(waiter))) return;
      waiter.granted = true;
      if (waiter.over === null) {
        const pause = (ms: number) => this.#pause(waiter, ms);
        const told = grant(this.#parts, waiter, pause, () => waiter.over !== null);
        const taken = await Promise.race([told, waiter.ended.promise]);
        if (waiter.over === null && taken === false) waiter.over = 'cancelled';
      }
      if (waiter.over === 'cancelled') await this.#giveBack(waiter);
    } catch (error) {
      logger.error({ err: error, holder: waiter.request.holder }, 'a lock that was waited for came to nothing');
    }
  }

  /** Resolves when it has the lock; with false when it is not to be had any more. */
  async #take(waiter: Waiter): Promise<boolean> {
    const { service, clock } = this.#parts;
    const { id, caller, request } = waiter;
    while (waiter.over === null) {
      const began = clock.monotonic();
      try {
        await service.locks.lock(caller, id, { ...request, wait: true });
        return true;
      } catch (error) {
        if (!mayComeLater(error)) return false;
      }
      // Where too many wait the answer comes at once.
      await this.#pause(waiter, Math.max(0, LOCK_WAIT_MS - (clock.monotonic() - began)));
    }
    return false;
  }

  async #giveBack(waiter: Waiter): Promise<void> {
    const { service, clock, logger } = this.#parts;
    const { id, caller, request } = waiter;
    for (;;) {
      try {
        await service.locks.lock(caller, id, { ...request, mode: 'none' });
        return;
      } catch (error) {
        // A file that is gone has taken its locks along.
        if (error instanceof FlareError || this.#stopped) return;
        if (!(error instanceof UnavailableError)) throw error;
        logger.warn({ reason: error.message }, 'a lock that nobody wants could not be given back yet');
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      clock.after(LOCK_WAIT_MS, resolve);
      await promise;
    }
  }
}

const LATER: ReadonlySet<FlareStatusName> = new Set(['AGAIN', 'NOLCK', 'NOSPC']);

function mayComeLater(error: unknown): boolean {
  return error instanceof UnavailableError || (error instanceof FlareError && LATER.has(error.status));
}
