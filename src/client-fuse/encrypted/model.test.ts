import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import type { FlareService } from '../../flare/service.ts';
import { checkSound, testStore } from '../../flare/store/testing/harness.ts';
import { outcome, type Pair, remember, type Step, same, steps } from '../../flare/testing/histories.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import { type Attributes, type FlareId, FlareType } from '../../flare/types.ts';
import { client, initialize, listing } from './testing/trees.ts';

/* Random histories of all operations: an encrypted tree answers as a plain one does. */

const RUNS = LONG ? 2000 : 100;

/** Sizes that only a plain file can have. */
const TOO_LARGE = /11258999068/;
const played = steps.filter(
  ({ run, text }) => (typeof run === 'function' && !/^readdir/.test(text) && !TOO_LARGE.test(text)) || run === 'tick',
);

type Field = keyof Attributes;
const TIMES: readonly Field[] = ['atime', 'mtime', 'ctime'];

/** What is compared: not what a flare takes, and times to the millisecond, since one change may be several. */
function shown(value: unknown, directoryTimes: boolean): unknown {
  if (value === null || typeof value !== 'object') return value;
  if ('attributes' in value) return { ...value, attributes: shown(value.attributes, directoryTimes) };
  if (!('mtime' in value)) return value;
  const { used: _, ...all } = value as Record<string, unknown> & { used?: unknown };
  if (all.type === FlareType.directory) delete all.size;
  if (all.type === FlareType.directory && !directoryTimes) for (const field of TIMES) delete all[field];
  for (const field of TIMES.filter((field) => field in all)) {
    const { seconds, nanoseconds } = all[field] as Attributes['mtime'];
    all[field] = { seconds, milliseconds: Math.floor(nanoseconds / 1_000_000) };
  }
  return all;
}

async function names(service: FlareService, directory: FlareId, limit: number): Promise<unknown> {
  const { shown } = await outcome(() => listing(service, directory, limit));
  return shown;
}

t.test(
  'Random histories: the encrypted tree answers as a plain one does, and lists the same names in the same order',
  async (t) => {
    const history = async (all: readonly Step[], limit: number): Promise<void> => {
      const clock = manualClock();
      const { store, disk } = await testStore({ clock });
      await initialize(store);
      // Two clients by turns: what one has kept must not be wrong after what the other did.
      const clients = [client(store, { seed: 1 }), client(store, { seed: 2 })] as const;
      const model = new MemoryService({ clock, random: seededRandom(8), root: { mode: 0o777 } });
      let directoryTimes = true;
      const pairs: Pair[] = [{ real: store.root(), model: model.root() }];
      for (const [at, { text, run }] of all.entries()) {
        if (typeof run !== 'function') {
          clock.advance(10);
          continue;
        }
        const used = clients[at & 1]!;
        const real = await outcome(() =>
          run(
            used,
            (at) => pairs[at % pairs.length]!.real,
            (who) => who,
          ),
        );
        const expected = await outcome(() =>
          run(
            model,
            (at) => pairs[at % pairs.length]!.model,
            (who) => who,
          ),
        );
        // What is refused may have made the file of a long name, and taken it away again.
        if (typeof expected.shown === 'string' && text.includes('xxx')) directoryTimes = false;
        same(text, shown(real.shown, directoryTimes), shown(expected.shown, directoryTimes));
        remember(pairs, real.value, expected.value);
      }
      for (const { real, model: modelled } of pairs) {
        const wanted = await names(model, modelled, 100);
        for (const used of clients) same('listing', await names(used, real, limit), wanted);
      }
      await store.close();
      await checkSound(t, disk, 'the store is sound after the history');
    };
    const seed = chooseSeed();
    t.comment(`seed ${seed}`);
    await fc
      .assert(
        fc.asyncProperty(
          fc.array(played, { minLength: 20, maxLength: 80, size: 'max' }),
          fc.integer({ min: 1, max: 20 }),
          history,
        ),
        {
          seed,
          numRuns: RUNS,
        },
      )
      .catch((error: Error) => {
        throw new Error(`${error.message.slice(0, 4000)}\n${(error.cause as Error | undefined)?.message ?? ''}`);
      });
  },
);
