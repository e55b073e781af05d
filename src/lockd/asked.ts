import { squash } from '../acl/squash.ts';
import { FlareError } from '../flare/errors.ts';
import { LockKind, type LockMode, type LockRequest } from '../flare/locks/types.ts';
import type { Caller, FlareId } from '../flare/types.ts';
import type { CallContext } from '../rpc/program.ts';
import { rangeOf } from './nlm/ranges.ts';
import type { WireLock } from './nlm/schema.ts';
import { holderOf, ownerOf } from './owners.ts';
import type { LockdParts } from './parts.ts';

/** Bytes of a handle of NFS version 2. */
const HANDLE_BYTES = 32;
/** As whom lock daemons ask, which are no users: rules decide, as for all of the client. */
const DAEMON = Object.freeze({ uid: 0, gid: 0, gids: Object.freeze([]) });

/** What a call means: a copy, which outlives the receive buffer. */
export interface Asked {
  readonly handle: Buffer;
  /** The client's name as it says it itself. */
  readonly name: string;
  readonly request: LockRequest;
}

/** Takes a lock out of the arguments. FBIG for what no file has, NOLCK for what nobody can be called. */
export function askedOf(lock: WireLock, mode: LockMode | 'none', call: CallContext): Asked {
  const range = rangeOf(lock.offset, lock.length);
  if (range === null) throw FlareError.of('FBIG');
  return { ...whoAsks(lock, call, { kind: LockKind.bytes, mode, ...range }) };
}

/** The same of who asks, for places of any kind. */
export function whoAsks(
  { caller, handle, owner, svid }: Pick<WireLock, 'caller' | 'handle' | 'owner' | 'svid'>,
  { client }: CallContext,
  what: Pick<LockRequest, 'kind' | 'mode' | 'start' | 'last'>,
): Asked {
  const name = caller.toString('latin1');
  const holder = holderOf(client.address, name);
  if (holder === null) throw FlareError.of('NOLCK');
  return {
    ...{ handle: Buffer.from(handle), name },
    request: { ...what, holder, owner: ownerOf(svid, owner), pid: svid, leaseMs: 0 },
  };
}

/** The flare that a handle names. STALE. */
export async function flareOf({ open }: Pick<LockdParts, 'open'>, handle: Buffer): Promise<FlareId> {
  if (handle.length !== HANDLE_BYTES) throw FlareError.of('STALE');
  const { key, generation } = await open(handle);
  return { key, generation };
}

/**
 * The flare that a handle names, and as whom the caller is served, when the rules let him in. STALE, ACCES. Who calls as uid 0 or as nobody is a lock daemon: whoever it asks for has opened
 * the file already.
 */
export async function enter(
  parts: Pick<LockdParts, 'open' | 'service' | 'gate'>,
  handle: Buffer,
  call: CallContext,
  replay?: string,
): Promise<{ readonly id: FlareId; readonly caller: Caller }> {
  const id = await flareOf(parts, handle);
  const { permission, options } = await parts.gate.access(call.client, await parts.service.glance(id));
  if (permission === 'n') throw FlareError.of('ACCES');
  const { credential } = call;
  const asDaemon = credential.flavor === 'none' || credential.uid === 0;
  const caller = asDaemon ? DAEMON : squash(credential, options);
  return { id, caller: replay === undefined ? caller : { ...caller, replay } };
}
