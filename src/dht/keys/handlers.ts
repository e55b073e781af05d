import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { BusyError } from '../../flare/joint.ts';
import type { NodeHandlers } from '../programs/node/handlers.ts';
import { DeniedError } from '../programs/result.ts';
import type { NetworkNotes } from '../volcano/network-notes.ts';
import { type KeyChain, networkKeyFrom, wireKey } from './chain.ts';
import type { Doorman } from './doorman.ts';
import type { KeyKeeper } from './keeper.ts';
import { planOf, samePlan, setPlan } from './plan.ts';
import { revoke, revokedNames } from './revoked.ts';

/** So long after it has made a plan a volcano follows it, in milliseconds. */
const FOLLOWED_MS = 100;

/** What these handlers work with. */
export interface KeyHandlersParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly notes: NetworkNotes;
  readonly doorman: Doorman;
  readonly chain: KeyChain;
  readonly keeper: KeyKeeper;
  /** Does what is done elsewhere: what is in the way is to be asked again, what is not legal is denied. */
  readonly passedOn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** What this volcano does about keys when another one, or the operator's tool, calls. */
export function keyHandlers(
  parts: KeyHandlersParts,
): Pick<NodeHandlers, 'keys' | 'takeKey' | 'giveKey' | 'planKeys' | 'revoke'> {
  const { clock, logger, notes, doorman, chain, keeper, passedOn } = parts;
  /** By what was so some seconds ago one step could be done twice, or one that was done be undone. */
  const anew = async (): Promise<void> => {
    if (!(await notes.refresh())) throw new BusyError();
  };
  return {
    async keys() {
      const fresh = await notes.refresh();
      await keeper.settle();
      return {
        ...{ fresh, keyId: chain.dialed[0]!.secrets.keyId, has: chain.ids, plan: chain.plan },
        ...{ revoked: revokedNames(notes), users: doorman.users.list() },
      };
    },
    async takeKey(wire) {
      const key = networkKeyFrom(wire, chain.dialed[0]!.secrets.networkId);
      await chain.take(key);
      logger.info({ key: key.secrets.keyId }, 'this volcano was given another key of the network, for later');
    },
    giveKey(keyId) {
      const key = chain.accepts(keyId) ? chain.find(keyId) : null;
      return key === null ? null : wireKey(key);
    },
    planKeys: (plan) =>
      passedOn(async () => {
        await anew();
        const before = planOf(notes, chain.networkId);
        // Whoever asks again has not heard that it was done.
        if (before !== null && samePlan(before, plan)) return;
        if (plan.number !== (before?.number ?? 0) + 1)
          throw new DeniedError("another step of a change of the network's key was made meanwhile: ask again");
        await setPlan(notes, chain.networkId, plan);
        // Not before the answer has left: the caller's own connection may be one of those that end.
        clock.after(FOLLOWED_MS, () => void keeper.settle());
      }),
    revoke: (name) =>
      passedOn(async () => {
        await anew();
        const revoked = await revoke(notes, name, clock);
        logger.warn(
          { client: revoked.name, number: revoked.number },
          "a client's key was revoked: no volcano lets it in any more",
        );
        return revoked;
      }),
  };
}
