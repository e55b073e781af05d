import { Accept, opaque, type Patience, u32, unixCredential, type Wire } from './wire.ts';

/*
 * NFSv2 and MOUNT arguments and results (RFC 1094), written by hand for the tests that must hold bytes in their own hands: the same call sent
 * twice, before and after a crash, whole or mutated.
 */

export const NFS = { program: 100003, version: 2 } as const;
export const MOUNT = { program: 100005, version: 1 } as const;

/** Procedure numbers (RFC 1094 §2.2). */
export const Proc = {
  NULL: 0,
  GETATTR: 1,
  SETATTR: 2,
  ROOT: 3,
  LOOKUP: 4,
  READLINK: 5,
  READ: 6,
  WRITECACHE: 7,
  WRITE: 8,
  CREATE: 9,
  REMOVE: 10,
  RENAME: 11,
  LINK: 12,
  SYMLINK: 13,
  MKDIR: 14,
  RMDIR: 15,
  READDIR: 16,
  STATFS: 17,
} as const;

/** `stat` (RFC 1094 §2.3.1). */
export const Stat = {
  OK: 0,
  PERM: 1,
  NOENT: 2,
  IO: 5,
  ACCES: 13,
  EXIST: 17,
  XDEV: 18,
  NOTDIR: 20,
  ISDIR: 21,
  INVAL: 22,
  FBIG: 27,
  NOSPC: 28,
  NAMETOOLONG: 63,
  NOTEMPTY: 66,
  STALE: 70,
} as const;

/** `fattr` (RFC 1094 §2.3.5), the fields that the tests look at. */
export interface Fattr {
  readonly type: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly fileid: number;
  readonly mtime: number;
}

/** `sattr` (RFC 1094 §2.3.6); what is absent is -1: do not change. */
export interface Sattr {
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
}

/** Bytes of a `fattr`. */
const FATTR_BYTES = 68;

function fattrAt(bytes: Buffer, at: number): Fattr {
  const word = (index: number): number => bytes.readUInt32BE(at + index * 4);
  return {
    type: word(0),
    mode: word(1),
    nlink: word(2),
    uid: word(3),
    gid: word(4),
    size: word(5),
    fileid: word(10),
    mtime: word(13) + word(14) / 1e6,
  };
}

export function sattr(changes: Sattr): Buffer {
  const unset = 0xffffffff;
  const { mode = unset, uid = unset, gid = unset, size = unset } = changes;
  return u32(mode, uid, gid, size, unset, unset, unset, unset);
}

const join = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);

/** Arguments of each procedure, as bytes. */
export const argsOf = {
  NULL: () => Buffer.alloc(0),
  GETATTR: (file: Buffer) => file,
  SETATTR: (file: Buffer, changes: Sattr) => join(file, sattr(changes)),
  ROOT: () => Buffer.alloc(0),
  LOOKUP: (directory: Buffer, name: string) => join(directory, opaque(name)),
  READLINK: (file: Buffer) => file,
  READ: (file: Buffer, offset: number, count: number) => join(file, u32(offset, count, count)),
  WRITECACHE: () => Buffer.alloc(0),
  WRITE: (file: Buffer, offset: number, data: Uint8Array) => join(file, u32(offset, offset, data.length), opaque(data)),
  CREATE: (directory: Buffer, name: string, changes: Sattr) => join(directory, opaque(name), sattr(changes)),
  REMOVE: (directory: Buffer, name: string) => join(directory, opaque(name)),
  RENAME: (from: Buffer, name: string, to: Buffer, toName: string) => join(from, opaque(name), to, opaque(toName)),
  LINK: (file: Buffer, directory: Buffer, name: string) => join(file, directory, opaque(name)),
  SYMLINK: (directory: Buffer, name: string, target: string) =>
    join(directory, opaque(name), opaque(target), sattr({ mode: 0o777 })),
  MKDIR: (directory: Buffer, name: string, changes: Sattr) => join(directory, opaque(name), sattr(changes)),
  RMDIR: (directory: Buffer, name: string) => join(directory, opaque(name)),
  READDIR: (directory: Buffer, cookie: number, count: number) => join(directory, u32(cookie, count)),
  STATFS: (file: Buffer) => file,
} as const;

export type ProcName = keyof typeof argsOf;

/** One answer. Fields are there when the status is OK and the procedure has them. */
export interface Answer {
  readonly status: number;
  readonly handle?: Buffer;
  readonly attributes?: Fattr;
  readonly data?: Buffer;
  readonly entries?: readonly { readonly fileid: number; readonly name: string; readonly cookie: number }[];
  readonly eof?: boolean;
  /** tsize, bsize, blocks, bfree, bavail. */
  readonly space?: readonly number[];
}

function opaqueAt(bytes: Buffer, at: number): Buffer {
  const length = bytes.readUInt32BE(at);
  if (at + 4 + length > bytes.length) throw new Error('an opaque beyond the end of the reply');
  return bytes.subarray(at + 4, at + 4 + length);
}

