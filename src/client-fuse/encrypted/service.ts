import { andThen, type Eventually } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { FlareError } from '../../flare/errors.ts';
import { checkName } from '../../flare/keys.ts';
import type { LockService } from '../../flare/locks/types.ts';
import type { Expectation, FlareService } from '../../flare/service.ts';
import { checkRange } from '../../flare/store/access.ts';
import {
  type AttributeChanges,
  type Attributes,
  type Birth,
  type Caller,
  type FlareId,
  FlareType,
  type Key,
  type Name,
  type SpaceFigures,
  TARGET_MAX,
} from '../../flare/types.ts';
import { CipherError } from '../crypto/errors.ts';
import type { StoredName } from '../crypto/names.ts';
import { longestTarget } from '../crypto/targets.ts';
import type { CipherTree } from '../crypto/tree.ts';
import { plainAttributes } from './attributes.ts';
import { change, checkPlainSize, grow } from './changing.ts';
import { Complaints } from './complaints.ts';
import { DirectoryIvs } from './directory-ivs.ts';
import { endEmpty } from './ending.ts';
import { EncryptedFiles } from './files.ts';
import { list, type Page } from './listing.ts';
import { LongNames } from './long-names.ts';
import { makeDirectory } from './making.ts';
import type { Parts } from './parts.ts';
import { isRefusal, unless } from './refusals.ts';

/** What an encrypted tree is seen through. */
export interface EncryptedParts {
  /** Where the ciphertext is. */
  readonly service: FlareService;
  /** The directory of it that holds `gocryptfs.conf`, and `gocryptfs.diriv`. */
  readonly root: FlareId;
  /** `cipherTree` of its master key. */
  readonly tree: CipherTree;
  /** `systemRandom`: the IVs of new directories come from it. */
  readonly random: Random;
  readonly logger: Logger;
  /** Names in its root that are left out without a word: what the network itself shows there. */
  readonly ignored?: readonly Name[];
}

/**
 * The plain tree of a gocryptfs v2 ciphertext that another service holds (docs/encryption.md): names, contents, targets and sizes are plain; flares, owners, times, links and cookies are those of the ciphertext.
 *
 * What is there is checked by the service below, for the same caller. A change is one call to it or several; it shows itself whole or not at all, also to others and when this client dies between two of them. What is left behind
 * then is not shown, and taken away by whoever needs the place. Callers name no `replay`, since its calls would be taken for each other: RangeError. Data that are written must stay as they are until the answer is there. What cannot be decrypted is IO,
 * or missing in listings, and a line in the log with the key of the flare.
 */
export class EncryptedService implements FlareService {
  /** Places in a file are those of the plain one: all who lock files of a tree see it so. */
  readonly locks: LockService;
  readonly #service: FlareService;
  readonly #parts: Parts;
  readonly #files: EncryptedFiles;

