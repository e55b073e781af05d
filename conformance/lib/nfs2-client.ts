import { codecs, type Entry, type Fattr, type Sattr, UNSET } from '../../src/nfs2/schema.ts';
import type { Codec } from '../../src/rpc/xdr.ts';

/** Carries the arguments of one procedure of NFS version 2 to a server, and brings the bytes of the result. */
export type Exchange = (procedure: number, args: Buffer) => Promise<Buffer>;

/** A result: what it holds when its status is NFS_OK, else the status alone. */
export type Result<T> = { readonly status: 0; readonly value: T } | { readonly status: number; readonly value?: never };

/** What a `sattr` sets; what is absent is -1. */
export type Changes = Partial<Sattr>;

/** `diropres` with NFS_OK. */
export interface Found {
  readonly handle: Buffer;
  readonly attributes: Fattr;
}

/** One entry of a listing. */
export interface Listed {
  readonly name: string;
  readonly fileid: number;
  readonly cookie: number;
}

/** `info` of STATFS. */
export interface Room {
  readonly tsize: number;
  readonly bsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
}

const UNSET_TIME = { seconds: UNSET, useconds: UNSET };

/** A whole `sattr` (RFC 1094 §2.3.6). */
export function sattr(changes: Changes = {}): Sattr {
  return { mode: UNSET, uid: UNSET, gid: UNSET, size: UNSET, atime: UNSET_TIME, mtime: UNSET_TIME, ...changes };
}

const latin1 = (text: string | Buffer): Buffer => (typeof text === 'string' ? Buffer.from(text, 'latin1') : text);

/** Calls of NFS version 2, typed (RFC 1094 §2.2). Names are bytes as Latin-1 strings. */
export class Nfs2Client {
  readonly exchange: Exchange;

  constructor(exchange: Exchange) {
    this.exchange = exchange;
  }

  async #call<A, R>(procedure: number, args: Codec<A>, result: Codec<any>, value: A): Promise<Result<R>> {
    return result.decode(await this.exchange(procedure, args.encode(value))) as Result<R>;
  }

  async #void(procedure: number): Promise<Buffer> {
    return this.exchange(procedure, Buffer.alloc(0));
  }

  null = () => this.#void(0);
  root = () => this.#void(3);
  writecache = () => this.#void(7);

  getattr = (file: Buffer): Promise<Result<Fattr>> => this.#call(1, codecs.handle, codecs.attrstat, file);

  setattr = (file: Buffer, changes: Changes): Promise<Result<Fattr>> =>
    this.#call(2, codecs.setattr, codecs.attrstat, { file, attributes: sattr(changes) });

  lookup = (directory: Buffer, name: string): Promise<Result<Found>> =>
    this.#call(4, codecs.place, codecs.diropres, { directory, name: latin1(name) });

  readlink = (file: Buffer): Promise<Result<Buffer>> => this.#call(5, codecs.handle, codecs.readlinkres, file);

  read = (file: Buffer, offset: number, count: number): Promise<Result<{ attributes: Fattr; data: Buffer }>> =>
    this.#call(6, codecs.read, codecs.readres, { file, offset, count, totalcount: 0 });

  write = (file: Buffer, offset: number, data: string | Buffer): Promise<Result<Fattr>> =>
    this.#call(8, codecs.write, codecs.attrstat, { file, beginoffset: 0, offset, totalcount: 0, data: latin1(data) });

  create = (directory: Buffer, name: string, changes: Changes): Promise<Result<Found>> =>
    this.#call(9, codecs.create, codecs.diropres, {
      where: { directory, name: latin1(name) },
      attributes: sattr(changes),
    });

  remove = (directory: Buffer, name: string): Promise<Result<void>> =>
    this.#call(10, codecs.place, codecs.stat, { directory, name: latin1(name) });

  rename = (from: Buffer, fromName: string, to: Buffer, toName: string): Promise<Result<void>> =>
    this.#call(11, codecs.rename, codecs.stat, {
      from: { directory: from, name: latin1(fromName) },
      to: { directory: to, name: latin1(toName) },
    });

  link = (file: Buffer, directory: Buffer, name: string): Promise<Result<void>> =>
    this.#call(12, codecs.link, codecs.stat, { file, to: { directory, name: latin1(name) } });

  symlink = (directory: Buffer, name: string, target: string, changes: Changes = {}): Promise<Result<void>> =>
    this.#call(13, codecs.symlink, codecs.stat, {
      where: { directory, name: latin1(name) },
      target: latin1(target),
      attributes: sattr(changes),
    });

  mkdir = (directory: Buffer, name: string, changes: Changes): Promise<Result<Found>> =>
    this.#call(14, codecs.create, codecs.diropres, {
      where: { directory, name: latin1(name) },
      attributes: sattr(changes),
    });

  rmdir = (directory: Buffer, name: string): Promise<Result<void>> =>
    this.#call(15, codecs.place, codecs.stat, { directory, name: latin1(name) });

  /** One READDIR. `bytes` is the length of the whole result, status included. */
  async readdir(
    directory: Buffer,
    cookie: number,
    count: number,
  ): Promise<Result<{ entries: Listed[]; eof: boolean; bytes: number }>> {
    const bytes = await this.exchange(16, codecs.readdir.encode({ directory, cookie, count }));
    const result = codecs.readdirres.decode(bytes) as Result<{ entries: Entry | null; eof: boolean }>;
    if (result.value === undefined) return result;
    const entries: Listed[] = [];
    for (let at = result.value.entries; at !== null; at = at.next)
      entries.push({ name: at.name.toString('latin1'), fileid: at.fileid, cookie: at.cookie });
    return { status: 0, value: { entries, eof: result.value.eof, bytes: bytes.length } };
  }

  statfs = (file: Buffer): Promise<Result<Room>> => this.#call(17, codecs.handle, codecs.statfsres, file);
}
