import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../base/random.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../base/testing/seed.ts';
import { outcome, type Pair, remember, type Step, same, steps } from '../flare/testing/histories.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import type { Caller } from '../flare/types.ts';
import { VirtualRing } from './testing/virtual-ring.ts';

/*
 * Random histories of all operations, asked of one whole volcano after the other, against `MemoryService`: the promises of `FlareService` hold over the programs, the
 * connections and the map, and over restarts of any volcano, the arbiter too.
 */

const RUNS = LONG ? 300 : 20;

t.test('Random histories: three volcanos on a network answer as the model does, over restarts', async (t) => {
  const history = async (all: readonly Step[]): Promise<void> => {
    const ring = new VirtualRing({ volcanos: 3, seed: 11 });
    await ring.lay(ring.equalShares());
    // The model takes no time: so that both see the same, the volcanos' clocks stand still.
    const clock = manualClock();
    const start = { now: clock.now };
    await ring.startAll(start);
    const root = ring.volcanos[0]!.up.flares.root();
    const model = new MemoryService({ clock, random: seededRandom(8), root: { mode: 0o777 } });
    const pairs: Pair[] = [{ real: root, model: model.root() }];
    let calls = 0;
    let last: Step | null = null;
    /** The flares that the last call could name: a retransmission names the same. */
    let named: readonly Pair[] = [];
    for (const next of all) {
      const chosen: Step = next.run === 'again' && last !== null ? last : next;
      const { text, run } = chosen;
      if (run === 'restart') {
        await ring.stop(calls % 3);
        await ring.start(calls % 3, start);
        continue;
      }
      if (typeof run === 'string') continue;
      if (next.run !== 'again') {
        calls++;
        named = [...pairs];
      }
      last = chosen;
      const as = (who: Caller): Caller => ({ ...who, replay: `call ${calls}` });
      // A retransmission goes to another volcano than the call.
      const { flares } = ring.volcanos[(calls + (next.run === 'again' ? 1 : 0)) % 3]!.up;
      const real = await ring.settle(outcome(() => run(flares, (at) => named[at % named.length]!.real, as)));
      const expected = await outcome(() => run(model, (at) => named[at % named.length]!.model, as));
      same(text, real.shown, expected.shown);
      remember(pairs, real.value, expected.value);
    }
    await ring.quiet();
    await ring.close();
  };
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  await fc
    .assert(fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 120, size: 'max' }), history), {
      seed,
      numRuns: RUNS,
    })
    .catch((error: Error) => {
      throw new Error(`${(error.cause as Error | undefined)?.message ?? ''}\n${error.message.slice(0, 4000)}`);
    });
});
