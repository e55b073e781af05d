import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { FlareError } from '../../flare/errors.ts';
import { sliceOf } from '../../flare/keys.ts';
import {
  type ByteRange,
  type HeldLock,
  LOCK_END,
  LOCK_FLARES_MAX,
  LockKind,
  type LockMode,
  type LockRequest,
} from '../../flare/locks/types.ts';
import type { FlareService } from '../../flare/service.ts';
import { Refusal } from '../protocol/refusal.ts';
import type { Handle } from './handles.ts';
import { HeldLocks, type LocalOwner } from './held-locks.ts';
import type { Node } from './nodes.ts';

/** How long volcanos keep the locks of a mount of which they hear nothing, unless told otherwise, in milliseconds. */
export const LEASE_MS = 60_000;
/** They hear of it so many times in that time. */
const KEPT_PER_LEASE = 3;
/** Part of that time for which a lock counts as kept: clocks differ. */
const SURE = 0.9;
/** Who waits for a lock asks again no sooner than this, in milliseconds. */
const WAIT_AGAIN_MS = 100;
/** How long is tried to give locks back at the end, in milliseconds. */
const END_MS = 5_000;
const WHOLE: ByteRange = { start: 0n, last: LOCK_END };

/** What the locks of a mount work with. */
export interface LocksParts {
  readonly service: FlareService;
  readonly clock: Clock;
  readonly logger: Logger;
  /** This life of this client: no other one ever has it. */
  readonly holder: string;
  readonly leaseMs: number;
  /** The kernel is to ask for the attributes of the node again. */
  readonly attributesChanged: (nodeid: number) => void;
  /** The kernel is to let go of the node's cached pages, too; resolves when it has. */
  readonly contentsChanged: (nodeid: number) => Promise<void>;
}

/** What a process wants. */
export interface Wanted extends LocalOwner, ByteRange {
  readonly mode: LockMode | 'none';
  readonly pid: number;
}

/** Says whether whoever asked does not want to wait any more. */
export interface Patience {
  readonly interrupted: boolean;
}

/**
 * The locks that processes of this machine have in a network: taken and given back by way of the volcanos, kept by telling them now and then that this client lives. What was lost, because they heard
 * nothing for too long or an operator broke it, makes the files fail by which it was taken (EIO), until they are closed.
 */
export class Locks {
  readonly #parts: LocksParts;
  readonly #held = new Map<Node, HeldLocks>();
  #timer: Timer | null = null;
  #ended = false;

  constructor(parts: LocksParts) {
    this.#parts = parts;
  }

  /** Files of which something is locked. */
  get files(): number {
    return this.#held.size;
  }

  /** The lock that is in the way of another one; null: none is. */
  test(handle: Handle, wanted: Wanted): Promise<HeldLock | null> | HeldLock | null {
    return this.#parts.service.locks.test(handle.caller, handle.node.id, this.#request(wanted));
  }

  /** Whether a lock that somebody has is of a process of this machine. */
  isOwn({ holder }: HeldLock): boolean {
    return holder === this.#parts.holder;
  }

  /**
   * Takes the range or gives it back. What it resolves with takes that back: for when nobody hears of it. EAGAIN when another lock is in the way; with `patience` it is waited for, and EINTR when whoever
   * asked does not want to any more. EIO for a file by which locks were lost.
   */
  async set(handle: Handle, wanted: Wanted, patience: Patience | null): Promise<() => void> {
    if (handle.lost) throw FlareError.of('IO');
    const held = this.#of(handle.node);
    held.asking += 1;
    held.caller = handle.caller;
    try {
      if (wanted.mode !== 'none') return await this.#take(held, handle, wanted, patience);
      await this.#giveBack(held, handle, wanted);
      return () => {};
    } finally {
      held.asking -= 1;
      this.#settle(held);
    }
  }

  /** Gives back all that an owner has of a file; nothing is asked when that is nothing. */
  async drop(handle: Handle, who: LocalOwner): Promise<void> {
    const held = this.#held.get(handle.node);
    if (held === undefined || held.ranges(who).length === 0) return;
    try {
      await this.#giveBack(held, handle, { ...who, ...WHOLE });
    } finally {
      this.#settle(held);
    }
  }

