import { FlareError } from '../../flare/errors.ts';
import type { Step } from '../../flare/joint.ts';
import { checkName } from '../../flare/keys.ts';
import { need, WRITE } from '../../flare/store/access.ts';
import { type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { directoryOf, named } from './names.ts';
import { coordinate } from './operation.ts';
import type { Ring } from './ring.ts';

/** `FlareService.link` into a directory of this volcano, of a flare that lies elsewhere. */
export async function link(ring: Ring, caller: Caller, id: FlareId, directory: FlareId, name: Name): Promise<void> {
  checkName(name);
  const flare = await ring.tree.getattr(id);
  const parent = await directoryOf(ring, directory);
  if (flare.type === FlareType.directory) throw FlareError.of('PERM');
  if ((await ring.store.entry(caller, directory, name)) !== null) {
    // Who made the name may have seen the flare go before: that is there still, or the answer is that it is not.
    await ring.tree.getattr(id);
    throw FlareError.of('EXIST');
  }
  need(caller, parent, WRITE);
  const addName: Step = { kind: 'addName', directory: parent, name, target: named(flare), replaces: null };
  await coordinate(ring, {
    caller,
    held: [addName],
    views: [],
    prepared: [{ kind: 'name', flare: id, directory: parent }],
    finish: () => ({ steps: [addName], answer: null }),
  });
}
