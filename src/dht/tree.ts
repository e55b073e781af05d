import { andThen, type Eventually } from '../base/eventually.ts';
import { FlareError } from '../flare/errors.ts';
import { ROOT_KEY } from '../flare/keys.ts';
import type { LockService } from '../flare/locks/types.ts';
import type { Expectation, FlareService, WriteOptions } from '../flare/service.ts';
import { need, READ, SEARCH } from '../flare/store/access.ts';
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
import { DHT_COOKIE, DHT_KEY, DHT_NAME, type DhtDirectory } from './dht-directory.ts';

/** The tree that clients see: that of the network, with the read-only `/.dht/` in it. Whoever wants to change that gets ROFS. */
export class Tree implements FlareService {
  readonly #flares: FlareService;
  readonly #dht: DhtDirectory;
  readonly locks: LockService;

  constructor(flares: FlareService, dht: DhtDirectory) {
    this.#flares = flares;
    this.#dht = dht;
    const { locks } = flares;
    const lockable = (id: FlareId): FlareId => {
      this.#refuseChange(id.key);
      return id;
    };
    this.locks = {
      lock: (caller, id, request) => locks.lock(caller, lockable(id), request),
      test: (caller, id, request) => locks.test(caller, lockable(id), request),
      keep: (holder, ids) => locks.keep(holder, ids),
      release: (holder, ids) => locks.release(holder, ids),
    };
  }

  root(): FlareId {
    return this.#flares.root();
  }

  getattr(id: FlareId): Eventually<Attributes> {
    return this.#dht.owns(id.key) ? this.#dht.attributes(id.key) : this.#flares.getattr(id);
  }

  glance(id: FlareId): Eventually<Attributes> {
    return this.#dht.owns(id.key) ? this.#dht.attributes(id.key) : this.#flares.glance(id);
  }

  seen(id: FlareId): Attributes | undefined {
    return this.#flares.seen?.(id);
  }

  find(key: Key): Eventually<Attributes> {
    return this.#dht.owns(key) ? this.#dht.attributes(key) : this.#flares.find(key);
  }

  setattr(caller: Caller, id: FlareId, changes: AttributeChanges, expect?: Expectation): Eventually<Attributes> {
    this.#refuseChange(id.key);
    return this.#flares.setattr(caller, id, changes, expect);
  }

  lookup(caller: Caller, directory: FlareId, name: Name): Eventually<Attributes> {
    if (this.#dht.owns(directory.key)) {
      if (directory.key !== DHT_KEY) throw FlareError.of('NOTDIR');
      return this.#dht.lookup(name);
    }
    if (!isDht(directory, name)) return this.#flares.lookup(caller, directory, name);
    return andThen(this.#flares.getattr(directory), (root) => {
      need(caller, root, SEARCH);
      return this.#dht.attributes(DHT_KEY);
    });
  }

  readlink(caller: Caller, id: FlareId): Eventually<Buffer> {
    if (this.#dht.owns(id.key)) throw FlareError.of('INVAL');
    return this.#flares.readlink(caller, id);
  }

  read(
    caller: Caller,
    id: FlareId,
    offset: number,
    count: number,
  ): Eventually<{ data: Buffer; attributes: Attributes }> {
    if (this.#dht.owns(id.key)) return this.#dht.read(id.key, offset, count);
    return this.#flares.read(caller, id, offset, count);
  }

  write(caller: Caller, id: FlareId, offset: number, data: Uint8Array, options?: WriteOptions): Eventually<Attributes> {
    this.#refuseChange(id.key);
    return this.#flares.write(caller, id, offset, data, options);
  }

  create(
    caller: Caller,
    directory: FlareId,
    name: Name,
    birth: Birth,
    options?: { existing?: 'refuse' | 'open' },
  ): Eventually<Attributes> {
    this.#refuseName(directory, name, 'EXIST');
    return this.#flares.create(caller, directory, name, birth, options);
  }

  remove(caller: Caller, directory: FlareId, name: Name): Eventually<void> {
    this.#refuseName(directory, name);
    return this.#flares.remove(caller, directory, name);
  }

  rmdir(caller: Caller, directory: FlareId, name: Name): Eventually<void> {
    this.#refuseName(directory, name);
    return this.#flares.rmdir(caller, directory, name);
  }

  rename(caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): Eventually<void> {
    this.#refuseName(from, fromName);
    this.#refuseName(to, toName);
    return this.#flares.rename(caller, from, fromName, to, toName);
  }

  link(caller: Caller, id: FlareId, directory: FlareId, name: Name): Eventually<void> {
    this.#refuseChange(id.key);
    this.#refuseName(directory, name, 'EXIST');
    return this.#flares.link(caller, id, directory, name);
  }

  readdir(
    caller: Caller,
    directory: FlareId,
    cookie: number,
    limit: number,
  ): Eventually<{ entries: readonly DirectoryEntry[]; end: boolean }> {
    if (this.#dht.owns(directory.key)) {
      if (directory.key !== DHT_KEY) throw FlareError.of('NOTDIR');
      need(caller, this.#dht.attributes(DHT_KEY), READ);
      return this.#dht.entries(cookie, limit);
    }
    const listed = this.#flares.readdir(caller, directory, cookie, limit);
    if (directory.key !== ROOT_KEY) return listed;
    return andThen(listed, ({ entries, end }) => {
      if (!end || cookie >= DHT_COOKIE) return { entries, end };
      // It comes last: there is room for it now, or the client asks once more.
      return entries.length < limit ? { entries: [...entries, this.#dht.entry()], end } : { entries, end: false };
    });
  }

  recall(replay: string, at: Key): Eventually<Attributes | null | undefined> {
    return this.#flares.recall(replay, at);
  }

  statfs(): Eventually<SpaceFigures> {
    return this.#flares.statfs();
  }

  #refuseChange(key: Key): void {
    if (this.#dht.owns(key)) throw FlareError.of('ROFS');
  }

  #refuseName(directory: FlareId, name: Name, taken: 'EXIST' | 'ROFS' = 'ROFS'): void {
    this.#refuseChange(directory.key);
    if (isDht(directory, name)) throw FlareError.of(taken);
  }
}

function isDht(directory: FlareId, name: Name): boolean {
  return directory.key === ROOT_KEY && name === DHT_NAME;
}
