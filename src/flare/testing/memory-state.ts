import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { FlareError, type FlareStatusName } from '../errors.ts';
import type { Attributes, Caller, FlareId, Key, Name, Time } from '../types.ts';
import { NAME_MAX } from '../types.ts';
import type { SparseContent } from './sparse-content.ts';

/** One entry of a directory in memory. */
export interface MemoryEntry {
  readonly name: Name;
  readonly node: MemoryNode;
  readonly cookie: number;
}

/** One flare in memory. */
export interface MemoryNode {
  attributes: Attributes;
  /** Of a file. */
  readonly content?: SparseContent;
  /** Of a symlink. */
  readonly target?: Buffer;
  /** Of a directory. */
  readonly entries?: Map<Name, MemoryEntry>;
  nextCookie: number;
  /** The directories that hold names of it, once for each name. */
  readonly parents: MemoryNode[];
}

/** Throws the refusal of that name. */
export function refuse(status: FlareStatusName): never {
  throw FlareError.of(status);
}

export function checkName(name: Name): void {
  if (name === '' || name === '.' || name === '..' || /[/\0]/.test(name)) refuse('INVAL');
  if (name.length > NAME_MAX) refuse('NAMETOOLONG');
}

export const READ = 4;
export const WRITE = 2;
export const SEARCH = 1;

/** Whether one of the mode bits `wanted` (READ | WRITE | SEARCH) is given to the caller, by class: owner, group, others. */
export function mayAny(caller: Caller, attributes: Attributes, wanted: number): boolean {
  if (caller.uid === 0) return true;
  let shift = 0;
  if (caller.uid === attributes.uid) shift = 6;
  else if (inGroup(caller, attributes.gid)) shift = 3;
  return ((attributes.mode >> shift) & wanted) !== 0;
}

export function need(caller: Caller, node: MemoryNode, wanted: number): void {
  if (!mayAny(caller, node.attributes, wanted)) refuse('ACCES');
}

export function inGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.gids.includes(gid);
}

export function owns(caller: Caller, node: MemoryNode): boolean {
  return caller.uid === 0 || caller.uid === node.attributes.uid;
}

/** In a sticky directory a name is taken away by uid 0, the directory's owner or the flare's. */
export function checkSticky(caller: Caller, directory: MemoryNode, node: MemoryNode): void {
  if ((directory.attributes.mode & 0o1000) !== 0 && !owns(caller, directory) && !owns(caller, node)) refuse('PERM');
}

export function toTime(microseconds: number): Time {
  return { seconds: Math.floor(microseconds / 1e6), nanoseconds: (microseconds % 1e6) * 1000 };
}

function toMicroseconds(time: Time): number {
  return time.seconds * 1e6 + Math.floor(time.nanoseconds / 1000);
}

/** All living flares by key, and what gives the unborn their numbers. */
export class MemoryState {
  readonly nodes = new Map<Key, MemoryNode>();
  readonly clock: Clock;
  readonly #random: Random;
  readonly #lastNumber = new Map<number, number>();
  readonly #fileids = new Set<number>();
  #record = 0;

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.#random = random;
  }

  /** The number of a new record. */
  nextRecord(): number {
    this.#record += 1;
    return this.#record;
  }

  get(id: FlareId): MemoryNode {
    const node = this.nodes.get(id.key);
    return node === undefined || node.attributes.generation !== id.generation ? refuse('STALE') : node;
  }

  directory(id: FlareId): MemoryNode & { entries: Map<Name, MemoryEntry> } {
    const node = this.get(id);
    return node.entries === undefined ? refuse('NOTDIR') : (node as MemoryNode & { entries: Map<Name, MemoryEntry> });
  }

  /** The moment of a change of that flare: never before the last one. */
  moment(node: MemoryNode): Time {
    return toTime(Math.max(this.clock.now(), toMicroseconds(node.attributes.ctime) + 1));
  }

  /** Gives the node new attributes, with a new ctime, and mtime too when its content or entries changed. */
  change(node: MemoryNode, record: number, news: Partial<Attributes>, modified = false): void {
    const ctime = this.moment(node);
    node.attributes = {
      ...node.attributes,
      ...(modified ? { mtime: ctime } : {}),
      ...news,
      ctime,
      version: record,
      ...figures(node),
    };
  }

  /** A key that no living flare has: of the path, and of the path and chance when that is taken. */
  freeKey(parent: Key, name: Name): Key {
    let key = sha1(parent + name);
    while (this.nodes.has(key)) key = sha1(parent + name + this.#random.bytes(8).toString('latin1'));
    return key;
  }

  freeFileid(key: Key): number {
    const slice = key.charCodeAt(0);
    let last = this.#lastNumber.get(slice) ?? 0;
    do last = last === 2 ** 24 - 1 ? 1 : last + 1;
    while (this.#fileids.has(last * 256 + slice));
    this.#lastNumber.set(slice, last);
    this.#fileids.add(last * 256 + slice);
    return last * 256 + slice;
  }

  bury(node: MemoryNode): void {
    this.nodes.delete(node.attributes.key);
    this.#fileids.delete(node.attributes.fileid);
  }
}

/** The path's hash, one step further: the bytes of both strings. */
export function sha1(bytes: string): Key {
  return createHash('sha1').update(bytes, 'latin1').digest().toString('latin1') as Key;
}

/** Size, used bytes and parent as the node's content says them. */
export function figures(node: MemoryNode): Pick<Attributes, 'size' | 'used' | 'parent'> {
  const holder = node.parents[0]?.attributes ?? node.attributes;
  const parent = { key: holder.key, generation: holder.generation };
  if (node.content !== undefined) return { size: node.content.size, used: node.content.used, parent };
  if (node.entries !== undefined) {
    const size = 512 * (1 + Math.floor(node.entries.size / 16));
    return { size, used: size, parent };
  }
  const size = node.target?.length ?? 0;
  return { size, used: size, parent };
}

/** A cookie that no living entry has, in order until the numbers have gone round. */
export function freeCookie(directory: MemoryNode): number {
  const taken = new Set([...directory.entries!.values()].map((entry) => entry.cookie));
  let cookie = directory.nextCookie;
  while (taken.has(cookie)) cookie = following(cookie);
  directory.nextCookie = following(cookie);
  return cookie;
}

const COOKIE_FIRST = 3;
const COOKIE_LAST = 2 ** 31 - 1;

function following(cookie: number): number {
  return cookie === COOKIE_LAST ? COOKIE_FIRST : cookie + 1;
}
