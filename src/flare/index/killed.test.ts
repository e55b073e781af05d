import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { openDisk } from '../../base/system-disk.ts';
import { LONG } from '../../base/testing/seed.ts';
import { checkIndex, Rebuild } from '../check/rebuild.ts';
import { openKml } from '../kml/kml.ts';
import { openForReading } from './database.ts';
import { INDEX_FILE, threadedIndexHost } from './threaded-host.ts';

const ROUNDS = LONG ? 200 : 6;
const LOAD = fileURLToPath(new URL('./testing/killed-load.ts', import.meta.url));

/** Runs the load on that directory from `first` on, kills it after so many answers, and gives the last one that came. */
async function runAndKill(path: string, first: number, answers: number): Promise<number> {
  const child = spawn(process.execPath, [LOAD, path, String(first)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  let last = first - 1;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Number(line);
    if (++seen === answers) child.kill('SIGKILL');
  }
  await exited;
  return last;
}

t.test(
  'kill -9: what was answered is there, no group is half there, and the index equals one rebuilt from the log',
  async (t) => {
    const path = t.testdir();
    const seed = Date.now() % 1_000_000;
    const random = seededRandom(seed);
    let next = 1;
    for (let round = 0; round < ROUNDS; round++) {
      const place = `seed ${seed}, round ${round}`;
      const answered = await runAndKill(path, next, 1 + random.below(120));
      t.ok(answered >= next, `${place}: the load ran`);
      const disk = await openDisk(path);
      const lock = await disk.lock();
      t.not(lock, null, `${place}: the lock died with its process`);
      const host = await threadedIndexHost({ disk, logger: silentLogger });
      const rebuild = new Rebuild(host);
      const kml = await openKml({
        disk,
        logger: silentLogger,
        networkId: Buffer.alloc(16),
        from: host.applied,
        onBatch: (batch) => rebuild.batch(batch),
      });
      await rebuild.done();
      const one = Number(host.reader.note('one')!.value.toString());
      t.ok(one >= answered, `${place}: ${answered} was answered, ${one} is there`);
      t.equal(Number(host.reader.note('two')!.value.toString()), one, `${place}: no half group`);
      const used = openForReading(`${path}/${INDEX_FILE}`);
      t.same(await checkIndex(kml, used), { differences: [], faults: [] }, place);
      used.close();
      next = one + 1;
      if (round % 2 === 0) await kml.close();
      await host.close();
      lock!.release();
    }
  },
);
