import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import type { FlareService } from '../service.ts';
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
} from '../types.ts';
import { ENTRIES_MAX, FlareType, LINK_MAX } from '../types.ts';
import {
  checkBirth,
  checkExtent,
  checkIsFile,
  checkReplaceable,
  checkVersion,
  isInside,
  isWhole,
  modeAfter,
} from './memory-checks.ts';
import { MemoryLocks } from './memory-locks.ts';
import {
  checkName,
  checkSticky,
  figures,
  freeCookie,
  inGroup,
  type MemoryNode,
  MemoryState,
  need,
  owns,
  READ,
  refuse,
  SEARCH,
  sha1,
  toTime,
  WRITE,
} from './memory-state.ts';
import { ReplayMemory } from './replay-memory.ts';
import { SparseContent } from './sparse-content.ts';

/** What a memory service is made of. Limits are those of the flare types unless a test sets smaller ones. */
export interface MemoryOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly totalBytes?: number;
  readonly entriesMax?: number;
  readonly linkMax?: number;
  readonly root?: { readonly mode?: number; readonly uid?: number; readonly gid?: number };
}

/**
 * All promises of `FlareService`, kept as plainly as possible: the oracle that the real store is compared with, and the
 * back end of protocol tests. It answers at once and forgets all when it goes.
 *
 * Refusals come in this order: arguments that are wrong by themselves (INVAL, NAMETOOLONG, FBIG), STALE, VERSION, wrong type of the
 * flare or directory, search permission, NOENT or EXIST, write permission, sticky, then the rest as the methods show it. It chooses where
 * the promises leave room: `size` and `used` of directories; a write of nothing changes nothing; LINK_MAX is for what is no directory.
 */
export class MemoryService implements FlareService {
  readonly #state: MemoryState;
  readonly #replays: ReplayMemory;
  readonly locks: MemoryLocks;
  readonly #root: MemoryNode;
  readonly #totalBytes: number;
  readonly #entriesMax: number;
  readonly #linkMax: number;

  constructor(options: MemoryOptions) {
    this.#state = new MemoryState(options.clock, options.random);
    this.#replays = new ReplayMemory(options.clock);
    this.locks = new MemoryLocks({
      clock: options.clock,
      attributes: (id) => this.getattr(id),
      lives: ({ key, generation }) => this.#state.nodes.get(key)?.attributes.generation === generation,
      once: (caller, run) => this.#replays.once(caller, run),
    });
    this.#totalBytes = options.totalBytes ?? 2 ** 40;
    this.#entriesMax = options.entriesMax ?? ENTRIES_MAX;
    this.#linkMax = options.linkMax ?? LINK_MAX;
    const caller: Caller = { uid: 0, gid: 0, gids: [] };
    this.#root = this.#born(caller, null, sha1('/'), { type: FlareType.directory, mode: 0o755, ...options.root });
  }

  root(): FlareId {
    const { key, generation } = this.#root.attributes;
    return { key, generation };
  }

  getattr(id: FlareId): Attributes {
    return this.#state.get(id).attributes;
  }

  glance(id: FlareId): Attributes {
    return this.getattr(id);
  }

