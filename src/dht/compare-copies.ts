import { BusyError } from '../flare/joint.ts';
import type { SliceDigest } from './programs/node/handlers.ts';
import type { Member, Projection } from './projection/types.ts';

/** How often a slice is asked for again that changes meanwhile. */
const TRIES = 20;

/** Asks a volcano what it holds of a slice. */
export type AskDigest = (member: Member, slice: number) => Promise<SliceDigest>;

function isSame(one: SliceDigest, other: SliceDigest): boolean {
  return one.number === other.number && one.epoch === other.epoch;
}

/**
 * What a slice's mirrors in sync have that the primary has not, or the other way round: a sentence for each mirror; null when it changed all the time. Rejects when a volcano does not
 * answer.
 */
export async function compareCopies(
  { map, volcanos }: Pick<Projection, 'map' | 'volcanos'>,
  slice: number,
  digest: AskDigest,
): Promise<string[] | null> {
  const { primary, inSync: mirrors } = map[slice]!;
  const of = (member: number): Promise<SliceDigest> => digest(volcanos[member]!, slice);
  for (let tries = 0; tries < TRIES; tries++) {
    try {
      const [mine, ...theirs] = await Promise.all([primary, ...mirrors].map(of));
      if (!theirs.every((one) => isSame(one, mine!))) continue;
      const wrong = mirrors.filter((_, at) => !theirs[at]!.digest.equals(mine!.digest));
      return wrong.map(
        (member) =>
          `slice ${slice}: ${volcanos[member]!.nickname}, a mirror of ${volcanos[primary]!.nickname}, does not have the same`,
      );
    } catch (error) {
      if (!(error instanceof BusyError)) throw error;
    }
  }
  return null;
}
