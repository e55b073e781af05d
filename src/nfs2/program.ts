import type { Program } from '../rpc/program.ts';
import { create } from './create.ts';
import { getattr } from './getattr.ts';
import { link } from './link.ts';
import { lookup } from './lookup.ts';
import { mkdir } from './mkdir.ts';
import { nullProcedure, rootProcedure, writeCacheProcedure } from './obsolete.ts';
import type { MakeProcedure } from './procedure.ts';
import { read } from './read.ts';
import { readdir } from './readdir.ts';
import { readlink } from './readlink.ts';
import { remove } from './remove.ts';
import { rename } from './rename.ts';
import { rmdir } from './rmdir.ts';
import { type Nfs2Parts, Nfs2Server } from './server.ts';
import { setattr } from './setattr.ts';
import { statfs } from './statfs.ts';
import { symlink } from './symlink.ts';
import { write } from './write.ts';

/** The program's number (RFC 1094 §2.1). */
export const NFS_PROGRAM = 100003;
/** The one version that is served. */
export const NFS_VERSION = 2;

/** The procedures by number (RFC 1094 §2.2). */
const PROCEDURES: readonly MakeProcedure[] = [
  nullProcedure,
  getattr,
  setattr,
  rootProcedure,
  lookup,
  readlink,
  read,
  writeCacheProcedure,
  write,
  create,
  remove,
  rename,
  link,
  symlink,
  mkdir,
  rmdir,
  readdir,
  statfs,
];

/** NFS version 2 (RFC 1094) over a flare service. */
export function nfs2Program(parts: Nfs2Parts): Program {
  const server = new Nfs2Server(parts);
  const procedures = new Map(PROCEDURES.map((make, number) => [number, make(server)]));
  return { number: NFS_PROGRAM, name: 'nfs', versions: new Map([[NFS_VERSION, procedures]]) };
}
