/** A flare's 160-bit identity: 20 bytes as a Latin-1 string, one character a byte, so that it can be a Map's key. */
export type Key = string & { readonly key: unique symbol };

/** A file name: 1 to 255 bytes as a Latin-1 string, never decoded; no `/`, no NUL. */
export type Name = string;

/** The longest name, in bytes (`NFS_MAXNAMLEN`, RFC 1094 §2.2). */
export const NAME_MAX = 255;
/** The longest symlink target, in bytes: Linux's longest path without its NUL (`PATH_MAX`). NFSv2 has less. */
export const TARGET_MAX = 4095;
/** The largest file, in bytes; sizes are whole numbers that a double holds exactly. */
export const SIZE_MAX = 2 ** 50;
/** The most entries of one directory. */
export const ENTRIES_MAX = 10_000_000;
/** The most hard links to one flare. */
export const LINK_MAX = 65_000;

/** Which flare: its key, and the generation that tells it from earlier holders of that key. */
export interface FlareId {
  readonly key: Key;
  /** The number of the record that it was born by: positive, at most 2^53 - 1. */
  readonly generation: number;
}

/** What a flare is. The numbers are stored. */
export const FlareType = {
  file: 1,
  directory: 2,
  block: 3,
  character: 4,
  symlink: 5,
  socket: 6,
  fifo: 7,
} as const;
export type FlareType = (typeof FlareType)[keyof typeof FlareType];

/** A moment: whole seconds since 1970-01-01 UTC, and nanoseconds below 10^9. */
export interface Time {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** What is known of a flare, at one moment. Never changed in place: a change makes a new object. */
export interface Attributes {
  readonly key: Key;
  readonly generation: number;
  readonly type: FlareType;
  /** The twelve permission bits, 0o7777. */
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes; of a directory a figure that grows with it, of a symlink its target's length. */
  readonly size: number;
  /** Bytes that it takes: holes are not counted. */
  readonly used: number;
  /** Device numbers; 0 unless block or character. */
  readonly major: number;
  readonly minor: number;
  /** 32 bits, never 0, unique among the living flares of the network. */
  readonly fileid: number;
  readonly atime: Time;
  readonly mtime: Time;
  readonly ctime: Time;
  /** The number of the record that last changed it, a directory's entries included: what `expect` is compared with. One never comes back. */
  readonly version: number;
  /** A directory that holds an entry for it: a directory's only one, any one of a file's. The root's own. */
  readonly parent: FlareId;
  /** The number of the share that what it takes is counted in, 1 to 65,535: that of the directory that it was born in. 0: none. */
  readonly share: number;
}

/** Who asks. The identity has been squashed by the share's rules already; uid 0 may do everything. */
export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly gids: readonly number[];
  /** Identifies the call and its retransmissions (`CallContext.replayIdentity`); absent: nothing is remembered. */
  readonly replay?: string;
}

/** A time to be set: `now` is the store's own. */
export type TimeChange = Time | 'now';

/** What setattr changes; what is absent stays. */
export interface AttributeChanges {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly atime?: TimeChange;
  readonly mtime?: TimeChange;
  /** The share that it counts in from now on: only for uid 0. */
  readonly share?: number;
}

/** The largest number of a share. */
export const SHARE_MAX = 65_535;

/** What somebody has, or may have, in a share. */
export interface Usage {
  /** Bytes that it takes (`Attributes.used`). */
  readonly bytes: number;
  /** Flares of any type. */
  readonly files: number;
}

/** What a flare is born as. */
export interface Birth {
  readonly type: FlareType;
  readonly mode: number;
  /** Only for uid 0; else the caller's. */
  readonly uid?: number;
  /** The caller's when absent; the directory's when that has setgid. */
  readonly gid?: number;
  readonly size?: number;
  readonly major?: number;
  readonly minor?: number;
  /** A symlink's target, in bytes. */
  readonly target?: Buffer;
  readonly atime?: TimeChange;
  readonly mtime?: TimeChange;
}

/** One entry of a directory. */
export interface DirectoryEntry {
  readonly name: Name;
  /** Its place in the listing: 3 to 2^31 - 1, kept as long as the entry lives. 1 and 2 are left to `.` and `..`. */
  readonly cookie: number;
  readonly fileid: number;
}

/** The network's room, in bytes and flares. */
export interface SpaceFigures {
  readonly totalBytes: number;
  readonly freeBytes: number;
  /** What others than uid 0 may use. */
  readonly availableBytes: number;
  readonly flares: number;
}
