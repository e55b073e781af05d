import t from 'tap';
import { runWholeSeed } from './lib/run.ts';
import { WHOLE_MUTATIONS } from './lib/whole-mutations.ts';

/*
 * As mutations.test.ts, for whole volcanos: each of these breaks one promise of replication on purpose; the simulator must see it, within so many seeds, the same ones each
 * time.
 */

/** Seeds within which each must be found. */
const SEEDS_MAX = 300;

for (const { name, found, breaks } of WHOLE_MUTATIONS) {
  t.test(`found: ${name}`, { timeout: 550_000 }, async (t) => {
    for (let at = 0; at <= SEEDS_MAX; at++) {
      const seed = at === 0 ? found : at;
      const { faults } = await runWholeSeed(seed, breaks);
      if (faults.length === 0) continue;
      t.comment(`seed ${seed}: ${faults[0]?.split('\n')[0]?.slice(0, 200)}`);
      t.pass(`found by seed ${seed}`);
      return;
    }
    t.fail(`not found by ${SEEDS_MAX} seeds`);
  });
}
