import type { Random } from '../random.ts';
import { seededRandom } from '../random.ts';

/** True in `npm run test:long`, where counts are those of the promises and not those that fit into a few minutes. */
export const LONG = process.env.MAGMA_LONG !== undefined && process.env.MAGMA_LONG !== '';

/** The seed of a run that names none. */
const FIXED = 20_261_121;

/**
 * The seed of this run: MAGMA_SEED when set, to repeat a run; a new one in the long form; else always the same one (`fixed`), so that a run of all tests tells what a change broke and not what one seed
 * in thousands finds. A test prints it before it uses it.
 *
 * @throws Error when MAGMA_SEED is no whole number
 */
export function chooseSeed(fixed = FIXED): number {
  const given = process.env.MAGMA_SEED;
  if (given === undefined || given === '') return LONG ? Math.floor(Math.random() * 0x7fffffff) : fixed;
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
