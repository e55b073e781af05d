import { FlareError } from '../../errors.ts';
import { sliceOf } from '../../keys.ts';
import { OperationSchema } from '../../record/schema.ts';
import type { AttributeChanges, Attributes, Caller, FlareId } from '../../types.ts';
import { FlareType } from '../../types.ts';
import { checkAttributes, checkIsFile, checkRange, checkVersion, inGroup, need, owns, WRITE } from '../access.ts';
import type { Core } from '../core.ts';
import { Transaction } from '../transaction.ts';

function checkMayChange(caller: Caller, before: Attributes, changes: AttributeChanges): void {
  const { mode, uid, gid, size, atime, mtime } = changes;
  if (changes.share !== undefined && caller.uid !== 0) throw FlareError.of('PERM');
  if (owns(caller, before)) {
    if (caller.uid === 0) return;
    if (uid !== undefined && uid !== before.uid) throw FlareError.of('PERM');
    if (gid !== undefined && gid !== before.gid && !inGroup(caller, gid)) throw FlareError.of('PERM');
    return;
  }
  const setsTime = (atime !== undefined && atime !== 'now') || (mtime !== undefined && mtime !== 'now');
  if (mode !== undefined || uid !== undefined || gid !== undefined || setsTime) throw FlareError.of('PERM');
  if (size !== undefined || atime !== undefined || mtime !== undefined) need(caller, before, WRITE);
}

function modeAfter(caller: Caller, before: Attributes, { mode, uid, gid, size }: AttributeChanges): number {
  const after = (mode ?? before.mode) & 0o7777;
  if (caller.uid === 0 || before.type === FlareType.directory) return after;
  if (uid !== undefined || gid !== undefined || size !== undefined) return after & ~0o6000;
  return mode !== undefined && !inGroup(caller, before.gid) ? after & ~0o2000 : after;
}

/** `FlareService.setattr`. */
export function setattr(
  core: Core,
  caller: Caller,
  id: FlareId,
  changes: AttributeChanges,
  version: number | undefined,
): Attributes {
  checkAttributes(changes);
  const { size, uid, gid, atime, mtime } = changes;
  if (size !== undefined) checkRange(size, 0);
  const flare = core.state.flare(id);
  const before = flare.attributes;
  checkVersion(flare, version);
  if (size !== undefined) checkIsFile(before);
  checkMayChange(caller, before, changes);
  if (Object.values(changes).every((change) => change === undefined)) return before;
  // Who may change a directory's names must not change while an operation of somebody who might is under way.
  if ([changes.mode, uid, gid, changes.share].some((change) => change !== undefined))
    core.state.holds.meetStays(id.key);

  const transaction = new Transaction(core, OperationSchema.setattr, caller, sliceOf(id.key));
  const now = transaction.moment(flare);
  let { used } = before;
  if (size !== undefined && size < before.size) {
    used -= transaction.cut(flare, size);
    transaction.mayUseReserve = true;
  }
  transaction.change(flare, {
    mode: modeAfter(caller, before, changes),
    uid: uid ?? before.uid,
    gid: gid ?? before.gid,
    share: changes.share ?? before.share,
    size: size ?? before.size,
    used,
    atime: atime === 'now' ? now : (atime ?? before.atime),
    mtime: mtime === 'now' || (mtime === undefined && size !== undefined) ? now : (mtime ?? before.mtime),
  });
  return transaction.commit(id.key)!;
}
