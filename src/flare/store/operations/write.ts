import { sliceOf } from '../../keys.ts';
import { OperationSchema } from '../../record/schema.ts';
import type { Attributes, Caller, FlareId } from '../../types.ts';
import { checkIsFile, checkRange, checkVersion, need, owns, WRITE } from '../access.ts';
import type { Core } from '../core.ts';
import { WRITE_MAX } from '../limits.ts';
import { Transaction } from '../transaction.ts';

/** `FlareService.write`. Throws RangeError above `WRITE_MAX`. */
export function write(
  core: Core,
  caller: Caller,
  id: FlareId,
  offset: number,
  data: Uint8Array,
  version: number | undefined,
): Attributes {
  if (data.length > WRITE_MAX) throw new RangeError(`a write of ${data.length} bytes; the most is ${WRITE_MAX}`);
  checkRange(offset, data.length);
  const flare = core.state.flare(id);
  const before = flare.attributes;
  checkVersion(flare, version);
  checkIsFile(before);
  if (!owns(caller, before)) need(caller, before, WRITE);
  if (data.length === 0) return before;
  const transaction = new Transaction(core, OperationSchema.write, caller, sliceOf(id.key));
  const added = transaction.data(before, offset, data);
  const mtime = transaction.moment(flare);
  transaction.change(flare, {
    mode: caller.uid === 0 ? before.mode : before.mode & ~0o6000,
    size: Math.max(before.size, offset + data.length),
    used: before.used + added,
    mtime,
    ctime: mtime,
  });
  return transaction.commit(id.key)!;
}
