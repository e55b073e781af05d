import { FlareError } from '../../errors.ts';
import { sliceOf } from '../../keys.ts';
import { afterRequest, sameRanges } from '../../locks/ranges.ts';
import { type LockRequest, RANGES_MAX } from '../../locks/types.ts';
import { OperationSchema } from '../../record/schema.ts';
import type { Attributes, Caller, FlareId } from '../../types.ts';
import type { Core } from '../core.ts';
import type { Notes } from '../notes.ts';
import { Transaction } from '../transaction.ts';
import { checkMayLock } from './checks.ts';
import { encodeLockNote, lockNoteName } from './lock-note.ts';

/** Locks that one record ends at most. */
const DROPPED_AT_ONCE = 32;

/** Thrown, and caught within the store, when a lock is in the way of a request that can wait for it. */
export class BlockedError extends Error {}

/** `LockService.lock`: takes the range or gives it back, if nothing is in the way. */
export function takeLock(
  core: Core,
  notes: Notes,
  caller: Caller,
  id: FlareId,
  request: LockRequest,
  mayWait: boolean,
): Attributes {
  const { state } = core;
  const { locks } = state;
  const { attributes } = state.flare(id);
  const { mode, start, last, holder, kind, pid, leaseMs } = request;
  state.seen = Math.max(state.seen, locks.lsnOf(id));
  if (mode !== 'none') {
    checkMayLock(caller, attributes);
    if (locks.inTheWay(id, request, { start, last, mode }) !== null)
      throw mayWait ? new BlockedError() : FlareError.of('AGAIN');
  }
  const own = locks.owned(request, id);
  const before = own?.ranges ?? [];
  const ranges = afterRequest(kind, before, request, mode);
  if (sameRanges(before, ranges)) return attributes;
  checkRoom(core, id, request, ranges.length, ranges.length - before.length);
  const slice = sliceOf(id.key);
  const transaction = new Transaction(core, OperationSchema.lock, caller, slice);
  transaction.mayUseReserve = mode === 'none';
  transaction.answer = attributes;
  const tenure = locks.tenure(id, holder) || transaction.number(id.key);
  const value = ranges.length === 0 ? null : encodeLockNote({ pid, leaseMs, tenure, ranges });
  notes.change(transaction, slice, lockNoteName(id, kind, request), value);
  transaction.commit(null);
  return attributes;
}

/** NOLCK when there would be too many. Giving back a part in the middle makes two of one: of that only an owner's own bound is counted. */
function checkRoom(
  { state: { locks }, limits }: Core,
  id: FlareId,
  { holder, mode }: LockRequest,
  all: number,
  more: number,
): void {
  if (all > RANGES_MAX) throw FlareError.of('NOLCK');
  if (mode === 'none' || more <= 0) return;
  if (locks.rangesOf(id) + more > limits.locksOfFlare) throw FlareError.of('NOLCK');
  if (locks.rangesBy(holder) + more > limits.locksOfHolder) throw FlareError.of('NOLCK');
  if (locks.rangesOfMachine(holder) + more > limits.locksOfMachine) throw FlareError.of('NOLCK');
}

/** Ends what a holder has locked of a flare, whether the flare lives or not. IO. */
export function dropLocks(core: Core, notes: Notes, id: FlareId, holder: string): void {
  const slice = sliceOf(id.key);
  const names = core.state.locks.names(id, holder);
  for (let at = 0; at < names.length; at += DROPPED_AT_ONCE) {
    const transaction = new Transaction(core, OperationSchema.lock, null, slice);
    transaction.mayUseReserve = true;
    for (const name of names.slice(at, at + DROPPED_AT_ONCE)) notes.change(transaction, slice, name, null);
    transaction.commit(null);
  }
}
