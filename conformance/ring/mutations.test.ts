import t from 'tap';
import { MUTATIONS } from './lib/mutations.ts';
import { runSeed } from './lib/run.ts';

/*
 * A simulator that finds nothing may be blind. Each of these breaks one promise on purpose; the simulator must see it, within so many
 * seeds, the same ones each time.
 */

/** Seeds within which each must be found. */
const SEEDS_MAX = 300;

for (const { name, found, breaks, mix } of MUTATIONS) {
  t.test(`found: ${name}`, { timeout: 550_000 }, async (t) => {
    for (let at = 0; at <= SEEDS_MAX; at++) {
      const seed = at === 0 ? found : at;
      const { faults } = await runSeed(seed, breaks, mix ?? null);
      if (faults.length === 0) continue;
      t.comment(`seed ${seed}: ${faults[0]?.split('\n')[0]}`);
      t.pass(`found by seed ${seed}`);
      return;
    }
    t.fail(`not found by ${SEEDS_MAX} seeds`);
  });
}
