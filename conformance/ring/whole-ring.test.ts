import t from 'tap';
import { runWholeSeed } from './lib/run.ts';
import { soundSeed, soundSeeds } from './lib/seeds.ts';

/*
 * The promises of docs/ring-testing.md, held by whole volcanos on virtual time, 1 to 5 of them with 1 to 3 copies of everything, that join while clients work, die at any
 * step, and start again. `MAGMA_SEED=1234` begins with that seed.
 */

const LONG = process.env.MAGMA_LONG === '1';
const AMOUNT = LONG ? { min: 2500, enoughMs: 0, max: 2500 } : { min: 120, enoughMs: 60_000, max: 1000 };

t.test('a ring of whole volcanos keeps its promises', { timeout: LONG ? 7_200_000 : 280_000 }, (t) =>
  soundSeeds(t, AMOUNT, runWholeSeed),
);

/** Seeds that have failed, and what they found. */
const FAILED_ONCE: readonly (readonly [seed: number, what: string])[] = [
  [5052, 'a new owner held against the old one a record that it had had of it before it was filled anew'],
];

for (const [seed, what] of FAILED_ONCE) {
  t.test(`seed ${seed}: ${what}`, async (t) => {
    t.same((await soundSeed(t, seed, runWholeSeed)).faults, []);
  });
}

t.test('the same seed, the same run', async (t) => {
  for (const seed of [3, 14, 159]) {
    const { trace } = await runWholeSeed(seed);
    t.equal((await runWholeSeed(seed)).trace, trace, `seed ${seed}`);
  }
});
