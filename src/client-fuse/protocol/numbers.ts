/*
 * Numbers of the FUSE kernel protocol (Linux uapi/linux/fuse.h), and those of open(2) and rename(2) that travel in it. Only what is used here.
 */

/** The version of the protocol that is spoken: 7.39. */
export const KERNEL_VERSION = 7;
export const KERNEL_MINOR_VERSION = 39;
/** The oldest minor version that is served (Linux 5.4): later ones only add to its structures. */
export const KERNEL_MINOR_LEAST = 31;
/** The node that the kernel never looks up. */
export const ROOT_NODE = 1;

/** `fuse_opcode`. */
export const Opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  DESTROY: 38,
  BATCH_FORGET: 42,
  READDIRPLUS: 44,
  RENAME2: 45,
} as const;
export type OpcodeName = keyof typeof Opcode;

/** `fuse_init_in.flags`, and from bit 32 on `flags2`, by bit. */
export const InitBit = {
  ASYNC_READ: 0,
  POSIX_LOCKS: 1,
  ATOMIC_O_TRUNC: 3,
  BIG_WRITES: 5,
  FLOCK_LOCKS: 10,
  AUTO_INVAL_DATA: 12,
  DO_READDIRPLUS: 13,
  READDIRPLUS_AUTO: 14,
  ASYNC_DIO: 15,
  PARALLEL_DIROPS: 18,
  MAX_PAGES: 22,
  CACHE_SYMLINKS: 23,
  INIT_EXT: 30,
  DIRECT_IO_ALLOW_MMAP: 36,
} as const;

/** `fuse_getattr_in.getattr_flags`. */
export const GETATTR_FH = 1 << 0;

/** `fuse_setattr_in.valid`. */
export const SetattrValid = {
  MODE: 1 << 0,
  UID: 1 << 1,
  GID: 1 << 2,
  SIZE: 1 << 3,
  ATIME: 1 << 4,
  MTIME: 1 << 5,
  FH: 1 << 6,
  ATIME_NOW: 1 << 7,
  MTIME_NOW: 1 << 8,
} as const;

/** `fuse_open_out.open_flags`. */
export const OpenFlag = { DIRECT_IO: 1 << 0, KEEP_CACHE: 1 << 1 } as const;

/** `fuse_notify_code`: what the kernel believes of a node is no longer so. */
export const NOTIFY_INVAL_INODE = 2;

/** Flags of open(2) that OPEN, CREATE and WRITE carry; these are the same on x64 and arm64. */
export const O_ACCMODE = 3;
export const O_RDONLY = 0;
export const O_WRONLY = 1;
export const O_EXCL = 0o200;
export const O_TRUNC = 0o1000;
export const O_APPEND = 0o2000;

/** `fuse_lk_in.lk_flags`, and `fuse_file_lock.type` (fcntl(2)). */
export const LK_FLOCK = 1 << 0;
export const F_RDLCK = 0;
export const F_WRLCK = 1;
export const F_UNLCK = 2;
/** `fuse_release_in.release_flags`. */
export const RELEASE_FLOCK_UNLOCK = 1 << 1;

/** Flags of renameat2(2). */
export const RENAME_NOREPLACE = 1;

/** Bytes of structures. */
export const IN_HEADER_BYTES = 40;
export const OUT_HEADER_BYTES = 16;
export const ATTR_BYTES = 88;
export const ENTRY_OUT_BYTES = 40 + ATTR_BYTES;
export const ATTR_OUT_BYTES = 16 + ATTR_BYTES;
export const OPEN_OUT_BYTES = 16;
export const WRITE_OUT_BYTES = 8;
export const STATFS_OUT_BYTES = 80;
export const LK_OUT_BYTES = 24;
export const INIT_OUT_BYTES = 64;
export const NOTIFY_INVAL_INODE_BYTES = 24;
/** `fuse_dirent` without its name; what it takes is a multiple of 8. */
export const DIRENT_BYTES = 24;
/** What comes before the data of a WRITE, with its header. */
export const WRITE_HEAD_BYTES = IN_HEADER_BYTES + 40;