function entriesAt(bytes: Buffer, from: number): Pick<Answer, 'entries' | 'eof'> {
  const entries: { fileid: number; name: string; cookie: number }[] = [];
  let at = from;
  while (bytes.readUInt32BE(at) === 1) {
    const name = opaqueAt(bytes, at + 8);
    const cookieAt = at + 12 + Math.ceil(name.length / 4) * 4;
    entries.push({
      fileid: bytes.readUInt32BE(at + 4),
      name: name.toString('latin1'),
      cookie: bytes.readUInt32BE(cookieAt),
    });
    at = cookieAt + 4;
  }
  return { entries, eof: bytes.readUInt32BE(at + 4) === 1 };
}

const attributesOnly = (bytes: Buffer): Partial<Answer> => ({ attributes: fattrAt(bytes, 4) });
const handleAndAttributes = (bytes: Buffer): Partial<Answer> => ({
  handle: Buffer.from(bytes.subarray(4, 36)),
  attributes: fattrAt(bytes, 36),
});

const results: Partial<Record<ProcName, (bytes: Buffer) => Partial<Answer>>> = {
  GETATTR: attributesOnly,
  SETATTR: attributesOnly,
  WRITE: attributesOnly,
  LOOKUP: handleAndAttributes,
  CREATE: handleAndAttributes,
  MKDIR: handleAndAttributes,
  READLINK: (bytes) => ({ data: opaqueAt(bytes, 4) }),
  READ: (bytes) => ({ attributes: fattrAt(bytes, 4), data: opaqueAt(bytes, 4 + FATTR_BYTES) }),
  READDIR: (bytes) => entriesAt(bytes, 4),
  STATFS: (bytes) => ({ space: [0, 1, 2, 3, 4].map((index) => bytes.readUInt32BE(4 + index * 4)) }),
};

/** Takes the results of a procedure apart. */
export function answerOf(name: ProcName, bytes: Buffer): Answer {
  if (name === 'NULL' || name === 'ROOT' || name === 'WRITECACHE') return { status: 0 };
  const status = bytes.readUInt32BE(0);
  return status === 0 ? { status, ...results[name]?.(bytes) } : { status };
}

/** An RPC-level answer other than SUCCESS. */
export class RpcFailure extends Error {}

/** NFSv2 calls over a wire. */
export class Nfs2Wire {
  readonly wire: Wire;
  /** Who calls. */
  readonly credential: { flavor: number; body: Buffer };
  readonly patience: Patience;

  constructor(wire: Wire, options: { uid?: number; gid?: number; gids?: number[]; patience?: Patience } = {}) {
    this.wire = wire;
    this.credential = unixCredential(options.uid ?? 0, options.gid ?? 0, options.gids);
    this.patience = options.patience ?? {};
  }

  /** Calls a procedure; `xid` makes it a retransmission of an earlier one. */
  async raw(name: ProcName, args: Uint8Array, xid = this.wire.nextXid(), patience = this.patience): Promise<Answer> {
    const reply = await this.wire.call(
      { ...NFS, xid, procedure: Proc[name], args, credential: this.credential },
      patience,
    );
    if (reply.denied) throw new RpcFailure(`${name} was denied: ${reply.reason}`);
    if (reply.status !== Accept.SUCCESS) throw new RpcFailure(`${name}: accept_stat ${reply.status}`);
    return answerOf(name, reply.results);
  }

  /** Calls a procedure with arguments as `argsOf` takes them. */
  call<N extends ProcName>(name: N, ...args: Parameters<(typeof argsOf)[N]>): Promise<Answer> {
    return this.raw(name, (argsOf[name] as (...given: unknown[]) => Buffer)(...args));
  }

  /** As `call`, and throws unless the status is OK. */
  async ok<N extends ProcName>(name: N, ...args: Parameters<(typeof argsOf)[N]>): Promise<Answer> {
    const answer = await this.call(name, ...args);
    if (answer.status !== Stat.OK) throw new Error(`${name}: status ${answer.status}`);
    return answer;
  }

  /** The whole of a directory, READDIR after READDIR. */
  async list(directory: Buffer, count = 4096): Promise<Map<string, number>> {
    const all = new Map<string, number>();
    let cookie = 0;
    for (;;) {
      const { entries, eof } = await this.ok('READDIR', directory, cookie, count);
      for (const entry of entries!) {
        if (all.has(entry.name)) throw new Error(`READDIR gave ${entry.name} twice`);
        all.set(entry.name, entry.fileid);
        cookie = entry.cookie;
      }
      if (eof) return all;
      if (entries!.length === 0) throw new Error('READDIR gave no entry and no end');
    }
  }
}

/** Mounts a path (MNT of MOUNT version 1) and gives the handle. */
export async function mount(wire: Wire, path: string, credential = unixCredential(0, 0)): Promise<Buffer> {
  const reply = await wire.call({ ...MOUNT, xid: wire.nextXid(), procedure: 1, args: opaque(path), credential });
  if (reply.denied || reply.status !== Accept.SUCCESS) throw new RpcFailure('MNT was not answered');
  const status = reply.results.readUInt32BE(0);
  if (status !== 0) throw new Error(`MNT ${path}: status ${status}`);
  return Buffer.from(reply.results.subarray(4, 36));
}
