import t from 'tap';
import { MUTATIONS } from './lib/mutations.ts';
import { runSeed } from './lib/run.ts';

/*
 * A simulator that finds nothing may be blind. Each of these breaks one promise on purpose; the simulator must see it, within so many
 * seeds, the same ones each time.
 */

/** Seeds within which each must be found. */
const SEEDS_MAX = 100;

for (const { name, breaks, mix } of MUTATIONS) {
  t.test(`found: ${name}`, { timeout: 290_000 }, async (t) => {
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const { faults } = await runSeed(seed, breaks, mix ?? null);
      if (faults.length === 0) continue;
      t.comment(`seed ${seed}: ${faults[0]?.split('\n')[0]}`);
      t.pass(`found by seed ${seed}`);
      return;
    }
    t.fail(`not found by ${SEEDS_MAX} seeds`);
  });
}
