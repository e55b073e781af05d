import { LOCK_FLARES_MAX, type LockService } from '../../../flare/locks/types.ts';
import type { Expectation, FlareService } from '../../../flare/service.ts';
import { READ_MAX, READDIR_MAX, WRITE_MAX } from '../../../flare/store/limits.ts';
import { identityBytes } from '../../../flare/store/replays.ts';
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
} from '../../../flare/types.ts';
import { type RemoteProcedure, remote } from '../../../rpc/client.ts';
import type { Codec } from '../../../rpc/xdr.ts';
import { decodeProjection } from '../../projection/codec.ts';
import type { Projection } from '../../projection/types.ts';
import { heldFromWire, wireHolder, wireLock } from '../locks.ts';
import { type Answer, outcomeOf, type RpcCaller } from '../result.ts';
import * as types from '../types.ts';
import { FLARE_PROGRAM, FLARE_VERSION, procedures } from './schema.ts';

/** What a remote service is made with. */
export interface RemoteServiceOptions {
  readonly caller: RpcCaller;
  /** The root directory: the same in the whole network (`readRoot`). */
  readonly root: FlareId;
  /** The epoch of the map that calls are made by. */
  readonly epoch: () => number;
  /** On whose behalf calls are made, as a numeric address; empty: the caller's own. */
  readonly client?: string;
  /** Told of each epoch that the other side says the map is at. */
  readonly refreshed?: (epoch: number) => void;
}

function call<A, R>(row: { readonly number: number; readonly arguments: Codec<A>; readonly result: Codec<R> }) {
  return remote(FLARE_PROGRAM, FLARE_VERSION, row.number, row);
}

const calls = {
  root: call(procedures.ROOT),
  getattr: call(procedures.GETATTR),
  glance: call(procedures.GLANCE),
  find: call(procedures.FIND),
  setattr: call(procedures.SETATTR),
  lookup: call(procedures.LOOKUP),
  readlink: call(procedures.READLINK),
  read: call(procedures.READ),
  write: call(procedures.WRITE),
  create: call(procedures.CREATE),
  remove: call(procedures.REMOVE),
  rmdir: call(procedures.RMDIR),
  rename: call(procedures.RENAME),
  link: call(procedures.LINK),
  readdir: call(procedures.READDIR),
  recall: call(procedures.RECALL),
  statfs: call(procedures.STATFS),
  projection: call(procedures.PROJECTION),
  lock: call(procedures.LOCK),
  testLock: call(procedures.TESTLOCK),
  keepLocks: call(procedures.KEEPLOCKS),
  freeLocks: call(procedures.FREELOCKS),
};

/** The root directory of the network that a flare program serves. */
export async function readRoot(caller: RpcCaller, epoch: number): Promise<FlareId> {
  return types.idFromWire(outcomeOf(await caller.call(calls.root, { epoch, client: Buffer.alloc(0) })));
}

/** The newest projection that a volcano knows; null when that is no newer than `epoch`. */
export async function readProjection(caller: RpcCaller, epoch: number): Promise<Projection | null> {
  const bytes = outcomeOf(await caller.call(calls.projection, { epoch, client: Buffer.alloc(0) }));
  return bytes === null ? null : decodeProjection(bytes);
}

/**
 * Another volcano's `FlareService`, called over the flare program. Besides what that promises, it rejects with `RefreshError` and `BusyError`, with nothing done; with
 * `RpcError` when there is no answer: then a change may have been made, and asking again with the same replay identity tells.
 */
export class RemoteService implements FlareService {
  readonly #caller: RpcCaller;
  readonly #root: FlareId;
  readonly #epoch: () => number;
  readonly #client: Buffer;
  readonly #refreshed: ((epoch: number) => void) | undefined;
  readonly locks: LockService = {
    lock: async (caller, id, request) => {
      const wire = { id: types.wireId(id), lock: wireLock(request) };
      const { attributes, tenure } = await this.#ask(calls.lock, { ...this.#asked(caller), ...wire });
      return { attributes: types.attributesFromWire(attributes), tenure };
    },
    test: async (caller, id, request) => {
      const wire = { id: types.wireId(id), lock: wireLock(request) };
      const held = await this.#ask(calls.testLock, { ...this.#asked(caller), ...wire });
      return held === null ? null : heldFromWire(held);
    },
    keep: async (holder, ids) => this.#ask(calls.keepLocks, this.#holder(holder, ids)),
    release: async (holder, ids) => this.#ask(calls.freeLocks, this.#holder(holder, ids)),
  };

  constructor({ caller, root, epoch, client = '', refreshed }: RemoteServiceOptions) {
    this.#refreshed = refreshed;
    this.#caller = caller;
    this.#root = root;
    this.#epoch = epoch;
    this.#client = Buffer.from(client, 'latin1');
  }

  root(): FlareId {
    return this.#root;
  }

  getattr(id: FlareId): Promise<Attributes> {
    return this.#attributes(calls.getattr, { ...this.#head(), id: types.wireId(id) });
  }

  glance(id: FlareId): Promise<Attributes> {
    return this.#attributes(calls.glance, { ...this.#head(), id: types.wireId(id) });
  }

  find(key: Key): Promise<Attributes> {
    return this.#attributes(calls.find, { ...this.#head(), key: types.wireKey(key) });
  }

