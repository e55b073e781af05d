import { DeniedError } from '../programs/result.ts';
import { indexOf, memberOf } from '../projection/queries.ts';
import { leave, stay } from '../projection/steps.ts';
import type { MemberId } from '../projection/types.ts';
import { changeMap } from './change-map.ts';
import type { FarewellParts } from './farewell.ts';

/**
 * Has a volcano leave, or stay after all: the plan gives what it has to others, or no longer. Harmless when it is so already, and when a volcano that is to leave is not there any more. `DeniedError`, or
 * `ProjectionError`, when that must not be; `BusyError` when it cannot be now.
 */
export async function setLeaving(
  { register, logger }: Pick<FarewellParts, 'register' | 'logger'>,
  id: MemberId,
  leaves: boolean,
): Promise<void> {
  const written = await changeMap(
    register,
    (next) => register.write(next),
    (newest) => {
      const member = indexOf(newest, id);
      const volcano = newest.volcanos[member];
      if (volcano === undefined) {
        if (leaves) return null;
        throw new DeniedError('it has left already. Cure: start it with an empty data directory, as a new one');
      }
      const { nickname, state } = volcano;
      if (state === (leaves ? 'leaving' : 'serving')) return null;
      if (leaves && id === newest.arbiter)
        throw new DeniedError(
          `${nickname} keeps the register of the maps. Cure: stop it, have another volcano keep it (magma takeover), start it again; then it can leave`,
        );
      return leaves ? leave(newest, member) : stay(newest, member);
    },
  );
  if (written === null) return;
  const { epoch } = written.after;
  logger.warn(
    { volcano: memberOf(written.after, id)?.nickname, epoch },
    leaves ? 'a volcano is to leave: others get what it has' : 'a volcano that was to leave stays',
  );
}
