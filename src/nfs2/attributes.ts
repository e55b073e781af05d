import { type Attributes, FlareType, type Time } from '../flare/types.ts';
import { type Fattr, FileType, type Timeval, UNSET } from './schema.ts';

/** What `blocksize` says: the unit that I/O is best done in, in bytes. */
export const BLOCK_SIZE = 8192;
/** The unit of `blocks`, in bytes. */
const SECTOR = 512;
/** The largest number that clients with signed numbers can read. */
export const SIGNED_MAX = 2 ** 31 - 1;
/** The largest number on the wire. */
export const UNSIGNED_MAX = 2 ** 32 - 1;
/** The largest link count that clients with 16 signed bits can read. */
export const NLINK_MAX = 32_767;

/** Format bits of `mode` (RFC 1094 §2.3.5; the fifo's is that of System V). */
export const Format = {
  mask: 0o170000,
  fifo: 0o010000,
  character: 0o020000,
  directory: 0o040000,
  block: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** `type` and the format bits of each flare type. RFC 1094 §2.3.5 says NFNON for sockets; a fifo is a character device with no number (X/Open). */
const KINDS: readonly (readonly [type: number, format: number])[] = [
  [FileType.NON, 0],
  [FileType.REG, Format.file],
  [FileType.DIR, Format.directory],
  [FileType.BLK, Format.block],
  [FileType.CHR, Format.character],
  [FileType.LNK, Format.symlink],
  [FileType.NON, Format.socket],
  [FileType.CHR, Format.character],
];

/** The device number that says that a character device is a fifo (X/Open's convention). */
export const FIFO_DEVICE = UNSET;

/**
 * Device numbers in one word: 8 bits each, as all systems have had them; wider ones where Linux puts them, major up to 12 bits and minor up to 20.
 */
export function packDevice(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/** The numbers that `packDevice` packed. */
export function unpackDevice(device: number): { major: number; minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

function timeval(time: Time): Timeval {
  const seconds = time.seconds < 0 ? 0 : Math.min(time.seconds, UNSIGNED_MAX);
  return { seconds, useconds: Math.floor(time.nanoseconds / 1000) };
}

function linkCount(attributes: Attributes): number {
  if (attributes.nlink <= NLINK_MAX) return attributes.nlink;
  // 1 is what says that subdirectories are not counted; any other number would make find skip some.
  return attributes.type === FlareType.directory ? 1 : NLINK_MAX;
}

function device(attributes: Attributes): number {
  if (attributes.type === FlareType.fifo) return FIFO_DEVICE;
  return packDevice(attributes.major, attributes.minor);
}

/** How a squashed caller's flares are shown to him: with his own numbers in place of those that he is served as (FIELD.md row 11). */
export interface Reported {
  readonly served: { readonly uid: number; readonly gid: number };
  readonly own: { readonly uid: number; readonly gid: number };
}

/**
 * A flare's attributes as `fattr` (RFC 1094 §2.3.5). Numbers that do not fit are cut to the largest that does; with `clamp`, sizes to 2^31 - 1, for
 * clients whose sizes are signed. Times are unsigned seconds, to 2106.
 */
export function toFattr(attributes: Attributes, fsid: number, clamp: boolean, reported: Reported | null): Fattr {
  const [type, format] = KINDS[attributes.type]!;
  const { uid, gid } = attributes;
  return {
    type,
    mode: format | attributes.mode,
    nlink: linkCount(attributes),
    uid: reported !== null && uid === reported.served.uid ? reported.own.uid : uid,
    gid: reported !== null && gid === reported.served.gid ? reported.own.gid : gid,
    size: Math.min(attributes.size, clamp ? SIGNED_MAX : UNSIGNED_MAX),
    blocksize: BLOCK_SIZE,
    rdev: device(attributes),
    blocks: Math.min(Math.ceil(attributes.used / SECTOR), SIGNED_MAX),
    fsid,
    fileid: attributes.fileid,
    atime: timeval(attributes.atime),
    mtime: timeval(attributes.mtime),
    ctime: timeval(attributes.ctime),
  };
}
