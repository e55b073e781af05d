import type { Timer } from '../../base/clock.ts';
import { RefreshError } from '../../dht/errors.ts';
import { isTransient, type Pace, untilDone } from '../../dht/retry.ts';
import { bySlice } from '../../flare/locks/by-slice.ts';
import type { LockService } from '../../flare/locks/types.ts';
import type { Expectation, FlareService } from '../../flare/service.ts';
import type {
  AttributeChanges,
  Attributes,
  Birth,
  Caller,
  DirectoryEntry,
  FlareId,
  Key,
  Name,
  SpaceFigures,
} from '../../flare/types.ts';
import type { Members } from './members.ts';

/** Bytes of chance that tell one client's changes from those of all others, in every replay identity. */
const CLIENT_BYTES = 16;
/** While a call waits for longer than this, in milliseconds, or twice as long, it is asked whether the map is another one. */
export const LATE_MS = 1_000;

/**
 * The tree of a network as a client sees it: each call goes straight to the owner of the flare that it is about. When the map is another one, a volcano is away or something
 * is in the way it is asked again, with the same replay identity, so that a change is done once; after `patienceMs` it rejects with `UnavailableError`. Data that are written
 * must stay as they are until the answer is there.
 */
export class RingService implements FlareService {
  readonly #members: Members;
  readonly #pace: Pace;
  readonly #client: string;
  #changes = 0;
  /** Calls under way, each with the round that it began in; a round is as long as `LATE_MS`. */
  readonly #underWay = new Set<{ readonly round: number }>();
  #round = 0;
  #timer: Timer | null = null;
  readonly locks: LockService = {
    lock: (caller, id, request) => {
      const who = this.#identified(caller);
      return this.#ask('LOCK', id.key, ({ locks }) => locks.lock(who, id, request));
    },
    test: (caller, id, request) => this.#ask('TESTLOCK', id.key, ({ locks }) => locks.test(caller, id, request)),
    keep: (holder, ids) =>
      bySlice(ids, (some) => this.#ask('KEEPLOCKS', some[0]!.key, ({ locks }) => locks.keep(holder, some))),
    release: async (holder, ids) => {
      await bySlice(ids, async (some) => {
        await this.#ask('FREELOCKS', some[0]!.key, ({ locks }) => locks.release(holder, some));
        return some;
      });
    },
  };

  constructor(members: Members, pace: Pace) {
    this.#members = members;
    this.#pace = pace;
    this.#client = pace.random.bytes(CLIENT_BYTES).toString('latin1');
  }

  root(): FlareId {
    return this.#members.root;
  }

  getattr(id: FlareId): Promise<Attributes> {
    return this.#ask('GETATTR', id.key, (owner) => owner.getattr(id));
  }

  glance(id: FlareId): Promise<Attributes> {
    return this.#ask('GLANCE', id.key, (owner) => owner.glance(id));
  }

  find(key: Key): Promise<Attributes> {
    return this.#ask('FIND', key, (owner) => owner.find(key));
  }

  setattr(caller: Caller, id: FlareId, changes: AttributeChanges, expect?: Expectation): Promise<Attributes> {
    const who = this.#identified(caller);
    return this.#ask('SETATTR', id.key, (owner) => owner.setattr(who, id, changes, expect));
  }

  lookup(caller: Caller, directory: FlareId, name: Name): Promise<Attributes> {
    return this.#ask('LOOKUP', directory.key, (owner) => owner.lookup(caller, directory, name));
  }

  readlink(caller: Caller, id: FlareId): Promise<Buffer> {
    return this.#ask('READLINK', id.key, (owner) => owner.readlink(caller, id));
  }

  read(caller: Caller, id: FlareId, offset: number, count: number): Promise<{ data: Buffer; attributes: Attributes }> {
    return this.#ask('READ', id.key, (owner) => owner.read(caller, id, offset, count));
  }

  write(caller: Caller, id: FlareId, offset: number, data: Uint8Array, expect?: Expectation): Promise<Attributes> {
    const who = this.#identified(caller);
    return this.#ask('WRITE', id.key, (owner) => owner.write(who, id, offset, data, expect));
  }

  create(
    caller: Caller,
    directory: FlareId,
    name: Name,
    birth: Birth,
    options?: { existing?: 'refuse' | 'open' },
  ): Promise<Attributes> {
    const who = this.#identified(caller);
    return this.#ask('CREATE', directory.key, (owner) => owner.create(who, directory, name, birth, options));
  }

  remove(caller: Caller, directory: FlareId, name: Name): Promise<void> {
    const who = this.#identified(caller);
    return this.#ask('REMOVE', directory.key, (owner) => owner.remove(who, directory, name));
  }

  rmdir(caller: Caller, directory: FlareId, name: Name): Promise<void> {
    const who = this.#identified(caller);
    return this.#ask('RMDIR', directory.key, (owner) => owner.rmdir(who, directory, name));
  }

  rename(caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): Promise<void> {
    const who = this.#identified(caller);
    return this.#ask('RENAME', from.key, (owner) => owner.rename(who, from, fromName, to, toName));
  }

  link(caller: Caller, id: FlareId, directory: FlareId, name: Name): Promise<void> {
    const who = this.#identified(caller);
    return this.#ask('LINK', directory.key, (owner) => owner.link(who, id, directory, name));
  }

  readdir(
    caller: Caller,
    directory: FlareId,
    cookie: number,
    limit: number,
  ): Promise<{ entries: readonly DirectoryEntry[]; end: boolean }> {
    return this.#ask('READDIR', directory.key, (owner) => owner.readdir(caller, directory, cookie, limit));
  }

  recall(replay: string, at: Key): Promise<Attributes | null | undefined> {
    return this.#ask('RECALL', at, (owner) => owner.recall(replay, at));
  }

  statfs(): Promise<SpaceFigures> {
    return this.#ask('STATFS', null, (any) => any.statfs());
  }

  /** A change may be asked twice: who is behind it gets an identity, if there is none yet. */
  #identified(caller: Caller): Caller {
    if (caller.replay !== undefined) return caller;
    this.#changes += 1;
    return { ...caller, replay: `mount.magma ${this.#client} ${this.#changes}` };
  }

  #ask<T>(what: string, key: Key | null, work: (service: FlareService) => T | Promise<T>): Promise<T> {
    return untilDone(this.#pace, what, async (tries) => {
      const call = { round: this.#round };
      this.#underWay.add(call);
      this.#timer ??= this.#pace.clock.after(LATE_MS, () => this.#look());
      try {
        return await work(key === null ? this.#members.any(tries) : this.#members.ownerOf(key));
      } catch (error) {
        const behind = error instanceof RefreshError && error.epoch >= this.#members.projection.epoch;
        // Whoever is away may have been replaced.
        if (behind || (isTransient(error) && tries > 0)) await this.#members.learn();
        throw error;
      } finally {
        this.#underWay.delete(call);
      }
    });
  }

  /** Whoever lets a call wait may have been replaced: then it is made again, of another one. */
  #look(): void {
    this.#timer = null;
    this.#round += 1;
    let late = false;
    for (const { round } of this.#underWay) late ||= this.#round - round >= 2;
    if (late) void this.#members.learn();
    if (this.#underWay.size > 0) this.#timer = this.#pace.clock.after(LATE_MS, () => this.#look());
  }
}
