import { type Eventually, isPending } from '../base/eventually.ts';
import type { Logger } from '../base/logger.ts';
import { FlareError, UnavailableError } from '../flare/errors.ts';
import { BusyError, ElsewhereError } from '../flare/joint.ts';
import { sliceOf } from '../flare/keys.ts';
import { bySlice } from '../flare/locks/by-slice.ts';
import type { LockService } from '../flare/locks/types.ts';
import type { Expectation, FlareService, WriteOptions } from '../flare/service.ts';
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
} from '../flare/types.ts';
import type { SliceLoads } from './balance/slice-loads.ts';
import { create } from './coordinate/create.ts';
import { link } from './coordinate/link.ts';
import { Outcomes } from './coordinate/outcomes.ts';
import { remove, rmdir } from './coordinate/remove.ts';
import { rename } from './coordinate/rename.ts';
import type { OwnStore, Ring } from './coordinate/ring.ts';
import type { Owners } from './owners.ts';
import { Recent } from './recent.ts';
import { isTransient, type Pace, untilDone } from './retry.ts';

/** What a router is made of. */
export interface RouterParts extends Pace {
  readonly store: OwnStore;
  readonly owners: Owners;
  readonly logger: Logger;
  /** The network's room, from what is known: never waits. */
  readonly statfs: () => SpaceFigures;
  /** Counts what is asked of own slices; null: nobody does. */
  readonly loads?: Pick<SliceLoads, 'call' | 'moved'> | null;
}

/** Bytes of the replay identity that a change gets whose caller gave none: it may be asked twice when a connection breaks. */
const IDENTITY_BYTES = 16;

/**
 * The whole tree over all volcanos. What lies here is done here; what lies elsewhere is asked of its owner; what touches several owners is
 * coordinated by the owner of the (from-)directory. Calls that find the map changed, a volcano gone, or another operation in their way are tried again; after a
 * while they are rejected with `UnavailableError`.
 */
export class Router implements FlareService {
  readonly #store: OwnStore;
  readonly #owners: Owners;
  readonly #ring: Ring;
  readonly #statfs: () => SpaceFigures;
  readonly #loads: Pick<SliceLoads, 'call' | 'moved'> | null;
  readonly #recent: Recent;
  readonly outcomes: Outcomes;
  readonly locks: LockService = {
    lock: (caller, id, request) => {
      const who = this.#identified(caller);
      return this.#ask('LOCK', id.key, ({ locks }) => locks.lock(who, id, request));
    },
    test: (caller, id, request) => this.#ask('TESTLOCK', id.key, ({ locks }) => locks.test(caller, id, request)),
    keep: (holder, ids) =>
      bySlice(ids, async (some) => this.#ask('KEEPLOCKS', some[0]!.key, ({ locks }) => locks.keep(holder, some))),
    release: async (holder, ids) => {
      await bySlice(ids, async (some) => {
        await this.#ask('FREELOCKS', some[0]!.key, ({ locks }) => locks.release(holder, some));
        return some;
      });
    },
  };

  constructor({ store, owners, clock, random, logger, statfs, loads = null }: RouterParts) {
    this.#store = store;
    this.#owners = owners;
    this.#statfs = statfs;
    this.#loads = loads;
    this.#recent = new Recent(clock);
    this.outcomes = new Outcomes({ joint: store.joint, owners, clock, random, logger });
    this.#ring = { store, owners, clock, random, tree: this, outcomes: this.outcomes };
  }

  root(): FlareId {
    return this.#store.root();
  }

  getattr(id: FlareId): Eventually<Attributes> {
    return this.#noting(
      id.key,
      this.#ask('GETATTR', id.key, (service) => service.getattr(id)),
    );
  }

