import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../base/random.ts';
import { chooseSeed, LONG } from '../base/testing/seed.ts';
import { outcome, type Pair, remember, type Step, same, steps } from '../flare/testing/histories.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import type { Caller } from '../flare/types.ts';
import { NearRing } from './testing/near-ring.ts';

/*
 * Random histories of all operations, asked of one volcano after the other, against `MemoryService`: the promises of `FlareService`, docs/architecture.md, hold whoever
 * owns what.
 */

const RUNS = LONG ? 500 : 30;

t.test('Random histories: three volcanos answer as the model does, over restarts', async (t) => {
  const history = async (all: readonly Step[]): Promise<void> => {
    const ring = await NearRing.open({ volcanos: 3, seed: 11 });
    const { clock } = ring;
    const root = ring.root();
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
        const at = calls % 3;
        await ring.stop(at);
        await ring.start(at);
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
      const { router } = ring.volcanos[(calls + (next.run === 'again' ? 1 : 0)) % 3]!;
      const real = await ring.during(outcome(() => run(router, (at) => named[at % named.length]!.real, as)));
      const expected = await outcome(() => run(model, (at) => named[at % named.length]!.model, as));
      same(text, real.shown, expected.shown);
      remember(pairs, real.value, expected.value);
    }
    await ring.settled();
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
