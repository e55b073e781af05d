import type { Logger } from '../../base/logger.ts';
import { nicknameTaken } from '../programs/node/hello.ts';
import { DeniedError } from '../programs/result.ts';
import { giver } from '../projection/plan.ts';
import { indexOf } from '../projection/queries.ts';
import { withMember } from '../projection/steps.ts';
import type { ProjectionStore } from '../projection/store.ts';
import { MEMBERS_MAX, type Member } from '../projection/types.ts';
import { hintNext } from './carrier.ts';
import { changeMap } from './change-map.ts';
import type { NetworkFigures } from './figures.ts';

/** What whoever may write maps works with when a volcano wants to join. */
export interface WelcomeParts {
  readonly register: ProjectionStore;
  readonly figures: NetworkFigures;
  readonly logger: Logger;
}

/**
 * Makes a newcomer a member, behind the volcano with the greatest load that has slices to spare. Who is one already stays what he is. `DeniedError` when it cannot
 * be, `BusyError` when it cannot be now, `ProjectionError` for what is no volcano.
 */
export async function welcome(
  { register, figures, logger }: WelcomeParts,
  newcomer: Omit<Member, 'state'>,
): Promise<void> {
  const { nickname } = newcomer;
  const written = await changeMap(
    register,
    (next) => register.write(next),
    (newest) => {
      if (indexOf(newest, newcomer.id) !== -1) return null;
      if (newest.volcanos.some((one) => one.nickname === nickname)) throw new DeniedError(nicknameTaken(nickname));
      if (newest.volcanos.length >= MEMBERS_MAX)
        throw new DeniedError(`the network has ${MEMBERS_MAX} volcanos, and there can be no more`);
      const behind = giver(newest, (index) => figures.of(newest.volcanos[index]!.id)?.load ?? 0);
      return withMember(newest, newcomer, behind);
    },
  );
  if (written === null) return;
  const { after } = written;
  hintNext(after, after.arbiter ?? '', (member) => void figures.tell(member));
  logger.info({ volcano: nickname, address: newcomer.addresses[0], epoch: after.epoch }, 'a volcano joins');
}
