import { type Attributes, FlareType } from '../../flare/types.ts';
import type { Reply } from './reply.ts';

/** The file type bits of `st_mode`, by flare type, and the way back. */
const S_IFMT = 0o170000;
const TYPE_BITS: Readonly<Record<FlareType, number>> = {
  [FlareType.file]: 0o100000,
  [FlareType.directory]: 0o040000,
  [FlareType.block]: 0o060000,
  [FlareType.character]: 0o020000,
  [FlareType.symlink]: 0o120000,
  [FlareType.socket]: 0o140000,
  [FlareType.fifo]: 0o010000,
};
const TYPES: ReadonlyMap<number, FlareType> = new Map(
  Object.entries(TYPE_BITS).map(([type, bits]) => [bits, Number(type) as FlareType]),
);

/** What I/O is best done in multiples of, in bytes: pages. */
const BLOCK_BYTES = 4096;

/** `st_mode`. */
export function modeOf({ type, mode }: Attributes): number {
  return TYPE_BITS[type] | mode;
}

/** The flare type of `st_mode`; undefined when it has none. */
export function typeOfMode(mode: number): FlareType | undefined {
  return TYPES.get(mode & S_IFMT);
}

/** `fuse_dirent.type`: the type bits as readdir(3) has them. */
export function direntType(type: FlareType): number {
  return TYPE_BITS[type] >> 12;
}

/** Linux's 32-bit device number (`new_encode_dev`): 12 bits of major, 20 of minor. */
export function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}

/** Major and minor of such a number. */
export function deviceParts(device: number): { readonly major: number; readonly minor: number } {
  return { major: (device >>> 8) & 0xfff, minor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

/** `fuse_attr`. `hidden`: how many of its names are not to be counted. */
export function putAttr(reply: Reply, attributes: Attributes, hidden = 0): void {
  const { fileid, size, used, atime, mtime, ctime, nlink, uid, gid, major, minor } = attributes;
  reply.u64(fileid).u64(size);
  reply.u64(Math.ceil(used / 512));
  reply.u64(atime.seconds).u64(mtime.seconds).u64(ctime.seconds);
  reply.u32(atime.nanoseconds).u32(mtime.nanoseconds).u32(ctime.nanoseconds);
  reply.u32(modeOf(attributes)).u32(Math.max(0, nlink - hidden));
  reply.u32(uid).u32(gid).u32(deviceNumber(major, minor)).u32(BLOCK_BYTES).u32(0);
}
