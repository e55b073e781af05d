import type { Random } from '../../src/base/random.ts';
import { EMPTY, type Inode, linksOf, resized, type TreeState, withInode, withName, written } from './tree-state.ts';
import type { Wire } from './wire.ts';
import { argsOf, Nfs2Wire, type ProcName, Stat } from './wire-nfs2.ts';

/** One call that changes something, with what is known after it was done. */
interface Change {
  readonly name: ProcName;
  readonly args: Buffer;
  readonly after: TreeState;
  /** The inode whose handle the answer carries. */
  readonly newborn?: number;
}

/** The most names of one worker: directories stay small, so that a look at all of them is quick. */
const NAMES_MAX = 40;
const FILE_MAX = 40_000;
const TYPES = { file: 1, directory: 2, symlink: 5 } as const;

/** A client that changes its own part of the tree, one call after the other, and knows what must be there after each. */
export class Worker {
  state: TreeState = EMPTY;
  /** Sent, and not answered: done or not, but nothing between. */
  pending: (Change & { xid: number }) | undefined;
  answered = 0;
  readonly label: string;
  nfs: Nfs2Wire;
  readonly #random: Random;
  readonly #handles = new Map<number, Buffer>();
  readonly #directories = new Map<string, Buffer>();
  #lastId = 0;
  #lastName = 0;

  constructor(label: string, wire: Wire, random: Random) {
    this.label = label;
    this.nfs = new Nfs2Wire(wire);
    this.#random = random;
  }

  /** Goes on over another connection. */
  use(wire: Wire): void {
    this.nfs = new Nfs2Wire(wire);
  }

  /** Makes its part of the tree. */
  async settle(root: Buffer): Promise<void> {
    const home = (await this.nfs.ok('MKDIR', root, this.label, { mode: 0o755 })).handle!;
    for (const name of ['a', 'b'])
      this.#directories.set(name, (await this.nfs.ok('MKDIR', home, name, { mode: 0o755 })).handle!);
  }

  /** Makes one change. Throws when the answer is not the right one, and `NoReply` when there is none. */
  async step(): Promise<void> {
    const change = this.#choose();
    this.pending = { ...change, xid: this.nfs.wire.nextXid() };
    await this.finish();
  }

  /** Sends the call that has no answer yet, with its own xid, as often as needed; its answer must be that it is done. */
  async finish(): Promise<void> {
    const { name, args, xid, after, newborn } = this.pending!;
    const answer = await this.nfs.raw(name, args, xid);
    if (answer.status !== Stat.OK) throw new Error(`${this.label}: ${name}, call ${xid}: status ${answer.status}`);
    this.state = after;
    this.pending = undefined;
    this.answered++;
    if (newborn === undefined) return;
    if (answer.handle !== undefined) this.#handles.set(newborn, answer.handle);
  }

  /**
   * Looks whether all that was answered is there and nothing else is. A call without an answer may be done or not done; which, is taken over.
   * Throws with the first difference.
   */
  async check(): Promise<void> {
    const before = await this.difference(this.state);
    if (before !== undefined && this.pending !== undefined) {
      const after = await this.difference(this.pending.after);
      if (after !== undefined)
        throw new Error(`${this.label}: ${this.pending.name} is half done: ${before}; or ${after}`);
      this.state = this.pending.after;
    } else if (before !== undefined) throw new Error(`${this.label}: ${before}`);
    this.pending = undefined;
  }

  /** The first difference between the tree and what it should be; undefined when there is none. */
  async difference(state: TreeState): Promise<string | undefined> {
    const fileids = new Map<number, number>();
    let seen = 0;
    for (const [top, directory] of this.#directories) {
      for (const name of (await this.nfs.list(directory)).keys()) {
        if (name === '.' || name === '..') continue;
        seen++;
        const path = `${top}/${name}`;
        const id = state.names.get(path);
        if (id === undefined) return `${path} is there and should not be`;
        const wrong = await this.#compare(state, path, directory, name, id, fileids);
        if (wrong !== undefined) return wrong;
      }
    }
    if (new Set(fileids.values()).size !== fileids.size) return 'two flares have the same fileid';
    return seen === state.names.size ? undefined : `${state.names.size - seen} names are lost`;
  }

