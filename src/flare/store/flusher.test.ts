import t, { type Test } from 'tap';
import type { Disk } from '../../base/disk.ts';
import { type Random, seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { type FlushSteps, readFlush } from '../index/flush.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import type { IndexHost } from '../index/types.ts';
import type { LogMark } from '../kml/types.ts';
import type { StoreLimits } from './limits.ts';
import { checkSound, FILE, ROOT, statusOf, testStore } from './testing/harness.ts';
import { LaggingIndex } from './testing/lagging-index.ts';
import { textOf, Worker } from './testing/workers.ts';

interface Seen {
  readonly mark: LogMark;
  /** The names of the flush's steps, in order. */
  readonly steps: readonly string[];
}

/** A store whose flushes are looked at. */
async function watched(limits: Partial<StoreLimits>, disk = new SimulatedDisk()) {
  const flushes: Seen[] = [];
  const indexHost = async ({ disk }: { disk: Disk }): Promise<IndexHost> => {
    const host = await inlineIndexHost({ disk });
    const apply = host.apply.bind(host);
    host.apply = (flush) => {
      const steps: string[] = [];
      const note = (_: object, step: string) => () => void steps.push(step);
      readFlush(flush.bytes, new Proxy({}, { get: (target, step) => note(target, String(step)) }) as FlushSteps);
      flushes.push({ mark: flush.mark, steps });
      return apply(flush);
    };
    return host;
  };
  const never = { flushUnits: 1e9, flushBytes: 1e9, pendingUnits: 1e9 };
  const opened = await testStore({ disk, indexHost, segmentBytes: 1024 * 1024, limits: { ...never, ...limits } });
  return { ...opened, disk, flushes };
}

t.test(
  'What changes often goes to the index once; one change at a time waits for company, or for flushMs',
  async (t) => {
    const { store, clock, flushes } = await watched({ flushMs: 500 });
    const file = await store.create(ROOT, store.root(), 'f', FILE);
    for (let at = 0; at < 100; at++) await store.write(ROOT, file, 0, Buffer.alloc(100));
    clock.advance(499);
    t.equal(flushes.length, 0);
    clock.advance(1);
    t.equal(flushes.length, 1);
    const { steps } = flushes[0]!;
    t.equal(steps.filter((step) => step === 'flare').length, 2, 'the file and the root');
    t.equal(steps.filter((step) => step === 'chunk').length, 1);
    clock.advance(5000);
    t.equal(flushes.length, 1, 'nothing has changed since');
    await store.close();
  },
);

t.test('A flush is due by units, or by bytes of log', async (t) => {
  for (const limits of [{ flushUnits: 40 }, { flushBytes: 10_000 }]) {
    const { store, flushes } = await watched(limits);
    for (let at = 0; at < 100; at++) await store.create(ROOT, store.root(), `f${at}`, FILE);
    const { length } = flushes;
    t.ok(length >= 3 && length <= 12, `${JSON.stringify(limits)}: ${length} flushes of 100 changes`);
    await store.close();
  }
});

t.test('What came and went between two flushes never reaches the index', async (t) => {
  const { store, flushes } = await watched({});
  const root = store.root();
  await store.checkpoint();
  flushes.length = 0;
  const file = await store.create(ROOT, root, 'f', FILE);
  await store.write(ROOT, file, 0, Buffer.alloc(5000));
  await store.remove(ROOT, root, 'f');
  await store.checkpoint();
  t.equal(flushes.length, 1);
  const about = flushes[0]!.steps.filter((step) => !['slice', 'clear'].includes(step));
  t.same(about, ['flare'], 'the root directory has changed');
  await store.close();
});

t.test('Only what is durable is flushed: not when the log has failed, nor when the power goes', async (t) => {
  for (const operation of ['write', 'sync'] as const) {
    const { store, disk, clock, flushes } = await watched({ flushBytes: 0 });
    await store.create(ROOT, store.root(), 'kept', FILE);
    const { stats } = { stats: store.stats() };
    t.equal(flushes.at(-1)!.mark.lsn, stats.durable);
    const before = flushes.length;
    disk.fail(operation, 1, 'EIO');
    t.equal(await statusOf(() => store.create(ROOT, store.root(), 'lost', FILE)), 'IO');
    clock.advance(10_000);
    await store.close().catch(() => {});
    t.equal(flushes.length, before, `after a failed ${operation}`);
  }
});

t.test('Changes wait while the index lags too far, and go on when it has caught up', async (t) => {
  let index: LaggingIndex | undefined;
  const indexHost = async ({ disk }: { disk: Disk }): Promise<IndexHost> => {
    index = new LaggingIndex(await inlineIndexHost({ disk }));
    return index;
  };
  const { store } = await testStore({ indexHost, limits: { flushUnits: 4, pendingUnits: 30 } });
  index!.lag();
  const makes = Array.from({ length: 60 }, (_, at) =>
    Promise.resolve(store.create(ROOT, store.root(), `f${at}`, FILE)),
  );
  await Promise.race(makes);
  for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
  const { appended } = store.stats();
  t.ok(appended < 60, `${appended} records while nothing is applied`);
  t.ok(index!.waiting > 0);
  index!.lag(false);
  await index!.catchUp();
  await Promise.all(makes);
  t.equal((await store.readdir(ROOT, store.root(), 0, 100)).entries.length, 60);
  await store.close();
});

/*
 * Random histories, flushed at random points, applied late or at once, with caches of nothing or enough, the power cut anywhere, opened again and gone on with:
 * what was answered is there, and the index says what one says that is rebuilt from the log (docs/architecture.md, "State in memory and the index").
 */
const HISTORIES = LONG ? 2000 : 40;

function pick<T>(random: Random, ...values: readonly T[]): T {
  return values[random.below(values.length)]!;
}

t.test('Random flushes and power cuts: nothing that was answered is lost, and the index is right', async (t) => {
  const base = chooseSeed();
  t.comment(`seed ${base}`);
  for (let history = 0; history < HISTORIES; history++) {
    const random = seededRandom(base + history);
    const where = `seed ${base}, history ${history}`;
    const workers = [0, 1, 2].map((number) => new Worker(number, seededRandom(base + history * 3 + number)));
    let disk = new SimulatedDisk();
    let begun = false;
    for (let life = 0; life < 3; life++) {
      let index: LaggingIndex | undefined;
      const limits = {
        flushUnits: pick(random, 1, 10, 1000),
        flushBytes: pick(random, 0, 3000, 1e9),
        pendingUnits: pick(random, 20, 1000),
        cacheBytes: pick(random, 0, 5000, 1e6),
        checkpointBytes: pick(random, 5000, 1e9),
        checkpointUnits: pick(random, 30, 1e9),
      };
      disk.stopAt(disk.steps + random.below(250));
      try {
        const { store, errors } = await testStore({
          disk,
          segmentBytes: 6000,
          limits,
          random: seededRandom(history * 10 + life),
          indexHost: async ({ disk }) => {
            index = new LaggingIndex(await inlineIndexHost({ disk }));
            return index;
          },
        });
        if (begun) for (const worker of workers) await lookAfter(t, store, worker, `${where}, life ${life}`);
        else await Promise.all(workers.map((worker) => worker.begin(store)));
        begun = true;
        for (let round = 0; round < 6; round++) {
          index!.lag(random.below(2) === 0);
          const work = Promise.all(workers.map((worker) => worker.work(store, 4)));
          work.catch(() => {});
          // Who lags for ever is waited for in the end.
          for (let turn = 0; turn < 40; turn++) await new Promise((resolve) => setImmediate(resolve));
          index!.lag(false);
          const [done] = await Promise.allSettled([work, index!.catchUp(), round % 3 === 2 ? store.compact() : null]);
          if (done.status === 'rejected') throw done.reason;
        }
        await store.close();
        if (errors.length > 0) throw new Error(errors.join('\n'));
      } catch (error) {
        if (!disk.stopped) throw error;
      }
      disk = disk.powerCut(random);
      // Before it is begun there may be no network yet.
      if (begun) await checkSound(t, disk, `${where}, life ${life}`);
      else if (life === 0) break;
    }
  }
});

/** What a worker's directory holds is what the answered operations left, and the one under way if it was done. */
async function lookAfter(t: Test, store: Parameters<Worker['look']>[0], worker: Worker, where: string): Promise<void> {
  const found = await worker.look(store);
  const possible = [worker.answered, worker.asked?.after ?? worker.answered];
  const done = possible.find((contents) => textOf(contents) === textOf(found));
  if (done === undefined) t.fail(`${where}: ${worker.directoryName} holds ${textOf(found).slice(0, 300)}`);
  else await worker.resume(store, done);
}
