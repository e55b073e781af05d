import { FlareError } from '../errors.ts';
import type { Flare } from '../record/pack.ts';
import {
  type AttributeChanges,
  type Attributes,
  type Caller,
  FlareType,
  SHARE_MAX,
  SIZE_MAX,
  type Time,
} from '../types.ts';

export const READ = 4;
export const WRITE = 2;
export const SEARCH = 1;

export function inGroup(caller: Caller, gid: number): boolean {
  return caller.gid === gid || caller.gids.includes(gid);
}

/** Whether the caller is the owner, or uid 0. */
export function owns(caller: Caller, attributes: Attributes): boolean {
  return caller.uid === 0 || caller.uid === attributes.uid;
}

/** Refuses with ACCES unless the mode gives the caller one of the `wanted` bits. */
export function need(caller: Caller, attributes: Attributes, wanted: number): void {
  if (caller.uid === 0) return;
  let shift = 0;
  if (caller.uid === attributes.uid) shift = 6;
  else if (inGroup(caller, attributes.gid)) shift = 3;
  if (((attributes.mode >> shift) & wanted) === 0) throw FlareError.of('ACCES');
}

/** In a sticky directory a name is taken away by uid 0, the directory's owner or the flare's: else PERM. */
export function checkSticky(caller: Caller, directory: Attributes, flare: Attributes): void {
  if ((directory.mode & 0o1000) !== 0 && !owns(caller, directory) && !owns(caller, flare)) throw FlareError.of('PERM');
}

/** ISDIR on a directory, INVAL on what else is no file. */
export function checkIsFile(attributes: Attributes): void {
  if (attributes.type === FlareType.file) return;
  throw FlareError.of(attributes.type === FlareType.directory ? 'ISDIR' : 'INVAL');
}

/** INVAL for what is no offset or size, FBIG when it ends beyond `SIZE_MAX`. */
export function checkRange(offset: number, length: number): void {
  if (!Number.isSafeInteger(offset) || offset < 0) throw FlareError.of('INVAL');
  if (offset + length > SIZE_MAX) throw FlareError.of('FBIG');
}

function isUnsigned(value: number | undefined): boolean {
  return value === undefined || (Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff);
}

function isTime(time: Time | 'now' | undefined): boolean {
  if (time === undefined || time === 'now') return true;
  const { seconds, nanoseconds } = time;
  return Number.isSafeInteger(seconds) && seconds >= 0 && isUnsigned(nanoseconds) && nanoseconds < 1_000_000_000;
}

/** INVAL for numbers that no attribute can have. */
export function checkAttributes(changes: AttributeChanges): void {
  const { mode, uid, gid, atime, mtime, share = 0 } = changes;
  if (!isUnsigned(share) || share > SHARE_MAX) throw FlareError.of('INVAL');
  if (!isUnsigned(mode) || !isUnsigned(uid) || !isUnsigned(gid) || !isTime(atime) || !isTime(mtime)) {
    throw FlareError.of('INVAL');
  }
}

export function checkVersion(flare: Flare, version: number | undefined): void {
  if (version !== undefined && version !== flare.attributes.version) throw FlareError.of('VERSION');
}