  async setattr(caller: Caller, id: FlareId, changes: AttributeChanges, expect?: Expectation): Promise<Attributes> {
    const wire = { id: types.wireId(id), changes: types.wireChanges(changes), version: expect?.version ?? null };
    return this.#attributes(calls.setattr, { ...this.#asked(caller), ...wire });
  }

  async lookup(caller: Caller, directory: FlareId, name: Name): Promise<Attributes> {
    return this.#attributes(calls.lookup, this.#named(caller, directory, name));
  }

  async readlink(caller: Caller, id: FlareId): Promise<Buffer> {
    return this.#ask(calls.readlink, { ...this.#asked(caller), id: types.wireId(id) });
  }

  /** Throws RangeError above `READ_MAX`. */
  async read(
    caller: Caller,
    id: FlareId,
    offset: number,
    count: number,
  ): Promise<{ data: Buffer; attributes: Attributes }> {
    if (count > READ_MAX) throw new RangeError(`a read of ${count} bytes; the most is ${READ_MAX}`);
    const wire = { id: types.wireId(id), offset: types.wireNumber(offset), count: types.wireNumber(count) };
    const { data, attributes } = await this.#ask(calls.read, { ...this.#asked(caller), ...wire });
    return { data, attributes: types.attributesFromWire(attributes) };
  }

  /** `data` is copied into the message before the first wait. Rejects with RangeError above `WRITE_MAX`. */
  async write(
    caller: Caller,
    id: FlareId,
    offset: number,
    data: Uint8Array,
    expect?: Expectation,
  ): Promise<Attributes> {
    if (data.length > WRITE_MAX) throw new RangeError(`a write of ${data.length} bytes; the most is ${WRITE_MAX}`);
    const wire = { id: types.wireId(id), version: expect?.version ?? null, offset: types.wireNumber(offset) };
    return this.#attributes(calls.write, { ...this.#asked(caller), ...wire, data: data as Buffer });
  }

  async create(
    caller: Caller,
    directory: FlareId,
    name: Name,
    birth: Birth,
    options?: { existing?: 'refuse' | 'open' },
  ): Promise<Attributes> {
    const wire = { open: options?.existing === 'open', birth: types.wireBirth(birth) };
    return this.#attributes(calls.create, { ...this.#named(caller, directory, name), ...wire });
  }

  async remove(caller: Caller, directory: FlareId, name: Name): Promise<void> {
    return this.#ask(calls.remove, this.#named(caller, directory, name));
  }

  async rmdir(caller: Caller, directory: FlareId, name: Name): Promise<void> {
    return this.#ask(calls.rmdir, this.#named(caller, directory, name));
  }

  async rename(caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): Promise<void> {
    return this.#ask(calls.rename, {
      ...this.#asked(caller),
      from: types.wireId(from),
      fromName: types.wireName(fromName),
      to: types.wireId(to),
      toName: types.wireName(toName),
    });
  }

  async link(caller: Caller, id: FlareId, directory: FlareId, name: Name): Promise<void> {
    return this.#ask(calls.link, { ...this.#named(caller, directory, name), id: types.wireId(id) });
  }

  async readdir(
    caller: Caller,
    directory: FlareId,
    cookie: number,
    limit: number,
  ): Promise<{ entries: readonly DirectoryEntry[]; end: boolean }> {
    const most = Math.min(types.wireNumber(limit), READDIR_MAX);
    const wire = { directory: types.wireId(directory), cookie: types.wireNumber(cookie), limit: most };
    const { entries, end } = await this.#ask(calls.readdir, { ...this.#asked(caller), ...wire });
    return { entries: entries.map(types.entryFromWire), end };
  }

  async recall(replay: string, at: Key): Promise<Attributes | null | undefined> {
    const answer = await this.#ask(calls.recall, {
      ...this.#head(),
      at: types.wireKey(at),
      replay: identityBytes(replay),
    });
    if (!answer.found) return undefined;
    return answer.attributes === null ? null : types.attributesFromWire(answer.attributes);
  }

  statfs(): Promise<SpaceFigures> {
    return this.#ask(calls.statfs, this.#head());
  }

  #head(): { epoch: number; client: Buffer } {
    return { epoch: this.#epoch(), client: this.#client };
  }

  #holder(holder: string, ids: readonly FlareId[]) {
    if (ids.length > LOCK_FLARES_MAX) throw new RangeError(`${ids.length} flares; the most is ${LOCK_FLARES_MAX}`);
    return { ...this.#head(), holder: wireHolder(holder), ids: ids.map(types.wireId) };
  }

  #asked(caller: Caller) {
    return { epoch: this.#epoch(), client: this.#client, caller: types.wireCaller(caller) };
  }

  #named(caller: Caller, directory: FlareId, name: Name) {
    return { ...this.#asked(caller), directory: types.wireId(directory), name: types.wireName(name) };
  }

  async #ask<A, V>(procedure: RemoteProcedure<A, Answer<V>>, args: A): Promise<V> {
    return outcomeOf(await this.#caller.call(procedure, args), this.#refreshed);
  }

  async #attributes<A>(
    procedure: RemoteProcedure<A, Answer<Parameters<typeof types.attributesFromWire>[0]>>,
    args: A,
  ): Promise<Attributes> {
    return types.attributesFromWire(await this.#ask(procedure, args));
  }
}
