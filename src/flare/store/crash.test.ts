import t, { type Test } from 'tap';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { FlareError } from '../errors.ts';
import { checkSound, testStore } from './testing/harness.ts';
import { textOf, Worker } from './testing/workers.ts';

/*
 * The power is cut at the steps of a load by several workers, compactions and checkpoints in between. Afterwards all that was answered is there, nothing is
 * half done, the index equals one rebuilt from the log, and what is asked again gets the first answer (docs/architecture.md).
 */

const CUTS = LONG ? 5000 : 60;
const WORKERS = 3;
const ROUNDS = 4;
const OPERATIONS = 4;

/** Runs the load; resolves when it is done or the power is gone. */
async function load(disk: SimulatedDisk, workers: readonly Worker[], begun: () => void): Promise<number> {
  try {
    const { store, errors } = await testStore({ disk, segmentBytes: 6000 });
    await Promise.all(workers.map((worker) => worker.begin(store)));
    begun();
    for (let round = 0; round < ROUNDS; round++) {
      const work = Promise.all(workers.map((worker) => worker.work(store, OPERATIONS)));
      const [result] = await Promise.allSettled([work, store.compact(), store.checkpoint()]);
      if (result.status === 'rejected') throw result.reason;
      await store.compact();
    }
    const { dropped } = store.stats();
    await store.close();
    if (errors.length > 0) throw new Error(errors.join('\n'));
    return dropped;
  } catch (error) {
    if (!disk.stopped) throw error;
    return 0;
  }
}

function workersOf(seed: number): Worker[] {
  return Array.from({ length: WORKERS }, (_, number) => new Worker(number, seededRandom(seed + number)));
}

t.test(
  'Power cuts at the steps of a load: what was answered is there, nothing is half done, replays hold',
  async (t) => {
    const seed = chooseSeed();
    t.comment(`seed ${seed}`);
    const whole = new SimulatedDisk();
    const dropped = await load(whole, workersOf(seed), () => {});
    t.ok(dropped > 3, `the load drops segments: ${dropped}`);
    const steps = whole.steps;
    const stride = Math.max(1, Math.floor(steps / CUTS));
    let cuts = 0;
    for (let step = seed % stride; step < steps; step += stride) {
      const disk = new SimulatedDisk();
      disk.stopAt(step);
      const workers = workersOf(seed);
      let begun = false;
      await load(disk, workers, () => {
        begun = true;
      });
      const after = disk.powerCut(seededRandom(seed ^ step));
      const where = `seed ${seed}, step ${step} of ${steps}`;
      const { store } = await testStore({ disk: after, segmentBytes: 6000 });
      for (const worker of workers) {
        const found = textOf(await worker.look(store));
        if (!begun) continue;
        const possible = [textOf(worker.answered), textOf(worker.asked?.after ?? worker.answered)];
        if (!possible.includes(found))
          t.fail(`${where}: ${worker.directoryName} holds ${found.slice(0, 200)}`, { possible });
        await askAgain(t, store, worker, where);
      }
      await store.close();
      await checkSound(t, after, where);
      cuts++;
    }
    t.comment(`${cuts} cuts in ${steps} steps`);
  },
);

/** The last call is asked again: it is answered as if for the first time, and done once. */
async function askAgain(t: Test, store: Parameters<Worker['look']>[0], worker: Worker, where: string): Promise<void> {
  if (worker.asked === null) return;
  try {
    await worker.asked.run(store);
  } catch (error) {
    // A write finds its file by a name that is there; only what has been done already may not be refused.
    if (error instanceof FlareError) t.fail(`${where}: ${worker.asked.replay} was refused with ${error.status}`);
    else throw error;
  }
  const found = textOf(await worker.look(store));
  if (found !== textOf(worker.asked.after)) t.fail(`${where}: ${worker.asked.replay} was not done once`);
}
