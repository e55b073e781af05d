import { readCredential } from './credential.ts';
import { AuthStat, type RpcCredential } from './program.ts';
import { XdrError } from './xdr/error.ts';
import type { XdrReader } from './xdr/reader.ts';
import type { XdrWriter } from './xdr/writer.ts';

/** The version of the protocol (RFC 5531 §9, `rpcvers`). */
export const RPC_VERSION = 2;
/** `msg_type`. */
export const MessageType = { CALL: 0, REPLY: 1 } as const;
/** `reply_stat`. */
export const ReplyStat = { ACCEPTED: 0, DENIED: 1 } as const;
/** `reject_stat`. */
export const RejectStat = { RPC_MISMATCH: 0, AUTH_ERROR: 1 } as const;
/** `accept_stat`. */
export const AcceptStat = {
  SUCCESS: 0,
  PROG_UNAVAIL: 1,
  PROG_MISMATCH: 2,
  PROC_UNAVAIL: 3,
  GARBAGE_ARGS: 4,
  SYSTEM_ERR: 5,
} as const;
/** The longest body of a credential or verifier, in bytes (RFC 5531 §8.2). */
export const AUTH_BODY_MAX = 400;

/** A status of a reply, by name. */
export type RpcStatus = keyof typeof AcceptStat | keyof typeof RejectStat;

/** The header of a call (RFC 5531 §9, `call_body`). One is reused for all calls of a dispatcher. */
export interface CallHeader {
  xid: number;
  program: number;
  version: number;
  procedure: number;
  credential: RpcCredential;
}

/** What a message is, besides a call that can be dispatched. */
export const NotACall = {
  /** A reply, or too short to be answered. */
  NOTHING: -1,
  /** Another version of the protocol. */
  RPC_MISMATCH: -2,
} as const;

/**
 * Reads a message's header. Returns 0 for a call whose arguments come next, one of `NotACall`, or the positive `AuthStat` that it is to be refused with. `header.xid` is set
 * unless it is NOTHING.
 */
export function readCallHeader(reader: XdrReader, header: CallHeader): number {
  // xid, message type, RPC version
  if (reader.remaining < 12) return NotACall.NOTHING;
  header.xid = reader.u32();
  if (reader.u32() !== MessageType.CALL) return NotACall.NOTHING;
  if (reader.u32() !== RPC_VERSION) return NotACall.RPC_MISMATCH;
  if (reader.remaining < 12) return NotACall.NOTHING;
  header.program = reader.u32();
  header.version = reader.u32();
  header.procedure = reader.u32();
  const credential = readCredential(reader);
  if (typeof credential === 'number') return credential;
  header.credential = credential;
  return readVerifier(reader) ? 0 : AuthStat.BADVERF;
}

/** AUTH_NULL and AUTH_UNIX have nothing to verify: any verifier is skipped, if only it is there. */
function readVerifier(reader: XdrReader): boolean {
  try {
    reader.u32();
    reader.varBytes(AUTH_BODY_MAX);
    return true;
  } catch (error) {
    if (error instanceof XdrError) return false;
    throw error;
  }
}

/**
 * Appends the head of an accepted reply (RFC 5531 §9, `accepted_reply`). The verifier is AUTH_NULL of length 0 whatever the call's was: there
 * are clients that take no other.
 */
export function writeAccepted(writer: XdrWriter, xid: number, status: number): void {
  writer.grow(24);
  const { view, position } = writer;
  view.setUint32(position, xid);
  view.setUint32(position + 4, MessageType.REPLY);
  view.setUint32(position + 8, ReplyStat.ACCEPTED);
  view.setUint32(position + 12, 0);
  view.setUint32(position + 16, 0);
  view.setUint32(position + 20, status);
  writer.position = position + 24;
}

/** Appends a whole PROG_MISMATCH reply, with the lowest and the highest version that there are. */
export function writeProgramMismatch(writer: XdrWriter, xid: number, low: number, high: number): void {
  writeAccepted(writer, xid, AcceptStat.PROG_MISMATCH);
  writer.u32(low);
  writer.u32(high);
}

/** Appends a whole RPC_MISMATCH reply (RFC 5531 §9, `rejected_reply`). */
export function writeRpcMismatch(writer: XdrWriter, xid: number): void {
  for (const word of [xid, MessageType.REPLY, ReplyStat.DENIED, RejectStat.RPC_MISMATCH, RPC_VERSION, RPC_VERSION]) {
    writer.u32(word);
  }
}

/** Appends a whole AUTH_ERROR reply. */
export function writeAuthError(writer: XdrWriter, xid: number, status: number): void {
  for (const word of [xid, MessageType.REPLY, ReplyStat.DENIED, RejectStat.AUTH_ERROR, status]) writer.u32(word);
}

/** Appends the header of a call; the arguments follow. `credential` is the opaque body of flavor `flavor`. */
export function writeCallHeader(
  writer: XdrWriter,
  call: { readonly xid: number; readonly program: number; readonly version: number; readonly procedure: number },
  flavor: number,
  credential: Uint8Array,
): void {
  for (const word of [call.xid, MessageType.CALL, RPC_VERSION, call.program, call.version, call.procedure, flavor]) {
    writer.u32(word);
  }
  writer.varOpaque(credential);
  writer.u32(0);
  writer.u32(0);
}
