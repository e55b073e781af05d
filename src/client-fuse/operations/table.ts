import type { Handler } from '../files/context.ts';
import { Opcode, type OpcodeName } from '../protocol/numbers.ts';
import { access, getattr, setattr } from './attributes.ts';
import { link, mkdir, mknod, readlink, symlink } from './create.ts';
import { opendir, readdir, readdirplus, releasedir } from './directories.ts';
import { batchForget, forget } from './forget.ts';
import { read, write } from './io.ts';
import { flush, getlk, release, setlk, setlkw } from './locks.ts';
import { lookup } from './lookup.ts';
import { create, open, sync, syncDirectory } from './open.ts';
import { rmdir, unlink } from './remove.ts';
import { rename, rename2 } from './rename.ts';
import { statfs } from './statfs.ts';

/** One kind of request. */
export interface Operation {
  readonly name: OpcodeName;
  readonly handle: Handler;
  /** The kernel waits for no answer. */
  readonly silent?: boolean;
  /** Its data are used after the handler's first wait: the memory that it lies in is not used again before it is answered. */
  readonly keeps?: boolean;
}

const HANDLERS: Readonly<Partial<Record<OpcodeName, Omit<Operation, 'name'>>>> = {
  LOOKUP: { handle: lookup },
  FORGET: { handle: forget, silent: true },
  BATCH_FORGET: { handle: batchForget, silent: true },
  GETATTR: { handle: getattr },
  SETATTR: { handle: setattr },
  ACCESS: { handle: access },
  READLINK: { handle: readlink },
  SYMLINK: { handle: symlink },
  MKNOD: { handle: mknod },
  MKDIR: { handle: mkdir },
  LINK: { handle: link },
  UNLINK: { handle: unlink },
  RMDIR: { handle: rmdir },
  RENAME: { handle: rename },
  RENAME2: { handle: rename2 },
  OPEN: { handle: open },
  CREATE: { handle: create },
  READ: { handle: read },
  WRITE: { handle: write, keeps: true },
  FLUSH: { handle: flush },
  FSYNC: { handle: sync },
  RELEASE: { handle: release },
  GETLK: { handle: getlk },
  SETLK: { handle: setlk },
  SETLKW: { handle: setlkw },
  OPENDIR: { handle: opendir },
  READDIR: { handle: readdir },
  READDIRPLUS: { handle: readdirplus },
  FSYNCDIR: { handle: syncDirectory },
  RELEASEDIR: { handle: releasedir },
  STATFS: { handle: statfs },
};

/**
 * The kinds of requests that are served, by opcode; INIT, INTERRUPT and DESTROY are the session's own. Any other is answered with ENOSYS. For extended attributes, fallocate, lseek and
 * copy_file_range that has the kernel answer users (EOPNOTSUPP, or by what it does itself) and not ask again.
 */
export const OPERATIONS: ReadonlyMap<number, Operation> = new Map(
  Object.entries(HANDLERS).map(([name, operation]) => {
    const known = name as OpcodeName;
    return [Opcode[known], { name: known, ...operation }];
  }),
);
