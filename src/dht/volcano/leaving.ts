import { BusyError } from '../../flare/joint.ts';
import { DeniedError } from '../programs/result.ts';
import { indexOf } from '../projection/queries.ts';
import { leave, stay } from '../projection/steps.ts';
import type { MemberId } from '../projection/types.ts';
import type { FarewellParts } from './farewell.ts';

/** How often it is tried when others write maps at the same time. */
const TRIES_MAX = 16;

/**
 * Has a volcano leave, or stay after all: the plan gives what it has to others, or no longer. Harmless when it is so already, and when a volcano that is to leave is not there any more. `DeniedError`, or
 * `ProjectionError`, when that must not be; `BusyError` when it cannot be now.
 */
export async function setLeaving(
  { register, logger }: Pick<FarewellParts, 'register' | 'logger'>,
  id: MemberId,
  leaves: boolean,
): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const newest = await register.newest();
    if (newest === null) throw new BusyError();
    const member = indexOf(newest, id);
    const volcano = newest.volcanos[member];
    if (volcano === undefined) {
      if (leaves) return;
      throw new DeniedError('it has left already. Cure: start it with an empty data directory, as a new one');
    }
    const { nickname, state } = volcano;
    if (state === (leaves ? 'leaving' : 'serving')) return;
    if (leaves && id === newest.arbiter)
      throw new DeniedError(
        `${nickname} keeps the register of the maps. Cure: stop it, have another volcano keep it (magma takeover), start it again; then it can leave`,
      );
    const next = leaves ? leave(newest, member) : stay(newest, member);
    if ((await register.write(next)) === 'taken') continue;
    logger.warn(
      { volcano: nickname, epoch: next.epoch },
      leaves ? 'a volcano is to leave: others get what it has' : 'a volcano that was to leave stays',
    );
    return;
  }
  throw new BusyError();
}