  find(key: Key): Attributes {
    return (this.#state.nodes.get(key) ?? refuse('STALE')).attributes;
  }

  setattr(caller: Caller, id: FlareId, changes: AttributeChanges, expect?: { version?: number }): Attributes {
    return this.#replays.once(caller, () => {
      if (changes.size !== undefined) checkExtent(changes.size, 0);
      const node = this.#state.get(id);
      checkVersion(node, expect);
      if (changes.size !== undefined) checkIsFile(node);
      this.#checkMayChange(caller, node, changes);
      if (Object.values(changes).every((change) => change === undefined)) return node.attributes;
      const now = this.#state.moment(node);
      const { uid, gid, size, atime, mtime } = changes;
      if (size !== undefined) node.content!.resize(size);
      const before = node.attributes;
      this.#state.change(node, this.#state.nextRecord(), {
        mode: modeAfter(caller, node, changes),
        uid: uid ?? before.uid,
        gid: gid ?? before.gid,
        share: changes.share ?? before.share,
        atime: atime === 'now' ? now : (atime ?? before.atime),
        mtime: mtime === 'now' || (mtime === undefined && size !== undefined) ? now : (mtime ?? before.mtime),
      });
      return node.attributes;
    });
  }

  lookup(caller: Caller, directory: FlareId, name: Name): Attributes {
    checkName(name);
    const parent = this.#state.directory(directory);
    need(caller, parent, SEARCH);
    return (parent.entries.get(name) ?? refuse('NOENT')).node.attributes;
  }

  readlink(_caller: Caller, id: FlareId): Buffer {
    return this.#state.get(id).target ?? refuse('INVAL');
  }

  read(caller: Caller, id: FlareId, offset: number, count: number): { data: Buffer; attributes: Attributes } {
    if (!isWhole(offset) || !isWhole(count)) refuse('INVAL');
    const node = this.#state.get(id);
    checkIsFile(node);
    if (!owns(caller, node)) need(caller, node, READ | SEARCH);
    return { data: node.content!.read(offset, count), attributes: node.attributes };
  }

  write(caller: Caller, id: FlareId, offset: number, data: Uint8Array, expect?: { version?: number }): Attributes {
    return this.#replays.once(caller, () => {
      checkExtent(offset, data.length);
      const node = this.#state.get(id);
      checkVersion(node, expect);
      checkIsFile(node);
      if (!owns(caller, node)) need(caller, node, WRITE);
      if (data.length === 0) return node.attributes;
      this.#needRoom(node.content!.growth(offset, data.length));
      node.content!.write(offset, data);
      const mode = caller.uid === 0 ? node.attributes.mode : node.attributes.mode & ~0o6000;
      this.#state.change(node, this.#state.nextRecord(), { mode }, true);
      return node.attributes;
    });
  }

  create(
    caller: Caller,
    directory: FlareId,
    name: Name,
    birth: Birth,
    options?: { existing?: 'refuse' | 'open' },
  ): Attributes {
    return this.#replays.once(caller, () => {
      checkName(name);
      checkBirth(birth);
      const parent = this.#state.directory(directory);
      need(caller, parent, SEARCH);
      const existing = parent.entries.get(name)?.node;
      if (existing !== undefined) {
        if (options?.existing !== 'open' || existing.entries !== undefined) refuse('EXIST');
        if (existing.content !== undefined && birth.size !== undefined)
          return this.setattr(withoutReplay(caller), existing.attributes, { size: birth.size });
        return existing.attributes;
      }
      need(caller, parent, WRITE);
      if (caller.uid !== 0 && (birth.type === FlareType.block || birth.type === FlareType.character)) refuse('PERM');
      if (parent.entries.size >= this.#entriesMax) refuse('NOSPC');
      const key = this.#state.freeKey(parent.attributes.key, name);
      const node = this.#born(caller, parent, key, birth);
      parent.entries.set(name, { name, node, cookie: freeCookie(parent) });
      this.#touchDirectory(parent, node.attributes.version, node.entries === undefined ? 0 : 1);
      return node.attributes;
    });
  }

  remove(caller: Caller, directory: FlareId, name: Name): void {
    this.#replays.once(caller, () => {
      checkName(name);
      const parent = this.#state.directory(directory);
      const node = this.#toTakeAway(caller, parent, name);
      if (node.entries !== undefined) refuse('ISDIR');
      const record = this.#state.nextRecord();
      parent.entries.delete(name);
      this.#unnamed(node, parent, record);
      this.#touchDirectory(parent, record, 0);
    });
  }

  rmdir(caller: Caller, directory: FlareId, name: Name): void {
    this.#replays.once(caller, () => {
      checkName(name);
      const parent = this.#state.directory(directory);
      const node = this.#toTakeAway(caller, parent, name);
      if (node.entries === undefined) refuse('NOTDIR');
      if (node.entries!.size > 0) refuse('NOTEMPTY');
      const record = this.#state.nextRecord();
      parent.entries.delete(name);
      this.#state.bury(node);
      this.#touchDirectory(parent, record, -1);
    });
  }

  rename(caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): void {
    this.#replays.once(caller, () => {
      checkName(fromName);
      checkName(toName);
      const source = this.#state.directory(from);
      const goal = this.#state.directory(to);
      need(caller, source, SEARCH);
      need(caller, goal, SEARCH);
      const node = (source.entries.get(fromName) ?? refuse('NOENT')).node;
      const replaced = goal.entries.get(toName);
      if (replaced?.node === node) return;
      this.#toTakeAway(caller, source, fromName);
      need(caller, goal, WRITE);
      if (replaced !== undefined) checkSticky(caller, goal, replaced.node);
      if (isInside(goal, node)) refuse('INVAL');
      if (replaced !== undefined) checkReplaceable(node, replaced.node);
      if (replaced === undefined && goal !== source && goal.entries.size >= this.#entriesMax) refuse('NOSPC');

      const record = this.#state.nextRecord();
      const isDirectory = node.entries !== undefined;
      source.entries.delete(fromName);
      if (replaced !== undefined) {
        if (isDirectory) this.#state.bury(replaced.node);
        else this.#unnamed(replaced.node, goal, record);
      }
      goal.entries.set(toName, { name: toName, node, cookie: replaced?.cookie ?? freeCookie(goal) });
      node.parents.splice(node.parents.indexOf(source), 1);
      node.parents.unshift(goal);
      this.#state.change(node, record, {});
      const gone = replaced !== undefined && isDirectory ? 1 : 0;
      if (source === goal) this.#touchDirectory(source, record, -gone);
      else {
        this.#touchDirectory(source, record, isDirectory ? -1 : 0);
        this.#touchDirectory(goal, record, (isDirectory ? 1 : 0) - gone);
      }
    });
  }

  link(caller: Caller, id: FlareId, directory: FlareId, name: Name): void {
    this.#replays.once(caller, () => {
      checkName(name);
      const node = this.#state.get(id);
      const parent = this.#state.directory(directory);
      if (node.entries !== undefined) refuse('PERM');
      need(caller, parent, SEARCH);
      if (parent.entries.has(name)) refuse('EXIST');
      need(caller, parent, WRITE);
      if (node.attributes.nlink >= this.#linkMax) refuse('MLINK');
      if (parent.entries.size >= this.#entriesMax) refuse('NOSPC');
      const record = this.#state.nextRecord();
      parent.entries.set(name, { name, node, cookie: freeCookie(parent) });
      node.parents.push(parent);
      this.#state.change(node, record, { nlink: node.attributes.nlink + 1 });
      this.#touchDirectory(parent, record, 0);
    });
  }

  readdir(
    caller: Caller,
    directory: FlareId,
    cookie: number,
    limit: number,
  ): { entries: readonly DirectoryEntry[]; end: boolean } {
    const parent = this.#state.directory(directory);
    need(caller, parent, READ);
    const after = [...parent.entries.values()]
      .filter((entry) => entry.cookie > cookie)
      .sort((a, b) => a.cookie - b.cookie);
    const entries = after.slice(0, limit).map(({ name, cookie, node }) => {
      return { name, cookie, fileid: node.attributes.fileid };
    });
    return { entries, end: entries.length === after.length };
  }

  recall(replay: string): Attributes | null | undefined {
    return this.#replays.recall(replay);
  }

  statfs(): SpaceFigures {
    const freeBytes = Math.max(0, this.#totalBytes - this.#used());
    return { totalBytes: this.#totalBytes, freeBytes, availableBytes: freeBytes, flares: this.#state.nodes.size };
  }

  #checkMayChange(caller: Caller, node: MemoryNode, changes: AttributeChanges): void {
    const { mode, uid, gid, size, atime, mtime, share } = changes;
    const before = node.attributes;
    if (share !== undefined && caller.uid !== 0) refuse('PERM');
    if (mode !== undefined && !owns(caller, node)) refuse('PERM');
    if (uid !== undefined && caller.uid !== 0 && !(owns(caller, node) && uid === before.uid)) refuse('PERM');
    if (gid !== undefined && caller.uid !== 0) {
      if (!owns(caller, node) || !(gid === before.gid || inGroup(caller, gid))) refuse('PERM');
    }
    const times = [atime, mtime].filter((time) => time !== undefined);
    if (times.some((time) => time !== 'now') && !owns(caller, node)) refuse('PERM');
    if ((times.length > 0 || size !== undefined) && !owns(caller, node)) need(caller, node, WRITE);
  }

  #born(caller: Caller, parent: MemoryNode | null, key: Key, birth: Birth): MemoryNode {
    const now = toTime(this.#state.clock.now());
    const record = this.#state.nextRecord();
    const isDirectory = birth.type === FlareType.directory;
    const inherits = parent !== null && (parent.attributes.mode & 0o2000) !== 0;
    const wanted = birth.gid !== undefined && (caller.uid === 0 || inGroup(caller, birth.gid)) ? birth.gid : caller.gid;
    const gid = inherits ? parent.attributes.gid : wanted;
    let mode = birth.mode & 0o7777;
    if (inherits && isDirectory) mode |= 0o2000;
    if (!isDirectory && caller.uid !== 0 && !inGroup(caller, gid)) mode &= ~0o2000;
    const isDevice = birth.type === FlareType.block || birth.type === FlareType.character;
    const node: MemoryNode = {
      attributes: {
        key,
        generation: record,
        type: birth.type,
        mode,
        nlink: isDirectory ? 2 : 1,
        uid: caller.uid === 0 ? (birth.uid ?? caller.uid) : caller.uid,
        gid,
        size: 0,
        used: 0,
        major: isDevice ? (birth.major ?? 0) : 0,
        minor: isDevice ? (birth.minor ?? 0) : 0,
        fileid: this.#state.freeFileid(key),
        atime: birth.atime === undefined || birth.atime === 'now' ? now : birth.atime,
        mtime: birth.mtime === undefined || birth.mtime === 'now' ? now : birth.mtime,
        ctime: now,
        version: record,
        parent: { key, generation: record },
        share: parent?.attributes.share ?? 0,
      },
      ...(birth.type === FlareType.file ? { content: new SparseContent() } : {}),
      ...(birth.type === FlareType.symlink ? { target: Buffer.from(birth.target!) } : {}),
      ...(isDirectory ? { entries: new Map() } : {}),
      nextCookie: 3,
      parents: parent === null ? [] : [parent],
    };
    if (birth.size !== undefined) node.content?.resize(birth.size);
    node.attributes = { ...node.attributes, ...figures(node) };
    this.#state.nodes.set(key, node);
    return node;
  }

  /** The flare of a name that the caller may take away from that directory. */
  #toTakeAway(caller: Caller, parent: MemoryNode, name: Name): MemoryNode {
    need(caller, parent, SEARCH);
    const node = (parent.entries!.get(name) ?? refuse('NOENT')).node;
    need(caller, parent, WRITE);
    checkSticky(caller, parent, node);
    return node;
  }

  #unnamed(node: MemoryNode, parent: MemoryNode, record: number): void {
    node.parents.splice(node.parents.indexOf(parent), 1);
    if (node.parents.length === 0) this.#state.bury(node);
    else this.#state.change(node, record, { nlink: node.attributes.nlink - 1 });
  }

  #touchDirectory(directory: MemoryNode, record: number, subdirectories: number): void {
    this.#state.change(directory, record, { nlink: directory.attributes.nlink + subdirectories }, true);
  }

  #used(): number {
    let used = 0;
    for (const node of this.#state.nodes.values()) used += node.content?.used ?? 0;
    return used;
  }

  #needRoom(bytes: number): void {
    if (bytes > 0 && this.#used() + bytes > this.#totalBytes) refuse('NOSPC');
  }
}

function withoutReplay({ uid, gid, gids }: Caller): Caller {
  return { uid, gid, gids };
}
