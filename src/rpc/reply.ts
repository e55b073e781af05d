import { AcceptStat, AUTH_BODY_MAX, MessageType, RejectStat, ReplyStat } from './message.ts';
import { RpcError, type RpcErrorKind } from './rpc-error.ts';
import { type Codec, XdrError, XdrReader } from './xdr.ts';

const acceptNames = Object.keys(AcceptStat) as (keyof typeof AcceptStat)[];

function isMismatch(kind: RpcErrorKind): boolean {
  return kind === 'PROG_MISMATCH' || kind === 'RPC_MISMATCH';
}

function refusal(kind: RpcErrorKind, reader: XdrReader): RpcError {
  if (isMismatch(kind)) {
    const [low, high] = [reader.u32(), reader.u32()];
    return new RpcError(kind, `the server answered ${kind}: it has versions ${low} to ${high}`, { low, high });
  }
  if (kind !== 'AUTH_ERROR') return new RpcError(kind, `the server answered ${kind}`);
  const authStat = reader.u32();
  return new RpcError(kind, `the server refused the credential: AUTH_ERROR ${authStat}`, { authStat });
}

function readAccepted<T>(reader: XdrReader, result: Codec<T>): T {
  reader.u32();
  reader.varBytes(AUTH_BODY_MAX);
  const status = acceptNames[reader.u32()];
  if (status === undefined) throw new XdrError('unknown accept_stat');
  if (status !== 'SUCCESS') throw refusal(status, reader);
  const value = result.read(reader);
  if (reader.remaining > 0) throw new XdrError('bytes are left over behind the result');
  return value;
}

/**
 * The result in a whole reply (RFC 5531 §9, `reply_body`). Byte strings alias it. Throws `RpcError`: the server's status, or BAD_REPLY.
 */
export function decodeReply<T>(reply: Buffer, result: Codec<T>): T {
  const reader = new XdrReader(reply);
  try {
    reader.u32();
    if (reader.u32() !== MessageType.REPLY) throw new XdrError('no reply');
    const status = reader.u32();
    if (status === ReplyStat.ACCEPTED) return readAccepted(reader, result);
    if (status !== ReplyStat.DENIED) throw new XdrError('unknown reply_stat');
    const cause = reader.u32();
    if (cause !== RejectStat.RPC_MISMATCH && cause !== RejectStat.AUTH_ERROR) throw new XdrError('unknown reject_stat');
    throw refusal(cause === RejectStat.AUTH_ERROR ? 'AUTH_ERROR' : 'RPC_MISMATCH', reader);
  } catch (error) {
    if (error instanceof XdrError) throw new RpcError('BAD_REPLY', `the reply cannot be read: ${error.message}`);
    throw error;
  }
}
