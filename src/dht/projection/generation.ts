import type { Random } from '../../base/random.ts';
import { indexOf } from './queries.ts';
import { type MemberId, type Projection, ProjectionError } from './types.ts';
import { validate } from './validate.ts';

/*
 * A register that a volcano keeps may be moved to another one by an operator, while the volcano that kept it is away. The epochs of the new one begin so far above those of the old one that this can
 * never come to them: whoever hears of one knows that the old register is none any more.
 */

/** So many epochs a register has; the first of all has the lowest. */
export const GENERATION = 2 ** 32;
/** The most registers that a network may have had: epochs are safe integers. */
export const GENERATIONS_MAX = 2 ** 20;

/** The how manieth register an epoch is of, from 0. */
export function generationOf(epoch: number): number {
  return Math.floor(epoch / GENERATION);
}

/** The first epoch of the next register, after all of the one of that epoch. Its place in the generation is chance: of two that were begun by mistake one is above the other for good. */
export function nextGeneration(epoch: number, random: Random): number {
  const generation = generationOf(epoch) + 1;
  if (generation >= GENERATIONS_MAX) throw new RangeError(`${GENERATIONS_MAX} registers are the most`);
  return generation * GENERATION + random.below(GENERATION / 2);
}

/** The map with which a register begins at another volcano: nothing else changes. Throws `ProjectionError`. */
export function movedRegister(before: Projection, to: MemberId, epoch: number): Projection {
  if (before.arbiter === null) throw new ProjectionError('no volcano keeps the register of that network');
  const member = before.volcanos[indexOf(before, to)];
  if (member?.state !== 'serving') throw new ProjectionError('who is to keep the register does not serve');
  if (generationOf(epoch) <= generationOf(before.epoch))
    throw new ProjectionError(`epoch ${epoch} is none of a later register than epoch ${before.epoch}`);
  const after = { ...before, arbiter: to, epoch };
  validate(after);
  return after;
}

/** The volcanos, other than the one that keeps the register, that hold in sync what the map names: those that a takeover is agreed with, and that the old keeper asks when it is back. */
export function electors({ volcanos, map, arbiter }: Projection): MemberId[] {
  const found = new Set<number>();
  for (const { primary, inSync } of map) {
    found.add(primary);
    for (const member of inSync) found.add(member);
  }
  return [...found].map((index) => volcanos[index]!.id).filter((id) => id !== arbiter);
}

/** Of the volcanos that answer, those that know a map, as they say themselves. Who has just joined and knows none can agree to nothing, and is no elector: it is not waited for. */
export function informed(living: ReadonlyMap<MemberId, { readonly epoch: number }>): MemberId[] {
  return [...living].filter(([, { epoch }]) => epoch > 0).map(([id]) => id);
}

/** Whether enough of those that would know of a newer map are among `agreeing` for the register to be moved to `to`. */
export function mayMove(projection: Projection, agreeing: readonly MemberId[], to: MemberId): boolean {
  const all = electors(projection);
  const needed = to === projection.arbiter ? witnessesOf(all.length) : quorumOf(all.length);
  return all.length === 0 || all.filter((id) => agreeing.includes(id)).length >= needed;
}

/** How many of so many electors must agree to a takeover: more than half. */
export function quorumOf(count: number): number {
  return Math.floor(count / 2) + 1;
}

/** How many of them the old keeper must hear: one at least is among any quorum. */
export function witnessesOf(count: number): number {
  return count === 0 ? 0 : count - quorumOf(count) + 1;
}
