import type { Random } from '../../src/base/random.ts';
import { hops } from '../../src/dht/projection/queries.ts';
import type { Projection } from '../../src/dht/projection/types.ts';

/** Calls, and how many flares, each anywhere, they are about. */
export const CALLS = [
  { name: 'GETATTR, READ, WRITE, READDIR', flares: 1 },
  { name: 'LOOKUP, CREATE, REMOVE, MKDIR', flares: 2 },
  { name: 'RENAME to another directory', flares: 3 },
  { name: 'the same over a file that is there', flares: 4 },
] as const;

/** How many other volcanos are called for one call about so many flares that lie anywhere, through any volcano: the mean of `draws`. */
export function meanHops(projection: Projection, flares: number, draws: number, random: Random): number {
  let sum = 0;
  for (let drawn = 0; drawn < draws; drawn++) {
    const slices = Array.from({ length: flares }, () => random.below(projection.slices));
    sum += hops(projection, random.below(projection.volcanos.length), slices);
  }
  return sum / draws;
}
