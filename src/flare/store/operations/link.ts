import { FlareError } from '../../errors.ts';
import { checkName, sliceOf } from '../../keys.ts';
import { OperationSchema } from '../../record/schema.ts';
import { type Caller, type FlareId, FlareType, type Name } from '../../types.ts';
import { need, SEARCH, WRITE } from '../access.ts';
import type { Core } from '../core.ts';
import { moveName, nameIt, touchDirectory } from '../names.ts';
import { Transaction } from '../transaction.ts';

/** `FlareService.link`. */
export function link(core: Core, caller: Caller, id: FlareId, directory: FlareId, name: Name): void {
  checkName(name);
  const flare = core.state.flare(id);
  const parent = core.state.directory(directory);
  if (flare.attributes.type === FlareType.directory) throw FlareError.of('PERM');
  need(caller, parent.attributes, SEARCH);
  if (core.state.entry(directory.key, name) !== null) throw FlareError.of('EXIST');
  need(caller, parent.attributes, WRITE);
  if (flare.attributes.nlink >= core.limits.linkMax) throw FlareError.of('MLINK');
  if (parent.entries >= core.limits.entriesMax) throw FlareError.of('NOSPC');
  const transaction = new Transaction(core, OperationSchema.link, caller, sliceOf(directory.key));
  const counters = nameIt(core, transaction, parent.attributes, name, flare.attributes, null);
  transaction.change(flare, moveName(core, transaction, flare, null, parent.attributes));
  touchDirectory(transaction, parent.attributes, { entries: 1, directories: 0 }, counters);
  transaction.commit(null);
}
