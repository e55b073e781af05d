import { BusyError } from '../../flare/joint.ts';
import { DeniedError } from '../programs/result.ts';
import { indexOf, memberOf, slicesOf } from '../projection/queries.ts';
import { bringUp } from '../projection/steps.ts';
import type { MemberId, Projection, SliceRange } from '../projection/types.ts';
import { changeMap } from './change-map.ts';
import { type FarewellParts, lives } from './farewell.ts';

/** Slices that are given up, and who is to have them. */
export interface GivenUp extends SliceRange {
  readonly to: MemberId;
}

/**
 * Has a volcano serve what it has, or has not, of slices whose every copy in sync is on volcanos that do not answer: what only they have is lost. For whoever has the operator's word. `DeniedError` when one of them answers, or the
 * map would not be sound.
 */
export async function giveUp(parts: FarewellParts, { to, ...range }: GivenUp): Promise<void> {
  const { self, register, logger } = parts;
  const force = (next: Projection): Promise<'written' | 'taken'> => {
    if (register.force === undefined) throw new BusyError();
    return register.force(next);
  };
  const written = await changeMap(register, force, async (newest) => {
    const holders = new Set<number>();
    const next = bringUp(newest, range, indexOf(newest, to));
    for (const slice of slicesOf(newest, range))
      for (const member of [newest.map[slice]!.primary, ...newest.map[slice]!.inSync]) holders.add(member);
    const there = await Promise.all(
      [...holders].map(async (member) => {
        const { id, nickname } = newest.volcanos[member]!;
        return id === self || (await lives(parts, id)) ? [nickname] : [];
      }),
    );
    const [nickname] = there.flat();
    if (nickname !== undefined)
      throw new DeniedError(`${nickname} has these slices, and answers: nothing is given up. See magma ring`);
    return next;
  });
  if (written === null) return;
  const { after } = written;
  logger.error(
    { volcano: memberOf(after, to)?.nickname, ...range, epoch: after.epoch },
    'slices were given up: an operator has an older copy of them served',
  );
}
