import { FlareError } from '../../errors.ts';
import { checkName, sliceOf } from '../../keys.ts';
import { OperationSchema } from '../../record/schema.ts';
import { type Attributes, type Birth, type Caller, type FlareId, FlareType, type Name } from '../../types.ts';
import { need, SEARCH, WRITE } from '../access.ts';
import type { Core } from '../core.ts';
import { nameIt, touchDirectory } from '../names.ts';
import { Transaction } from '../transaction.ts';
import { checkBirth, isDevice, newborn } from './newborn.ts';
import { setattr } from './setattr.ts';

/** `FlareService.create`. */
export function create(
  core: Core,
  caller: Caller,
  directory: FlareId,
  name: Name,
  birth: Birth,
  existing: 'refuse' | 'open' | undefined,
): Attributes {
  checkName(name);
  checkBirth(birth);
  const parent = core.state.directory(directory);
  need(caller, parent.attributes, SEARCH);
  const taken = core.state.entry(directory.key, name);
  if (taken !== null) {
    const { attributes } = core.state.flare(taken.id);
    if (existing !== 'open' || attributes.type === FlareType.directory) throw FlareError.of('EXIST');
    if (attributes.type !== FlareType.file || birth.size === undefined) return attributes;
    return setattr(core, caller, attributes, { size: birth.size }, undefined);
  }
  need(caller, parent.attributes, WRITE);
  if (caller.uid !== 0 && isDevice(birth.type)) throw FlareError.of('PERM');
  if (parent.entries >= core.limits.entriesMax) throw FlareError.of('NOSPC');

  const transaction = new Transaction(core, OperationSchema.create, caller, sliceOf(directory.key));
  const free = core.state.freeKey(directory.key, name);
  const born = newborn(transaction, caller, parent.attributes, free, birth);
  transaction.birth(born);
  const counters = nameIt(core, transaction, parent.attributes, name, born.attributes, null);
  const directories = birth.type === FlareType.directory ? 1 : 0;
  touchDirectory(transaction, parent.attributes, { entries: 1, directories }, counters);
  return transaction.commit(born.attributes.key)!;
}
