import { FlareError } from '../../errors.ts';
import {
  HOLDER_MAX,
  LEASE_MAX_MS,
  LEASE_MIN_MS,
  LOCK_END,
  LockKind,
  type LockRequest,
  OWNER_MAX,
  SHARE_LAST,
} from '../../locks/types.ts';
import type { Attributes, Caller } from '../../types.ts';
import { checkIsFile, need, owns, READ, WRITE } from '../access.ts';

function isText(text: string, max: number): boolean {
  if (text.length === 0 || text.length > max) return false;
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false;
  return true;
}

function isShare(start: bigint, last: bigint, mode: LockRequest['mode']): boolean {
  return start === last && start <= SHARE_LAST && mode !== 'exclusive';
}

/** INVAL for what no lock can be. */
export function checkRequest({ kind, mode, holder, owner, start, last, pid, leaseMs }: LockRequest): void {
  const isRange = start >= 0n && start <= last && last <= LOCK_END;
  const isKind =
    kind === LockKind.share
      ? isShare(start, last, mode)
      : kind === LockKind.bytes || (start === 0n && last === LOCK_END);
  const isLease = leaseMs === 0 || (Number.isInteger(leaseMs) && leaseMs >= LEASE_MIN_MS && leaseMs <= LEASE_MAX_MS);
  const isPid = Number.isInteger(pid) && pid >= 0 && pid <= 0xffff_ffff;
  if (!isRange || !isKind || !isLease || !isPid || !isText(holder, HOLDER_MAX) || !isText(owner, OWNER_MAX))
    throw FlareError.of('INVAL');
}

/** ISDIR, INVAL for what is no file; ACCES for who may neither read nor write it. */
export function checkMayLock(caller: Caller, attributes: Attributes): void {
  checkIsFile(attributes);
  if (!owns(caller, attributes)) need(caller, attributes, READ | WRITE);
}
