import { AuthStat, type RpcCredential } from './program.ts';
import { XdrError } from './xdr/error.ts';
import type { XdrReader } from './xdr/reader.ts';
import { XdrWriter } from './xdr/writer.ts';

/** `auth_flavor`, those that are served (RFC 5531 §8.2). */
export const AuthFlavor = { NONE: 0, SYS: 1 } as const;
/** The longest machine name, in bytes (RFC 5531 appendix A). */
export const MACHINE_NAME_MAX = 255;
/** The most supplementary groups (RFC 5531 appendix A). */
export const GIDS_MAX = 16;
/** The longest body of a credential, in bytes (RFC 5531 §8.2). */
const BODY_MAX = 400;

/** Nobody in particular: AUTH_NONE. */
export const noCredential: RpcCredential = Object.freeze({ flavor: 'none' });

/** Reads a call's credential. Returns the `AuthStat` to refuse the call with when it is malformed or of a flavor that is not served. */
export function readCredential(reader: XdrReader): RpcCredential | number {
  try {
    const flavor = reader.u32();
    const length = reader.u32();
    if (length > BODY_MAX || length > reader.remaining) return AuthStat.BADCRED;
    const end = reader.offset + ((length + 3) & ~3);
    if (flavor !== AuthFlavor.NONE && flavor !== AuthFlavor.SYS) return AuthStat.REJECTEDCRED;
    const credential = flavor === AuthFlavor.NONE ? noCredential : readUnix(reader);
    if (reader.offset > end || end > reader.end) return AuthStat.BADCRED;
    reader.offset = end;
    return credential;
  } catch (error) {
    if (error instanceof XdrError) return AuthStat.BADCRED;
    throw error;
  }
}

function readUnix(reader: XdrReader): RpcCredential {
  const stamp = reader.u32();
  const machine = reader.varBytes(MACHINE_NAME_MAX);
  const uid = reader.u32();
  const gid = reader.u32();
  const count = reader.u32();
  if (count > GIDS_MAX) throw new XdrError(`${count} groups are more than ${GIDS_MAX}`);
  const gids: number[] = [];
  for (let n = 0; n < count; n++) gids.push(reader.u32());
  return { flavor: 'unix', stamp, machine, uid, gid, gids };
}

/** A credential's flavor and body, for a call. */
export function encodeCredential(credential: RpcCredential): { flavor: number; body: Buffer } {
  if (credential.flavor === 'none') return { flavor: AuthFlavor.NONE, body: Buffer.alloc(0) };
  const writer = new XdrWriter();
  writer.u32(credential.stamp);
  writer.varOpaque(credential.machine);
  writer.u32(credential.uid);
  writer.u32(credential.gid);
  writer.u32(credential.gids.length);
  for (const gid of credential.gids) writer.u32(gid);
  return { flavor: AuthFlavor.SYS, body: writer.copy() };
}
