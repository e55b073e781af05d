import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { BusyError } from '../../flare/joint.ts';
import type { Peers } from '../peers.ts';
import { DeniedError } from '../programs/result.ts';
import { indexOf, memberOf } from '../projection/queries.ts';
import { holdsAnything, withoutMember } from '../projection/steps.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import { changeMap } from './change-map.ts';

/** How long a volcano that is said to be dead is given to answer, in milliseconds. */
export const LAST_CALL_MS = 3_000;

/** What whoever may write maps works with when a volcano is to be none of the network any more. */
export interface FarewellParts {
  readonly self: MemberId;
  readonly register: ProjectionStore;
  readonly peers: Pick<Peers, 'peer'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Whether that is answered within `LAST_CALL_MS`. */
export async function answers({ clock }: Pick<FarewellParts, 'clock'>, ask: () => Promise<unknown>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = clock.after(LAST_CALL_MS, () => resolve(false));
  try {
    return await Promise.race([ask().then(() => true), promise]);
  } catch {
    return false;
  } finally {
    timer.cancel();
  }
}

/** Whether that volcano answers anything at all. */
export async function lives(parts: Pick<FarewellParts, 'peers' | 'clock'>, id: MemberId): Promise<boolean> {
  return answers(parts, async () => parts.peers.peer(id).node.known());
}

/** Why a volcano that does not answer cannot go from that map; `BusyError` when others see to it. */
function checkHolds(projection: Projection, member: number): void {
  if (!holdsAnything(projection, member)) return;
  const { nickname } = projection.volcanos[member]!;
  const only = projection.map.filter(({ primary, inSync }) => primary === member && inSync.length === 0).length;
  // What others have in sync they take over, and whom it mirrors does without it.
  if (only === 0) throw new BusyError();
  throw new DeniedError(
    `${only} slices are in sync on ${nickname} alone: without it what is in them is lost. Cure: mend it and start it again; or give them up (magma takeover --accept-loss)`,
  );
}

/**
 * Takes a volcano out of the map that is away for good: it holds nothing there any more, and does not answer. Harmless when it is not there. `DeniedError` when it must not be, `BusyError` when it
 * cannot be yet.
 */
export async function farewell(parts: FarewellParts, id: MemberId): Promise<void> {
  const { self, register, logger } = parts;
  const written = await changeMap(
    register,
    (next) => register.write(next),
    async (newest) => {
      const member = indexOf(newest, id);
      if (member === -1) return null;
      const { nickname } = newest.volcanos[member]!;
      if (id === newest.arbiter)
        throw new DeniedError(
          `${nickname} keeps the register of the maps. Cure: have another volcano keep it first (magma takeover)`,
        );
      if (id === self || (await lives(parts, id)))
        throw new DeniedError(`${nickname} answers: it is not dead. Cure: stop it first, if it is to go for good`);
      checkHolds(newest, member);
      return withoutMember(newest, member);
    },
  );
  if (written === null) return;
  const { before, after } = written;
  logger.warn(
    { volcano: memberOf(before, id)?.nickname, epoch: after.epoch },
    'a volcano was declared dead: it is none of the network any more',
  );
}
