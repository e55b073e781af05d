import { FlareError } from '../../errors.ts';
import { checkName, sliceOf } from '../../keys.ts';
import type { Flare } from '../../record/pack.ts';
import { OperationSchema } from '../../record/schema.ts';
import { type Caller, type FlareId, FlareType, type Name } from '../../types.ts';
import { checkSticky, need, SEARCH, WRITE } from '../access.ts';
import type { Core } from '../core.ts';
import { touchDirectory, unname } from '../names.ts';
import { Transaction } from '../transaction.ts';

/** The flare of a name that the caller may take away from that directory: ACCES, NOENT, PERM. */
export function toTakeAway(core: Core, caller: Caller, parent: Flare, name: Name): Flare {
  need(caller, parent.attributes, SEARCH);
  const entry = core.state.entry(parent.attributes.key, name);
  if (entry === null) throw FlareError.of('NOENT');
  need(caller, parent.attributes, WRITE);
  const flare = core.state.flare(entry.id);
  checkSticky(caller, parent.attributes, flare.attributes);
  return flare;
}

/** `FlareService.remove`. */
export function remove(core: Core, caller: Caller, directory: FlareId, name: Name): void {
  checkName(name);
  const parent = core.state.directory(directory);
  const flare = toTakeAway(core, caller, parent, name);
  if (flare.attributes.type === FlareType.directory) throw FlareError.of('ISDIR');
  const transaction = new Transaction(core, OperationSchema.remove, caller, sliceOf(directory.key));
  transaction.mayUseReserve = true;
  transaction.entry(parent.attributes, name, null);
  unname(core, transaction, flare, parent.attributes);
  touchDirectory(transaction, parent.attributes, { entries: -1, directories: 0 });
  transaction.commit(null);
}

/** `FlareService.rmdir`. */
export function rmdir(core: Core, caller: Caller, directory: FlareId, name: Name): void {
  checkName(name);
  const parent = core.state.directory(directory);
  const flare = toTakeAway(core, caller, parent, name);
  if (flare.attributes.type !== FlareType.directory) throw FlareError.of('NOTDIR');
  if (flare.entries > 0) throw FlareError.of('NOTEMPTY');
  const transaction = new Transaction(core, OperationSchema.rmdir, caller, sliceOf(directory.key));
  transaction.mayUseReserve = true;
  transaction.entry(parent.attributes, name, null);
  transaction.end(flare);
  touchDirectory(transaction, parent.attributes, { entries: -1, directories: -1 });
  transaction.commit(null);
}
