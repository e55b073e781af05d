import * as xdr from '@stellar/js-xdr';
import { compile } from '../rpc/xdr.ts';

/** Bytes of a file handle (`FHSIZE`, RFC 1094 §2.2). */
export const HANDLE_BYTES = 32;
/** The largest READ and WRITE, in bytes (`MAXDATA`, RFC 1094 §2.2). A longer WRITE is GARBAGE_ARGS. */
export const DATA_MAX = 8192;
/**
 * The longest name or target that is taken off the wire, in bytes. It is above the 255 and 1,024 of RFC 1094 §2.2, so that a name that is a little too
 * long is answered with NFSERR_NAMETOOLONG; what is longer than this is GARBAGE_ARGS.
 */
export const WIRE_NAME_MAX = 2048;
/** The longest target of a symlink, in bytes (`MAXPATHLEN`, RFC 1094 §2.2). */
export const TARGET_MAX = 1024;
/** The number that means "do not set" in `sattr` (RFC 1094 §2.3.6). */
export const UNSET = 0xffffffff;

/** `ftype` (RFC 1094 §2.3.2). Sockets are NON, fifos CHR with device `UNSET`. */
export const FileType = { NON: 0, REG: 1, DIR: 2, BLK: 3, CHR: 4, LNK: 5 } as const;

const handle = xdr.opaque(HANDLE_BYTES);
const name = xdr.varOpaque(WIRE_NAME_MAX);

const time = xdr.struct('timeval', { seconds: xdr.uint32(), useconds: xdr.uint32() });

const fattrSchema = xdr.struct('fattr', {
  type: xdr.int32(),
  mode: xdr.uint32(),
  nlink: xdr.uint32(),
  uid: xdr.uint32(),
  gid: xdr.uint32(),
  size: xdr.uint32(),
  blocksize: xdr.uint32(),
  rdev: xdr.uint32(),
  blocks: xdr.uint32(),
  fsid: xdr.uint32(),
  fileid: xdr.uint32(),
  atime: time,
  mtime: time,
  ctime: time,
});

const sattrSchema = xdr.struct('sattr', {
  mode: xdr.uint32(),
  uid: xdr.uint32(),
  gid: xdr.uint32(),
  size: xdr.uint32(),
  atime: time,
  mtime: time,
});

const place = xdr.struct('diropargs', { directory: handle, name });

/** A result that starts with `stat`: what follows when that is NFS_OK, and nothing otherwise. */
function resultOf<T>(title: string, value: xdr.XdrType<T>) {
  return xdr.union(title, {
    switchOn: xdr.int32(),
    switchKey: 'status',
    cases: [xdr.case('ok', 0, xdr.field('value', value))],
    defaultArm: xdr.void(),
  });
}

const found = xdr.struct('diropok', { handle, attributes: fattrSchema });

interface EntryShape {
  fileid: number;
  name: Uint8Array;
  cookie: number;
  next: EntryShape | null;
}

const entry: xdr.XdrType<EntryShape> = xdr.struct('entry', {
  fileid: xdr.uint32(),
  name: xdr.varOpaque(255),
  // Opaque to clients; four bytes all the same.
  cookie: xdr.uint32(),
  next: xdr.option(xdr.lazy(() => entry)),
});

/** Argument and result types of RFC 1094 §2.2 and §2.3, compiled; big endian, as XDR is. */
export const codecs = {
  void: compile(xdr.void()),
  handle: compile(handle),
  place: compile(place),
  setattr: compile(xdr.struct('sattrargs', { file: handle, attributes: sattrSchema })),
  read: compile(
    xdr.struct('readargs', { file: handle, offset: xdr.uint32(), count: xdr.uint32(), totalcount: xdr.uint32() }),
  ),
  write: compile(
    xdr.struct('writeargs', {
      file: handle,
      beginoffset: xdr.uint32(),
      offset: xdr.uint32(),
      totalcount: xdr.uint32(),
      data: xdr.varOpaque(DATA_MAX),
    }),
  ),
  create: compile(xdr.struct('createargs', { where: place, attributes: sattrSchema })),
  rename: compile(xdr.struct('renameargs', { from: place, to: place })),
  link: compile(xdr.struct('linkargs', { file: handle, to: place })),
  symlink: compile(
    xdr.struct('symlinkargs', { where: place, target: xdr.varOpaque(WIRE_NAME_MAX), attributes: sattrSchema }),
  ),
  readdir: compile(xdr.struct('readdirargs', { directory: handle, cookie: xdr.uint32(), count: xdr.uint32() })),

  stat: compile(resultOf('stat', xdr.void())),
  attrstat: compile(resultOf('attrstat', fattrSchema)),
  diropres: compile(resultOf('diropres', found)),
  readlinkres: compile(resultOf('readlinkres', xdr.varOpaque(TARGET_MAX))),
  readres: compile(
    resultOf('readres', xdr.struct('readok', { attributes: fattrSchema, data: xdr.varOpaque(DATA_MAX) })),
  ),
  readdirres: compile(resultOf('readdirres', xdr.struct('readdirok', { entries: xdr.option(entry), eof: xdr.bool() }))),
  statfsres: compile(
    resultOf(
      'statfsres',
      xdr.struct('info', {
        tsize: xdr.uint32(),
        bsize: xdr.uint32(),
        blocks: xdr.uint32(),
        bfree: xdr.uint32(),
        bavail: xdr.uint32(),
      }),
    ),
  ),
};

/** `timeval` (RFC 1094 §2.3.4). */
export interface Timeval {
  readonly seconds: number;
  readonly useconds: number;
}

/** `fattr` (RFC 1094 §2.3.5). */
export interface Fattr {
  readonly type: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly blocksize: number;
  readonly rdev: number;
  readonly blocks: number;
  readonly fsid: number;
  readonly fileid: number;
  readonly atime: Timeval;
  readonly mtime: Timeval;
  readonly ctime: Timeval;
}

/** `sattr` (RFC 1094 §2.3.6). */
export interface Sattr {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly atime: Timeval;
  readonly mtime: Timeval;
}

/** `diropargs` (RFC 1094 §2.3.10). */
export interface Place {
  readonly directory: Buffer;
  readonly name: Buffer;
}

/** An entry of a READDIR reply (RFC 1094 §2.2.17), and those behind it. */
export interface Entry {
  readonly fileid: number;
  readonly name: Buffer;
  readonly cookie: number;
  readonly next: Entry | null;
}
