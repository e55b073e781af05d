import fc from 'fast-check';
import t from 'tap';
import type { Disk } from '../../base/disk.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { ROOT_KEY } from '../keys.ts';
import type { FlareService } from '../service.ts';
import { outcome, type Pair, remember, type Step, same, steps } from '../testing/histories.ts';
import { MemoryService } from '../testing/memory-service.ts';
import type { Caller } from '../types.ts';
import type { LocalStore } from './local-store.ts';
import { checkSound, testStore } from './testing/harness.ts';
import { LaggingIndex } from './testing/lagging-index.ts';

/*
 * Random histories of all operations, restarts and compactions, against `MemoryService`: the promises of `FlareService`, docs/architecture.md.
 */

const RUNS = LONG ? 1000 : 60;

interface World {
  store: LocalStore;
  readonly model: MemoryService;
  readonly pairs: Pair[];
}

t.test('Random histories: the store answers as the model does, over restarts and compactions', async (t) => {
  const history = async (all: readonly Step[]): Promise<void> => {
    const clock = manualClock();
    const disk = new SimulatedDisk();
    let index: LaggingIndex | undefined;
    const indexHost = async ({ disk }: { disk: Disk }): Promise<LaggingIndex> => {
      index = new LaggingIndex(await inlineIndexHost({ disk }));
      return index;
    };
    const options = {
      disk,
      clock,
      indexHost,
      random: seededRandom(7),
      segmentBytes: 8192,
      limits: { cacheBytes: 1500 },
    };
    const first = await testStore(options);
    const { store } = first;
    index!.lag();
    let { errors } = first;
    const model = new MemoryService({ clock, random: seededRandom(8), root: { mode: 0o777 } });
    const world: World = { store, model, pairs: [{ real: store.root(), model: model.root() }] };
    const caughtUp = (): Promise<void> => {
      index!.lag(false);
      return index!.catchUp();
    };
    let last: Step | null = null;
    let calls = 0;
    /** The last call. Null after a restart: what changed nothing is remembered in memory only. */
    let asked: string | null = null;
    for (const next of all) {
      const chosen: Step = next.run === 'again' && last !== null ? last : next;
      const { text, run } = chosen;
      if (run === 'recall') {
        if (asked === null) continue;
        const replay = asked;
        const told = (service: FlareService) =>
          outcome(async () => {
            const answer = await service.recall(replay, ROOT_KEY);
            return answer === undefined ? 'nothing' : answer;
          });
        same(`recall of ${replay}`, (await told(world.store)).shown, (await told(model)).shown);
        continue;
      }
      if (next.run !== 'again') calls++;
      const as = (who: Caller): Caller => ({ ...who, replay: `call ${calls}` });
      if (run === 'again') continue;
      if (run === 'apply') {
        await index?.catchUp(1);
        continue;
      }
      if (run === 'restart') {
        await caughtUp();
        await world.store.close();
        asked = null;
        const opened = await testStore(options);
        world.store = opened.store;
        index!.lag();
        errors = opened.errors;
      } else if (run === 'compact') {
        await caughtUp();
        await world.store.compact();
        index!.lag();
        if (errors.length > 0) throw new Error(errors.join('\n'));
      } else if (run === 'tick') {
        clock.advance(10);
      } else {
        last = chosen;
        const real = await outcome(() => run(world.store, (at) => world.pairs[at % world.pairs.length]!.real, as));
        const expected = await outcome(() => run(model, (at) => world.pairs[at % world.pairs.length]!.model, as));
        same(text, real.shown, expected.shown);
        asked = `call ${calls}`;
        remember(world.pairs, real.value, expected.value);
      }
    }
    await caughtUp();
    await world.store.close();
    await checkSound(t, disk, 'the store is sound after the history');
  };
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  const told = (error: unknown): never => {
    const { message, cause } = error as Error;
    throw new Error(`${message.slice(0, 4000)}\n${(cause as Error | undefined)?.message ?? ''}`);
  };
  await fc
    .assert(fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 120, size: 'max' }), history), {
      seed,
      numRuns: RUNS,
    })
    .catch(told);
});