  glance(id: FlareId): Eventually<Attributes> {
    return this.#noting(
      id.key,
      this.#ask('GLANCE', id.key, (service) => service.glance(id)),
    );
  }

  seen(id: FlareId): Attributes | undefined {
    return this.#owners.isOwn(sliceOf(id.key)) ? undefined : this.#recent.get(id);
  }

  find(key: Key): Eventually<Attributes> {
    return this.#noting(
      key,
      this.#ask('FIND', key, (service) => service.find(key)),
    );
  }

  setattr(caller: Caller, id: FlareId, changes: AttributeChanges, expect?: Expectation): Eventually<Attributes> {
    const who = this.#identified(caller);
    return this.#ask('SETATTR', id.key, (service) => service.setattr(who, id, changes, expect));
  }

  lookup(caller: Caller, directory: FlareId, name: Name): Eventually<Attributes> {
    const here = (): Eventually<Attributes> =>
      this.#wholeOr(
        null,
        () => this.#store.lookup(caller, directory, name),
        () => this.#lookupApart(caller, directory, name),
      );
    return this.#ask('LOOKUP', directory.key, (service) => service.lookup(caller, directory, name), here);
  }

  /** The name lies here, its flare elsewhere. */
  async #lookupApart(caller: Caller, directory: FlareId, name: Name): Promise<Attributes> {
    const entry = await this.#store.entry(caller, directory, name);
    if (entry === null) throw FlareError.of('NOENT');
    try {
      return await this.getattr(entry.id);
    } catch (error) {
      // It went between the two looks: the name means something else by now, or nothing.
      if (error instanceof FlareError && error.status === 'STALE') throw new BusyError();
      throw error;
    }
  }

  readlink(caller: Caller, id: FlareId): Eventually<Buffer> {
    return this.#ask('READLINK', id.key, (service) => service.readlink(caller, id));
  }

  read(
    caller: Caller,
    id: FlareId,
    offset: number,
    count: number,
  ): Eventually<{ data: Buffer; attributes: Attributes }> {
    const answer = this.#ask('READ', id.key, (service) => service.read(caller, id, offset, count));
    if (!isPending(answer)) {
      this.#loads?.moved(sliceOf(id.key), answer.data.length);
      return answer;
    }
    if (this.#owners.isOwn(sliceOf(id.key))) {
      // Waiting for the answer once more, to see how long it is, would cost more than it is worth.
      this.#loads?.moved(sliceOf(id.key), count);
      return answer;
    }
    return answer.then((found) => {
      this.#recent.put(found.attributes);
      return found;
    });
  }

  write(caller: Caller, id: FlareId, offset: number, data: Uint8Array, options?: WriteOptions): Eventually<Attributes> {
    const who = this.#identified(caller);
    // What cannot be done at once may be done when the receive buffer holds something else.
    const slice = sliceOf(id.key);
    const own = this.#owners.isOwn(slice);
    if (own) this.#loads?.moved(slice, data.length);
    const atOnce = own && !this.#store.busy;
    const bytes = atOnce || options?.lasting ? data : Buffer.from(data);
    const kept = !atOnce || options?.lasting === true;
    let turn = 0;
    const answer = this.#ask('WRITE', id.key, (service) => {
      if (turn++ > 0 && !kept) throw new UnavailableError('WRITE: its bytes are not there any more');
      return service.write(who, id, offset, bytes, options);
    });
    return this.#noting(id.key, answer);
  }

  create(
    caller: Caller,
    directory: FlareId,
    name: Name,
    birth: Birth,
    options?: { existing?: 'refuse' | 'open' },
  ): Eventually<Attributes> {
    const who = this.#identified(caller);
    const here = (): Eventually<Attributes> =>
      this.#wholeOr(
        who,
        () => this.#store.create(who, directory, name, birth, options),
        () => create(this.#ring, who, directory, name, birth, options?.existing),
      );
    return this.#ask('CREATE', directory.key, (service) => service.create(who, directory, name, birth, options), here);
  }

  remove(caller: Caller, directory: FlareId, name: Name): Eventually<void> {
    const who = this.#identified(caller);
    const here = (): Eventually<void> =>
      this.#wholeOr(
        who,
        () => this.#store.remove(who, directory, name),
        () => remove(this.#ring, who, directory, name),
      );
    return this.#ask('REMOVE', directory.key, (service) => service.remove(who, directory, name), here);
  }

  rmdir(caller: Caller, directory: FlareId, name: Name): Eventually<void> {
    const who = this.#identified(caller);
    const here = (): Eventually<void> =>
      this.#wholeOr(
        who,
        () => this.#store.rmdir(who, directory, name),
        () => rmdir(this.#ring, who, directory, name),
      );
    return this.#ask('RMDIR', directory.key, (service) => service.rmdir(who, directory, name), here);
  }

  rename(caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): Eventually<void> {
    const who = this.#identified(caller);
    const here = (): Eventually<void> =>
      this.#wholeOr(
        who,
        () => this.#store.rename(who, from, fromName, to, toName),
        () => rename(this.#ring, who, from, fromName, to, toName),
      );
    return this.#ask('RENAME', from.key, (service) => service.rename(who, from, fromName, to, toName), here);
  }

  link(caller: Caller, id: FlareId, directory: FlareId, name: Name): Eventually<void> {
    const who = this.#identified(caller);
    const here = (): Eventually<void> =>
      this.#wholeOr(
        who,
        () => this.#store.link(who, id, directory, name),
        () => link(this.#ring, who, id, directory, name),
      );
    return this.#ask('LINK', directory.key, (service) => service.link(who, id, directory, name), here);
  }

  readdir(
    caller: Caller,
    directory: FlareId,
    cookie: number,
    limit: number,
  ): Eventually<{ entries: readonly DirectoryEntry[]; end: boolean }> {
    return this.#ask('READDIR', directory.key, (service) => service.readdir(caller, directory, cookie, limit));
  }

  recall(replay: string, at: Key): Eventually<Attributes | null | undefined> {
    return this.#ask('RECALL', at, (service) => service.recall(replay, at));
  }

  statfs(): SpaceFigures {
    return this.#statfs();
  }

  /** Remembers what another volcano says of a flare of its own. */
  #noting(key: Key, answer: Eventually<Attributes>): Eventually<Attributes> {
    if (!isPending(answer) || this.#owners.isOwn(sliceOf(key))) return answer;
    return answer.then((attributes) => {
      this.#recent.put(attributes);
      return attributes;
    });
  }

  /** The caller of a change, which may be asked twice: with a replay identity, his own or one of chance. */
  #identified(caller: Caller): Caller {
    if (caller.replay !== undefined) return caller;
    return { ...caller, replay: this.#ring.random.bytes(IDENTITY_BYTES).toString('latin1') };
  }

  /**
   * Does the whole of it here; when something of it lies elsewhere, does it with the others: once at a time for a replay identity. Else a call that is asked again, over a
   * new connection or of another gateway, would meet what its first asking has just done as somebody else's.
   */
  #wholeOr<T>(who: Caller | null, whole: () => Eventually<T>, joint: () => Promise<T>): Eventually<T> {
    const elsewhere = (error: unknown): Promise<T> => {
      if (!(error instanceof ElsewhereError)) throw error;
      return who?.replay === undefined ? joint() : this.#once(who, joint);
    };
    try {
      const answer = whole();
      return isPending(answer) ? answer.catch(elsewhere) : answer;
    } catch (error) {
      return elsewhere(error);
    }
  }

  /** What was refused, or had nothing to do, is remembered, so that another copy of the call does not do it when its caller has long been told. */
  async #once<T>(who: Caller, work: () => Promise<T>): Promise<T> {
    const { joint } = this.#store;
    if (!joint.begin(who)) throw new BusyError();
    try {
      const answer = await work();
      joint.remember(who, (answer as Attributes | undefined) ?? null);
      return answer;
    } catch (error) {
      if (error instanceof FlareError && error.status !== 'IO') joint.remember(who, error.status);
      throw error;
    } finally {
      joint.end(who);
    }
  }

  /** Asks the owner of the key: at once when that is this volcano and nothing is in the way. */
  #ask<T>(
    what: string,
    key: Key,
    ask: (service: FlareService) => Eventually<T>,
    here: () => Eventually<T> = () => ask(this.#store),
  ): Eventually<T> {
    const slice = sliceOf(key);
    try {
      const own = this.#owners.isOwn(slice);
      if (own) this.#loads?.call(slice);
      const answer = own ? this.#whileOwn(slice, here()) : ask(this.#owners.of(slice).service);
      return isPending(answer) ? answer.catch((error: unknown) => this.#again(what, error, slice, ask, here)) : answer;
    } catch (error) {
      return this.#again(what, error, slice, ask, here);
    }
  }

  /** What was waited for is answered only while the slice is still this volcano's: it may have been looked at while it was not. */
  #whileOwn<T>(slice: number, answer: Eventually<T>): Eventually<T> {
    if (!isPending(answer)) return answer;
    const check = (): void => {
      if (!this.#owners.isOwn(slice)) throw new BusyError();
    };
    return answer.then(
      (value) => {
        check();
        return value;
      },
      (error: unknown) => {
        if (error instanceof FlareError) check();
        throw error;
      },
    );
  }

  #again<T>(
    what: string,
    first: unknown,
    slice: number,
    ask: (service: FlareService) => Eventually<T>,
    here: () => Eventually<T>,
  ): Promise<T> {
    if (!isTransient(first)) throw first;
    return untilDone(this.#ring, what, (tries) => {
      if (tries === 0) throw first;
      return this.#owners.isOwn(slice) ? this.#whileOwn(slice, here()) : ask(this.#owners.of(slice).service);
    });
  }
}
