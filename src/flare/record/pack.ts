import { keyBytes } from '../keys.ts';
import type { Attributes, FlareId, FlareType, Key } from '../types.ts';
import type { Entry, FlareState } from './schema.ts';

/** All that is known of a flare but its contents, as the store works with it. Never changed in place. */
export interface Flare {
  readonly attributes: Attributes;
  /** A symlink's target; empty on other flares. */
  readonly target: Buffer;
  /** Hashed into the key when the plain one was taken; empty when not. */
  readonly salt: Buffer;
  /** A directory's: how many entries it has, the next cookie, and whether that counter has gone round. */
  readonly entries: number;
  readonly nextCookie: number;
  readonly cookiesWrapped: boolean;
}

/** What a name means. */
export interface EntryState {
  readonly id: FlareId;
  readonly fileid: number;
  readonly cookie: number;
}

export const NO_BYTES: Buffer = Buffer.alloc(0);

export function packId(id: FlareId): FlareState['id'] {
  return { key: keyBytes(id.key), generation: id.generation };
}

export function unpackId(id: FlareState['id']): FlareId {
  return { key: id.key.toString('latin1') as Key, generation: id.generation };
}

/** Permission bits, and above their 16 the number of the share, in one word of 32 bits: in the log and between volcanos. Before there were shares those bits were 0. */
export function packMode({ mode, share }: { readonly mode: number; readonly share: number }): number {
  return ((share << 16) | mode) >>> 0;
}

/** The permission bits of a word that `packMode` has made. */
export function modeOf(packed: number): number {
  return packed & 0xffff;
}

/** The number of the share in a word that `packMode` has made. */
export function shareOf(packed: number): number {
  return packed >>> 16;
}

/** As the log and the index hold it. */
export function packFlare(flare: Flare): FlareState {
  const from = flare.attributes;
  return {
    id: packId(from),
    type: from.type,
    mode: packMode(from),
    nlink: from.nlink,
    uid: from.uid,
    gid: from.gid,
    size: from.size,
    used: from.used,
    major: from.major,
    minor: from.minor,
    fileid: from.fileid,
    atime: from.atime,
    mtime: from.mtime,
    ctime: from.ctime,
    version: from.version,
    parent: packId(from.parent),
    target: flare.target,
    salt: flare.salt,
    entries: flare.entries,
    nextCookie: flare.nextCookie,
    cookiesWrapped: flare.cookiesWrapped,
  };
}

/** The reverse of `packFlare`; byte strings are copied. */
export function unpackFlare(state: FlareState): Flare {
  const attributes: Attributes = {
    key: state.id.key.toString('latin1') as Key,
    generation: state.id.generation,
    type: state.type as FlareType,
    mode: modeOf(state.mode),
    nlink: state.nlink,
    uid: state.uid,
    gid: state.gid,
    size: state.size,
    used: state.used,
    major: state.major,
    minor: state.minor,
    fileid: state.fileid,
    atime: state.atime,
    mtime: state.mtime,
    ctime: state.ctime,
    version: state.version,
    parent: unpackId(state.parent),
    share: shareOf(state.mode),
  };
  return {
    attributes,
    target: state.target.length === 0 ? NO_BYTES : Buffer.from(state.target),
    salt: state.salt.length === 0 ? NO_BYTES : Buffer.from(state.salt),
    entries: state.entries,
    nextCookie: state.nextCookie,
    cookiesWrapped: state.cookiesWrapped,
  };
}

export function packEntry(entry: EntryState): Entry {
  return { id: packId(entry.id), fileid: entry.fileid, cookie: entry.cookie };
}

export function unpackEntry(entry: Entry): EntryState {
  return { id: unpackId(entry.id), fileid: entry.fileid, cookie: entry.cookie };
}
