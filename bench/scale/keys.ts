import type { Random } from '../../src/base/random.ts';
import { sliceOfKey } from '../../src/dht/projection/queries.ts';
import { keyOf, ROOT_KEY } from '../../src/flare/keys.ts';

/** Files in each directory whose keys are hashed. */
const NAMES = 1000;
const FRACTION = 2 ** 48;

/** A number of chance with the standard normal law. */
export function normal(random: Random): number {
  const radius = Math.sqrt(-2 * Math.log((random.below(FRACTION) + 1) / FRACTION));
  return radius * Math.cos((2 * Math.PI * random.below(FRACTION)) / FRACTION);
}

/**
 * How many of so many keys lie in each slice, when each key lies anywhere: the multinomial law, slice by slice, each binomial by its normal approximation (so for many keys in a slice
 * only). The sum is exact.
 */
export function drawCounts(keys: number, slices: number, random: Random): number[] {
  let left = keys;
  return Array.from({ length: slices }, (_, at) => {
    const share = 1 / (slices - at);
    const drawn = left * share + Math.sqrt(left * share * (1 - share)) * normal(random);
    const count = at === slices - 1 ? left : Math.min(left, Math.max(0, Math.round(drawn)));
    left -= count;
    return count;
  });
}

/** The same, counted: keys of that many files in directories of `NAMES` each, hashed as they are when files are made. */
export function hashedCounts(keys: number, slices: number): number[] {
  const counts = new Array<number>(slices).fill(0);
  let directory = ROOT_KEY;
  for (let number = 0; number < keys; number++) {
    if (number % NAMES === 0) directory = keyOf(ROOT_KEY, `directory ${number / NAMES}`);
    counts[sliceOfKey({ slices }, keyOf(directory, `file${number % NAMES}.c`))]! += 1;
  }
  return counts;
}

/** How far counts are from equal ones, in standard deviations of chi-square: above 4 or so they are not of that law. */
export function unevenness(counts: readonly number[]): number {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  const chiSquare = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
  const freedom = counts.length - 1;
  return (chiSquare - freedom) / Math.sqrt(2 * freedom);
}