  constructor({ service, root, tree, random, logger, ignored = [] }: EncryptedParts) {
    const complaints = new Complaints(logger);
    const ivs = new DirectoryIvs(service, complaints);
    const longNames = new LongNames(service, tree.names, complaints);
    const { key, generation } = root;
    this.#service = service;
    this.#parts = { service, tree, random, root: { key, generation }, ignored, ivs, longNames, complaints };
    this.#files = new EncryptedFiles({ service, contents: tree.contents, logger });
    this.locks = plainLocks(service.locks, (attributes) => this.#plain(attributes));
  }

  root(): FlareId {
    return this.#parts.root;
  }

  getattr(id: FlareId): Eventually<Attributes> {
    return andThen(this.#service.getattr(id), (attributes) => this.#plain(attributes));
  }

  glance(id: FlareId): Eventually<Attributes> {
    return andThen(this.#service.glance(id), (attributes) => this.#plain(attributes));
  }

  seen(id: FlareId): Attributes | undefined {
    const seen = this.#service.seen?.(id);
    return seen === undefined ? undefined : this.#plain(seen);
  }

  find(key: Key): Eventually<Attributes> {
    return andThen(this.#service.find(key), (attributes) => this.#plain(attributes));
  }

  async setattr(caller: Caller, id: FlareId, changes: AttributeChanges, expect?: Expectation): Promise<Attributes> {
    checkCaller(caller);
    return this.#plain(await change(this.#service, this.#files, caller, id, changes, expect));
  }

  async lookup(caller: Caller, directory: FlareId, name: Name): Promise<Attributes> {
    const { entry } = await this.#stored(caller, directory, name);
    return this.#plain(await this.#service.lookup(caller, directory, entry));
  }

  async readlink(caller: Caller, id: FlareId): Promise<Buffer> {
    const stored = await this.#service.readlink(caller, id);
    try {
      return this.#parts.tree.targets.decrypt(stored);
    } catch (error) {
      if (!(error instanceof CipherError)) throw error;
      this.#parts.complaints.make(id, null, error.message);
      throw FlareError.of('IO');
    }
  }

  async read(
    caller: Caller,
    id: FlareId,
    offset: number,
    count: number,
  ): Promise<{ data: Buffer; attributes: Attributes }> {
    if (!isWhole(offset) || !isWhole(count)) throw FlareError.of('INVAL');
    const { data, attributes } = await this.#files.read(caller, id, offset, count);
    return { data, attributes: this.#plain(attributes) };
  }

  async write(
    caller: Caller,
    id: FlareId,
    offset: number,
    data: Uint8Array,
    expect?: Expectation,
  ): Promise<Attributes> {
    checkCaller(caller);
    checkRange(offset, 0);
    checkPlainSize(offset + data.length);
    return this.#plain(await this.#files.change(caller, id, { kind: 'write', offset, data }, expect?.version));
  }

  async create(
    caller: Caller,
    directory: FlareId,
    name: Name,
    birth: Birth,
    options?: { existing?: 'refuse' | 'open' },
  ): Promise<Attributes> {
    checkCaller(caller);
    const { size } = birth;
    if (size !== undefined) checkPlainSize(size);
    const encrypted = birth.type === FlareType.symlink ? this.#encryptTarget(birth) : birth;
    const stored = await this.#stored(caller, directory, name);
    const { existing } = options ?? {};
    if (size === undefined || size === 0) {
      return this.#plain(await this.#make(caller, directory, stored, encrypted, existing));
    }
    try {
      const made = await this.#make(caller, directory, stored, encrypted, 'refuse');
      return this.#plain(await grow(this.#service, this.#files, caller, made, birth, size));
    } catch (error) {
      if (existing !== 'open' || !isRefusal(error, 'EXIST')) throw error;
    }
    const found = await this.#make(caller, directory, stored, encrypted, existing);
    return found.type === FlareType.file ? this.setattr(caller, found, { size }) : this.#plain(found);
  }

  async remove(caller: Caller, directory: FlareId, name: Name): Promise<void> {
    checkCaller(caller);
    const stored = await this.#stored(caller, directory, name);
    await this.#service.remove(caller, directory, stored.entry);
    await this.#parts.longNames.unnamed(caller, directory, stored);
  }

  async rmdir(caller: Caller, directory: FlareId, name: Name): Promise<void> {
    checkCaller(caller);
    const stored = await this.#stored(caller, directory, name);
    const { entry } = stored;
    const end = () => this.#service.rmdir(caller, directory, entry);
    await endEmpty(this.#parts, caller, directory, entry, end, { gone: true });
    await this.#parts.longNames.unnamed(caller, directory, stored);
  }

  async rename(caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): Promise<void> {
    checkCaller(caller);
    checkName(fromName);
    checkName(toName);
    const source = await this.#stored(caller, from, fromName);
    const goal = await this.#stored(caller, to, toName, from);
    if (goal.long !== null) await this.#checkSource(caller, from, source.entry, to, goal.entry);
    const rename = () => this.#service.rename(caller, from, source.entry, to, goal.entry);
    await this.#parts.longNames.naming(caller, to, goal, () =>
      endEmpty(this.#parts, caller, to, goal.entry, rename, { gone: false }),
    );
    // Two names of one flare are both still there.
    await this.#parts.longNames.unnamed(caller, from, source, true);
  }

  async link(caller: Caller, id: FlareId, directory: FlareId, name: Name): Promise<void> {
    checkCaller(caller);
    const stored = await this.#stored(caller, directory, name, id);
    await this.#parts.longNames.naming(caller, directory, stored, () =>
      this.#service.link(caller, id, directory, stored.entry),
    );
  }

  readdir(caller: Caller, directory: FlareId, cookie: number, limit: number): Promise<Page> {
    return list(this.#parts, caller, directory, cookie, limit);
  }

  /** Nothing is remembered: callers name no replay identities. */
  recall(): undefined {
    return undefined;
  }

  statfs(): Eventually<SpaceFigures> {
    return this.#service.statfs();
  }

  /** A newborn, or what has that name; without a size above 0, for which a file needs a header, and a birth has none. */
  async #make(
    caller: Caller,
    directory: FlareId,
    stored: StoredName,
    { size, ...birth }: Birth,
    existing: 'refuse' | 'open' = 'refuse',
  ): Promise<Attributes> {
    const cut = size === 0 ? { size } : {};
    if (birth.type !== FlareType.directory) {
      const make = () => this.#service.create(caller, directory, stored.entry, { ...birth, ...cut }, { existing });
      return this.#parts.longNames.naming(caller, directory, stored, make);
    }
    try {
      return await makeDirectory(this.#parts, caller, directory, stored, birth);
    } catch (error) {
      if (!isRefusal(error, 'EXIST') || existing !== 'open') throw error;
      const found = await this.#service.lookup(caller, directory, stored.entry);
      if (found.type === FlareType.directory) throw error;
      return found.type === FlareType.file ? this.#service.setattr(caller, found, cut) : found;
    }
  }

  /** How a name is stored in that directory. INVAL, NAMETOOLONG, and what `DirectoryIvs.of` refuses, but STALE when `first` is gone. */
  async #stored(caller: Caller, directory: FlareId, name: Name, first?: FlareId): Promise<StoredName> {
    checkName(name);
    const { ivs, tree } = this.#parts;
    try {
      const iv = await ivs.of(caller, directory);
      return tree.names.encrypt(Buffer.from(name, 'latin1'), iv);
    } catch (error) {
      if (first !== undefined) await this.#service.getattr(first);
      throw error;
    }
  }

  /** Refuses as a rename does when there is nothing to rename: nothing is to be made for it then. */
  async #checkSource(caller: Caller, from: FlareId, entry: Name, to: FlareId, toEntry: Name): Promise<void> {
    const look = () => this.#service.lookup(caller, from, entry);
    if ((await unless(['NOENT'], look, null)) !== null) return;
    // That he may not search the other one is said first.
    await unless(['NOENT'], () => this.#service.lookup(caller, to, toEntry), null);
    throw FlareError.of('NOENT');
  }

  #encryptTarget(birth: Birth): Birth {
    const { target } = birth;
    if (target === undefined || target.length === 0 || target.includes(0)) throw FlareError.of('INVAL');
    if (target.length > longestTarget(TARGET_MAX)) throw FlareError.of('NAMETOOLONG');
    return { ...birth, target: Buffer.from(this.#parts.tree.targets.encrypt(target), 'latin1') };
  }

  #plain(attributes: Attributes): Attributes {
    const plain = plainAttributes(attributes);
    const { root } = this.#parts;
    return attributes.key === root.key ? { ...plain, parent: root } : plain;
  }
}

function plainLocks(locks: LockService, plain: (attributes: Attributes) => Attributes): LockService {
  return {
    lock: (caller, id, request) => {
      checkCaller(caller);
      return andThen(locks.lock(caller, id, request), (answer) => ({
        ...answer,
        attributes: plain(answer.attributes),
      }));
    },
    test: (caller, id, request) => locks.test(caller, id, request),
    keep: (holder, ids) => locks.keep(holder, ids),
    release: (holder, ids) => locks.release(holder, ids),
  };
}

function checkCaller({ replay }: Caller): void {
  if (replay !== undefined) throw new RangeError('a change of an encrypted tree has no replay identity');
}

function isWhole(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
