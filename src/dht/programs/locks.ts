import * as xdr from '@stellar/js-xdr';
import { FlareError } from '../../flare/errors.ts';
import {
  type HeldLock,
  HOLDER_MAX,
  LockKind,
  type LockMode,
  type LockRequest,
  OWNER_MAX,
} from '../../flare/locks/types.ts';
import type { FlareLock } from '../../flare/store/locks/keeper.ts';
import type { Value } from '../../rpc/xdr.ts';
import { FlareIdSchema, idFromWire, wireId, wireNumber } from './types.ts';

/*
 * What locks look like in XDR, and the way there and back. Offsets do not fit into the numbers of the rest.
 */

const OFFSET_BYTES = 8;
const OFFSET_END = 2n ** 64n;
const MODES = { none: 0, shared: 1, exclusive: 2 } as const;
const ModeSchema = xdr.enumType('LockMode', MODES);

export const HolderSchema = xdr.varOpaque(HOLDER_MAX);
const place = {
  kind: xdr.enumType('LockKind', LockKind),
  mode: ModeSchema,
  start: xdr.opaque(OFFSET_BYTES),
  last: xdr.opaque(OFFSET_BYTES),
  holder: HolderSchema,
  owner: xdr.varOpaque(OWNER_MAX),
  pid: xdr.uint32(),
};
export const HeldLockSchema = xdr.struct('HeldLock', place);
export const LockRequestSchema = xdr.struct('LockRequest', { ...place, leaseMs: xdr.uint32(), wait: xdr.bool() });

/** `LockKeeper.held`: the longest name of a place in the list, in bytes. */
export const LOCK_PLACE_MAX = 512;
export const FlareLockSchema = xdr.struct('FlareLock', {
  id: FlareIdSchema,
  fileid: xdr.uint32(),
  silentMs: xdr.uint64(),
  lock: HeldLockSchema,
});

type WireFlareLock = Value<typeof FlareLockSchema>;
type WireHeld = Value<typeof HeldLockSchema>;
type WireRequest = Value<typeof LockRequestSchema>;

function wireOffset(value: bigint): Buffer {
  if (value < 0n || value >= OFFSET_END) throw FlareError.of('INVAL');
  const bytes = Buffer.alloc(OFFSET_BYTES);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** Bytes of at most so many; INVAL for what the wire does not take. */
function wireText(text: string, max: number): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  if (text.length > max || bytes.toString('latin1') !== text) throw FlareError.of('INVAL');
  return bytes;
}

const modes = new Map<number, LockMode | 'none'>();
for (const [name, number] of Object.entries(MODES)) modes.set(number, name as LockMode | 'none');

export function wireHolder(holder: string): Buffer {
  return wireText(holder, HOLDER_MAX);
}

function wirePlace({ kind, mode, start, last, holder, owner, pid }: LockRequest | HeldLock): WireHeld {
  return {
    ...{ kind, mode: MODES[mode], start: wireOffset(start), last: wireOffset(last) },
    ...{ holder: wireHolder(holder), owner: wireText(owner, OWNER_MAX), pid: wireNumber(pid, 0xffff_ffff) },
  };
}

function placeFromWire({ kind, start, last, holder, owner, pid }: WireHeld): Omit<HeldLock, 'mode'> {
  return {
    ...{ kind, start: start.readBigUInt64BE(), last: last.readBigUInt64BE() },
    ...{ holder: holder.toString('latin1'), owner: owner.toString('latin1'), pid },
  };
}

export function wireLock(request: LockRequest): WireRequest {
  return { ...wirePlace(request), leaseMs: wireNumber(request.leaseMs, 0xffff_ffff), wait: request.wait ?? false };
}

export function lockFromWire(wire: WireRequest): LockRequest {
  return { ...placeFromWire(wire), mode: modes.get(wire.mode)!, leaseMs: wire.leaseMs, wait: wire.wait };
}

export function wireHeld(held: HeldLock): WireHeld {
  return wirePlace(held);
}

/** What nobody can hold is `exclusive`: a volcano that answers so is not understood, and nothing is taken from it. */
export function heldFromWire(wire: WireHeld): HeldLock {
  const mode = modes.get(wire.mode)!;
  return { ...placeFromWire(wire), mode: mode === 'none' ? 'exclusive' : mode };
}

export function wireFlareLock({ id, fileid, silentMs, lock }: FlareLock): WireFlareLock {
  return { id: wireId(id), fileid, silentMs: Math.round(silentMs), lock: wireHeld(lock) };
}

export function flareLockFromWire({ id, fileid, silentMs, lock }: WireFlareLock): FlareLock {
  return { id: idFromWire(id), fileid, silentMs, lock: heldFromWire(lock) };
}
