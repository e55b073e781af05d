import { type AttributeChanges, FlareType, type Time, type TimeChange } from '../flare/types.ts';
import { Format, unpackDevice } from './attributes.ts';
import { type Sattr, type Timeval, UNSET } from './schema.ts';

/** The microseconds by which clients ask for the server's time (FIELD.md row 4). */
export const SERVER_TIME = 1_000_000;
/** "Do not set", as clients with 16 bits of mode write it (row 5). */
const UNSET_MODE_16 = 0xffff;
/** The size by which clients with 16 bits of device number say that it is a fifo (row 10). */
const FIFO_SIZE_16 = 0xffff;
const PERMISSIONS = 0o7777;

const set = (value: number): boolean => value !== UNSET;

/** The mode of a `sattr`, format bits and all; undefined when it is not to be set. */
export function modeOf(sattr: Sattr): number | undefined {
  return set(sattr.mode) && sattr.mode !== UNSET_MODE_16 ? sattr.mode : undefined;
}

function timeOf({ seconds, useconds }: Timeval): TimeChange | undefined {
  if (useconds === SERVER_TIME) return 'now';
  if (!set(seconds) || !set(useconds)) return undefined;
  const time: Time = { seconds, nanoseconds: Math.min(useconds, SERVER_TIME - 1) * 1000 };
  return time;
}

/** What a `sattr` sets (RFC 1094 §2.3.6): -1 leaves a field as it is. The server's time in mtime is meant for both times. */
export function toChanges(sattr: Sattr): AttributeChanges {
  const mode = modeOf(sattr);
  const mtime = timeOf(sattr.mtime);
  const atime = mtime === 'now' ? 'now' : timeOf(sattr.atime);
  return {
    ...(mode === undefined ? {} : { mode: mode & PERMISSIONS }),
    ...(set(sattr.uid) ? { uid: sattr.uid } : {}),
    ...(set(sattr.gid) ? { gid: sattr.gid } : {}),
    ...(set(sattr.size) ? { size: sattr.size } : {}),
    ...(atime === undefined ? {} : { atime }),
    ...(mtime === undefined ? {} : { mtime }),
  };
}

/** What CREATE is to make, and its device numbers. */
export interface Wanted {
  readonly type: FlareType;
  readonly major: number;
  readonly minor: number;
}

const BY_FORMAT: ReadonlyMap<number, FlareType> = new Map([
  // No format at all: a file (row 8).
  [0, FlareType.file],
  [Format.file, FlareType.file],
  [Format.character, FlareType.character],
  [Format.block, FlareType.block],
  [Format.fifo, FlareType.fifo],
  [Format.socket, FlareType.socket],
]);

/**
 * What the mode and size of a CREATE ask for (row 10): NFSv2 has no MKNOD, so the format bits in the mode say the type, and the size of a device is its
 * number; a character device without one is a fifo. Undefined for types that CREATE cannot make.
 */
export function wanted(sattr: Sattr): Wanted | undefined {
  const type = BY_FORMAT.get((modeOf(sattr) ?? 0) & Format.mask);
  if (type === FlareType.character && (sattr.size === UNSET || sattr.size === FIFO_SIZE_16))
    return { type: FlareType.fifo, major: 0, minor: 0 };
  if (type === FlareType.character || type === FlareType.block)
    return { type, ...unpackDevice(set(sattr.size) ? sattr.size : 0) };
  return type === undefined ? undefined : { type, major: 0, minor: 0 };
}