  async #compare(
    state: TreeState,
    path: string,
    directory: Buffer,
    name: string,
    id: number,
    fileids: Map<number, number>,
  ): Promise<string | undefined> {
    const inode = state.inodes.get(id)!;
    const { handle, attributes } = await this.nfs.ok('LOOKUP', directory, name);
    const found = attributes!;
    const known = this.#handles.get(id);
    if (known !== undefined && !known.equals(handle!)) return `${path} has another handle than it was given`;
    this.#handles.set(id, handle!);
    if ((fileids.get(id) ?? found.fileid) !== found.fileid) return `${path}: its names have different fileids`;
    fileids.set(id, found.fileid);
    if (found.type !== TYPES[inode.kind]) return `${path} is of type ${found.type}`;
    if (inode.kind !== 'symlink' && (found.mode & 0o7777) !== inode.mode)
      return `${path} has mode ${found.mode & 0o7777}`;
    const links = inode.kind === 'directory' ? 2 : linksOf(state, id);
    if (found.nlink !== links) return `${path} has ${found.nlink} links and not ${links}`;
    if (inode.kind === 'directory') return undefined;
    if (found.size !== inode.data.length) return `${path} has ${found.size} bytes and not ${inode.data.length}`;
    const data =
      inode.kind === 'symlink' ? (await this.nfs.ok('READLINK', handle!)).data! : await this.#read(handle!, found.size);
    return data.equals(inode.data) ? undefined : `${path} has other contents`;
  }

  async #read(file: Buffer, size: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let at = 0; at < size; at += 8192)
      parts.push(Buffer.from((await this.nfs.ok('READ', file, at, Math.min(8192, size - at))).data!));
    return Buffer.concat(parts);
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from.length === 0 ? undefined : from[this.#random.below(from.length)];
  }

  #of(...kinds: Inode['kind'][]): string[] {
    return [...this.state.names.keys()].filter((path) =>
      kinds.includes(this.state.inodes.get(this.state.names.get(path)!)!.kind),
    );
  }

  #freePath(): string {
    this.#lastName++;
    // Names come back, so that what a name meant before is met again.
    const name = `${this.#random.below(2) === 0 ? 'a' : 'b'}/n${this.#random.below(60)}`;
    return this.state.names.has(name) ? `${name}-${this.#lastName}` : name;
  }

  #at(path: string): [Buffer, string] {
    return [this.#directories.get(path[0]!)!, path.slice(2)];
  }

  #choose(): Change {
    for (;;) {
      const change = this.#try(this.#random.below(16));
      if (change !== undefined) return change;
    }
  }

  #birth(name: 'CREATE' | 'MKDIR', kind: Inode['kind'], mode: number): Change | undefined {
    if (this.state.names.size >= NAMES_MAX) return undefined;
    const id = ++this.#lastId;
    const path = this.#freePath();
    const after = withInode(withName(this.state, path, id), id, { kind, data: Buffer.alloc(0), mode });
    return { name, args: argsOf[name](...this.#at(path), { mode }), after, newborn: id };
  }

  #try(roll: number): Change | undefined {
    const random = this.#random;
    const file = this.#pick(this.#of('file'));
    const id = file === undefined ? undefined : this.state.names.get(file)!;
    const inode = id === undefined ? undefined : this.state.inodes.get(id)!;
    const handle = id === undefined ? undefined : this.#handles.get(id);
    if (roll < 3) return this.#birth('CREATE', 'file', 0o600 + random.below(64));
    if (roll === 3) return this.#birth('MKDIR', 'directory', 0o755);
    if (roll === 4) {
      if (this.state.names.size >= NAMES_MAX) return undefined;
      const path = this.#freePath();
      const target = `../somewhere/${random.below(1000)}`;
      const newborn = ++this.#lastId;
      const link: Inode = { kind: 'symlink', data: Buffer.from(target), mode: 0o777 };
      const after = withInode(withName(this.state, path, newborn), newborn, link);
      return { name: 'SYMLINK', args: argsOf.SYMLINK(...this.#at(path), target), after, newborn };
    }
    if (roll === 5) {
      const path = this.#pick(this.#of('file', 'symlink'));
      if (path === undefined) return undefined;
      return { name: 'REMOVE', args: argsOf.REMOVE(...this.#at(path)), after: withName(this.state, path, undefined) };
    }
    if (roll === 6) {
      const path = this.#pick(this.#of('directory'));
      if (path === undefined) return undefined;
      return { name: 'RMDIR', args: argsOf.RMDIR(...this.#at(path)), after: withName(this.state, path, undefined) };
    }
    if (roll === 7 || roll === 8) return this.#rename();
    if (file === undefined || id === undefined || inode === undefined || handle === undefined) return undefined;
    if (roll === 9) {
      if (this.state.names.size >= NAMES_MAX) return undefined;
      const path = this.#freePath();
      return { name: 'LINK', args: argsOf.LINK(handle, ...this.#at(path)), after: withName(this.state, path, id) };
    }
    if (roll === 10) {
      const mode = 0o600 + random.below(64);
      return {
        name: 'SETATTR',
        args: argsOf.SETATTR(handle, { mode }),
        after: withInode(this.state, id, { ...inode, mode }),
      };
    }
    if (roll === 11) {
      const size = random.below(FILE_MAX);
      const after = withInode(this.state, id, { ...inode, data: resized(inode.data, size) });
      return { name: 'SETATTR', args: argsOf.SETATTR(handle, { size }), after };
    }
    const offset = random.below(Math.min(FILE_MAX - 8192, inode.data.length + 2000));
    const data = random.bytes(1 + random.below(random.below(3) === 0 ? 8192 : 300));
    const after = withInode(this.state, id, { ...inode, data: written(inode.data, offset, data) });
    return { name: 'WRITE', args: argsOf.WRITE(handle, offset, data), after };
  }

  #rename(): Change | undefined {
    const from = this.#pick([...this.state.names.keys()]);
    if (from === undefined) return undefined;
    const id = this.state.names.get(from)!;
    const alike = this.state.inodes.get(id)!.kind === 'directory' ? this.#of('directory') : this.#of('file', 'symlink');
    const over = this.#random.below(2) === 0 ? this.#pick(alike) : undefined;
    const to = over ?? this.#freePath();
    const args = argsOf.RENAME(...this.#at(from), ...this.#at(to));
    // Two names of one flare: nothing happens (POSIX rename).
    if (this.state.names.get(to) === id) return { name: 'RENAME', args, after: this.state };
    const after = withName(withName(this.state, to, id), from, undefined);
    return { name: 'RENAME', args, after };
  }
}
