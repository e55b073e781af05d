import type { Random } from '../../src/base/random.ts';
import { seededRandom } from '../../src/base/random.ts';

/**
 * The seed of this run: MAGMA_SEED when set, to repeat a run, else a new one. A test prints it (`t.comment`) before it uses it.
 */
export function chooseSeed(): number {
  const given = process.env.MAGMA_SEED;
  if (given === undefined || given === '') return Math.floor(Math.random() * 0x7fffffff);
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0) throw new Error(`MAGMA_SEED=${given} is no whole number`);
  return seed;
}

/** A seed for this test, printed through `say`, and the chance that it determines. */
export function seeded(say: (line: string) => void): { seed: number; random: Random } {
  const seed = chooseSeed();
  say(`MAGMA_SEED=${seed} repeats this run`);
  return { seed, random: seededRandom(seed) };
}

/** True in `npm run test:long`, where counts are those of the promises and not those that fit into a few minutes. */
export const long = process.env.MAGMA_LONG !== undefined && process.env.MAGMA_LONG !== '';

/** Milliseconds that one test may take: below the runner's own limit for a file, so that what it started is still taken down. */
export const TEST_TIMEOUT = long ? 3_000_000 : 280_000;