  /** Before data are read or written by a file: nothing to wait for unless it was long ago that the volcano was heard. EIO when its locks are lost. */
  check(handle: Handle): Promise<void> | void {
    if (handle.lost) throw FlareError.of('IO');
    const held = handle.locked ? this.#held.get(handle.node) : undefined;
    if (held === undefined || !held.holds || this.#now() < held.sure) return;
    return this.#keep([held]).then(() => {
      if (handle.lost) throw FlareError.of('IO');
    });
  }

  /** An open file is no more. */
  closed(handle: Handle): void {
    if (handle.lost) handle.node.distrusted -= 1;
    this.#held.get(handle.node)?.handles.delete(handle);
  }

  /** Ends all locks, as far as the volcanos can be told. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#timer?.cancel();
    const { service, clock, holder, logger } = this.#parts;
    const ids = [...this.#held.keys()].map(({ id }) => id);
    this.#held.clear();
    if (ids.length === 0) return;
    const releasing = async (): Promise<void> => {
      for (let at = 0; at < ids.length; at += LOCK_FLARES_MAX) {
        await service.locks.release(holder, ids.slice(at, at + LOCK_FLARES_MAX));
      }
    };
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = clock.after(END_MS, () => reject(new Error('no volcano answers')));
    try {
      await Promise.race([releasing(), late]);
    } catch (error) {
      const sentence = 'locks could not be given back: the volcanos end them when they have heard nothing for a while';
      logger.warn({ err: error }, sentence);
    } finally {
      timer.cancel();
    }
  }

  /** A clock for how long something may have gone on outside: it counts while this machine sleeps, too. */
  #now(): number {
    const { clock } = this.#parts;
    return clock.now() / 1000;
  }

  #of(node: Node): HeldLocks {
    let held = this.#held.get(node);
    if (held === undefined) {
      held = new HeldLocks(node);
      this.#held.set(node, held);
    }
    return held;
  }

  #request({ kind, owner, start, last, pid, mode }: Wanted, wait = false): LockRequest {
    const { holder, leaseMs } = this.#parts;
    return { kind, holder, owner, start, last, pid, mode, leaseMs, wait };
  }

  async #take(held: HeldLocks, handle: Handle, wanted: Wanted, patience: Patience | null): Promise<() => void> {
    const { clock } = this.#parts;
    try {
      return await held.inTurn(() => this.#ask(held, handle, wanted, false));
    } catch (error) {
      if (patience === null || !isAgain(error)) throw error;
    }
    // flock(2) gives up what it had before it waits: two who want more than they have do not wait for each other.
    if (wanted.kind === LockKind.whole) await this.#giveBack(held, handle, wanted);
    while (!patience.interrupted) {
      const begun = clock.monotonic();
      try {
        return await this.#ask(held, handle, wanted, true);
      } catch (error) {
        if (!isAgain(error)) throw error;
      }
      // There were too many who wait for this one to wait too.
      const early = begun + WAIT_AGAIN_MS - clock.monotonic();
      if (early > 0 && !patience.interrupted) await new Promise<void>((resolve) => clock.after(early, resolve));
    }
    throw Refusal.of('EINTR');
  }

  /** Asks for a lock, and takes what is answered for what is so. */
  async #ask(held: HeldLocks, handle: Handle, wanted: Wanted, wait: boolean): Promise<() => void> {
    const { service, leaseMs } = this.#parts;
    const { node } = held;
    const sent = this.#now();
    held.changes += 1;
    try {
      const { attributes, tenure } = await service.locks.lock(handle.caller, node.id, this.#request(wanted, wait));
      if (held.holds && held.tenure !== tenure) this.#lost(held);
      if (handle.lost) throw FlareError.of('IO');
      const before = held.pieces(wanted, wanted);
      held.set(wanted, wanted, wanted.mode);
      held.tenure = tenure;
      held.sure = Math.max(held.sure, sent + leaseMs * SURE);
      if (!handle.closed) held.handles.add(handle);
      handle.locked = true;
      await this.#clear(node, attributes.version);
      return () => this.#takeBack(held, wanted, before);
    } catch (error) {
      if (!isClear(error)) this.#owe(held, wanted);
      throw error;
    } finally {
      held.changes += 1;
    }
  }

  /**
   * What others wrote while they had the lock is to be read now: the kernel lets go of what it has cached, and that is waited for. That it asks for the attributes again would not do. It takes an answer to be
   * outdated that has crossed with another change of what it knows of the file, and reads the old pages then.
   */
  #clear(node: Node, version: number): Promise<void> {
    if (node.cleared?.version !== version) node.cleared = { version, done: this.#parts.contentsChanged(node.nodeid) };
    return node.cleared.done;
  }

  /** It is given back here at once: what the volcano cannot be told now it is told later. */
  #giveBack(held: HeldLocks, handle: Handle, range: LocalOwner & ByteRange): Promise<void> {
    return held.inTurn(async () => {
      const wanted: Wanted = { ...range, mode: 'none', pid: 0 };
      const had = held.pieces(range, range).some(({ mode }) => mode !== 'none');
      held.set(range, range, 'none');
      if (!had) return;
      held.changes += 1;
      try {
        await this.#parts.service.locks.lock(handle.caller, held.node.id, this.#request(wanted));
      } catch (error) {
        if (!isClear(error)) this.#owe(held, range);
      } finally {
        held.changes += 1;
      }
    });
  }

  /** A lock was given and nobody heard of it: all is as it was before. */
  #takeBack(held: HeldLocks, wanted: Wanted, before: readonly (ByteRange & { mode: LockMode | 'none' })[]): void {
    if (this.#ended) return;
    for (const piece of before) held.set(wanted, piece, piece.mode);
    this.#owe(held, wanted);
    this.#held.set(held.node, held);
    void this.#pay(held);
  }

  #owe(held: HeldLocks, { kind, owner, start, last }: LocalOwner & ByteRange): void {
    held.owed.push({ kind, owner, start, last });
    this.#arm();
  }

  /** Tells the volcano what it may not know. */
  async #pay(held: HeldLocks): Promise<void> {
    const { service } = this.#parts;
    held.paying = true;
    await held.inTurn(async () => {
      while (held.owed.length > 0) {
        const owed = held.owed[0]!;
        try {
          for (const piece of held.pieces(owed, owed)) {
            await service.locks.lock(held.caller, held.node.id, this.#request({ ...owed, ...piece, pid: 0 }));
          }
        } catch (error) {
          if (!isClear(error)) return;
        }
        held.owed.shift();
      }
    });
    held.paying = false;
    this.#settle(held);
  }

  /** Says that this client lives, and hears what became of its locks. */
  async #keep(some: readonly HeldLocks[]): Promise<void> {
    const { service, holder, leaseMs } = this.#parts;
    const sent = this.#now();
    const before = some.map(({ changes }) => changes);
    const tenures = await service.locks.keep(
      holder,
      some.map(({ node }) => node.id),
    );
    for (const [at, held] of some.entries()) {
      if (held.changes !== before[at] || !held.holds) continue;
      if (held.tenure === tenures[at]) held.sure = Math.max(held.sure, sent + leaseMs * SURE);
      else this.#lost(held);
    }
  }

  #lost(held: HeldLocks): void {
    const { logger, attributesChanged } = this.#parts;
    const { node, handles } = held;
    for (const handle of handles) handle.lost = true;
    node.distrusted += handles.size;
    handles.clear();
    held.clear();
    attributesChanged(node.nodeid);
    this.#settle(held);
    logger.error(
      { fileid: node.known.fileid },
      'locks of a file are lost: the volcano has heard nothing for too long, or they were broken. Who had it open gets EIO until it is closed',
    );
  }

  #settle(held: HeldLocks): void {
    if (held.idle && this.#held.get(held.node) === held) this.#held.delete(held.node);
    this.#arm();
  }

  #arm(): void {
    if (this.#timer !== null || this.#ended || this.#held.size === 0) return;
    const { clock, leaseMs } = this.#parts;
    this.#timer = clock.after(leaseMs / KEPT_PER_LEASE, () => {
      this.#timer = null;
      this.#keepAll();
      this.#arm();
    });
  }

  /**
   * Each slice by itself, so that one volcano that is away does not keep the others from hearing of this client. What cannot be done now is tried again next time; who reads or writes meanwhile asks for
   * himself.
   */
  #keepAll(): void {
    const slices = new Map<number, HeldLocks[]>();
    for (const held of this.#held.values()) {
      if (held.owed.length > 0 && !held.paying) void this.#pay(held);
      if (!held.holds || held.keeping) continue;
      const slice = sliceOf(held.node.id.key);
      const there = slices.get(slice);
      if (there === undefined) slices.set(slice, [held]);
      else if (there.length < LOCK_FLARES_MAX) there.push(held);
    }
    for (const some of slices.values()) {
      for (const held of some) held.keeping = true;
      const done = (): void => {
        for (const held of some) held.keeping = false;
      };
      this.#keep(some).then(done, done);
    }
  }
}

/** It is sure that nothing was changed. */
function isClear(error: unknown): boolean {
  return error instanceof FlareError && error.status !== 'IO';
}

function isAgain(error: unknown): boolean {
  return error instanceof FlareError && error.status === 'AGAIN';
}
