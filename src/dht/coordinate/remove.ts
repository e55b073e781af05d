import { FlareError } from '../../flare/errors.ts';
import type { Step } from '../../flare/joint.ts';
import { checkName } from '../../flare/keys.ts';
import { type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { named, toTakeAway, viewOf } from './names.ts';
import { coordinate } from './operation.ts';
import type { Ring } from './ring.ts';

/** `FlareService.remove` in a directory of this volcano, of a flare that lies elsewhere. */
export async function remove(ring: Ring, caller: Caller, directory: FlareId, name: Name): Promise<void> {
  checkName(name);
  const { parent, flare } = await toTakeAway(ring, caller, directory, name);
  if (flare.type === FlareType.directory) throw FlareError.of('ISDIR');
  const dropName: Step = { kind: 'dropName', directory: parent, name, target: named(flare) };
  await coordinate(ring, {
    caller,
    held: [dropName],
    views: [viewOf(parent)],
    prepared: [{ kind: 'unname', flare, directory: viewOf(parent) }],
    finish: () => ({ steps: [dropName], answer: null }),
  });
}

/** `FlareService.rmdir` likewise. */
export async function rmdir(ring: Ring, caller: Caller, directory: FlareId, name: Name): Promise<void> {
  checkName(name);
  const { parent, flare } = await toTakeAway(ring, caller, directory, name);
  if (flare.type !== FlareType.directory) throw FlareError.of('NOTDIR');
  const dropName: Step = { kind: 'dropName', directory: parent, name, target: named(flare) };
  await coordinate(ring, {
    caller,
    held: [dropName],
    views: [viewOf(parent)],
    prepared: [{ kind: 'end', flare, directory: viewOf(parent) }],
    finish: () => ({ steps: [dropName], answer: null }),
  });
}
