import { LOCK_END, LockKind, type LockMode, type LockRequest } from '../../../locks/types.ts';

/** A request for bytes, to the end of the file if no length is given. */
export function bytes(owner: string, mode: LockMode | 'none', start = 0, length?: number): LockRequest {
  const last = length === undefined ? LOCK_END : BigInt(start + length - 1);
  // The first letter is the machine, the rest the process there.
  const who = { holder: `host ${owner[0]}`, owner };
  return { kind: LockKind.bytes, ...who, mode, start: BigInt(start), last, pid: 7, leaseMs: 0 };
}

/** A request for the whole file, as flock(2) makes it. */
export function whole(owner: string, mode: LockMode | 'none'): LockRequest {
  return { ...bytes(owner, mode), kind: LockKind.whole };
}
