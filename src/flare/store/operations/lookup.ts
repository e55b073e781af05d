import { FlareError } from '../../errors.ts';
import { checkName } from '../../keys.ts';
import type { Attributes, Caller, FlareId, Name } from '../../types.ts';
import { need, SEARCH } from '../access.ts';
import type { Core } from '../core.ts';

/** `FlareService.lookup`. */
export function lookup(core: Core, caller: Caller, directory: FlareId, name: Name): Attributes {
  checkName(name);
  const { attributes } = core.state.directory(directory);
  need(caller, attributes, SEARCH);
  const entry = core.state.entry(directory.key, name);
  if (entry === null) throw FlareError.of('NOENT');
  return core.state.flare(entry.id).attributes;
}
