import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { seededRandom } from '../src/base/random.ts';
import { captureRun } from './lib/captured-run.ts';
import { faultsOf } from './lib/check-store.ts';
import { long, seeded, TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { NoReply, TcpWire, UdpWire, type Wire } from './lib/wire.ts';
import { mount } from './lib/wire-nfs2.ts';
import { Worker } from './lib/worker.ts';

const captured = await captureRun(t, 'crash');
const KILLS = long ? 200 : 20;
const WORKERS = 4;
/** The load before each kill, in answered calls, at most. */
const LOAD_MAX = 300;
/** What the check of a store says when nothing is wrong. */
const SOUND = { differences: [], faults: [] };

t.test(
  `kill -9, ${KILLS} times, at random points of a mixed load: all that was answered is there, nothing is half done, and a call sent again after the restart gets its first answer`,
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const { seed, random } = seeded((line) => t.comment(line));
    const scratch = mkdtempSync(join(tmpdir(), 'magma-crash-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const volcano = await Volcano.start(t, { directory: join(scratch, 'data') });

    const open = async (index: number): Promise<Wire> =>
      index % 2 === 0 ? await UdpWire.open(volcano.nfsPort) : await TcpWire.open(volcano.nfsPort);
    const mounts = await UdpWire.open(volcano.mountPort);
    t.teardown(() => mounts.close());
    const root = await mount(mounts, '/');
    const wires: Wire[] = [];
    const workers: Worker[] = [];
    t.teardown(() => {
      for (const wire of wires) wire.close();
    });
    for (let index = 0; index < WORKERS; index++) {
      wires.push(await open(index));
      const worker = new Worker(`worker${index}`, wires[index]!, seededRandom(seed + index));
      await worker.settle(root);
      workers.push(worker);
    }

    const workUntilItDies = async (worker: Worker, answered: () => void): Promise<void> => {
      try {
        for (;;) {
          await worker.step();
          answered();
        }
      } catch (error) {
        if (!(error instanceof NoReply)) throw error;
      }
    };

    let answeredInAll = 0;
    let sentAgain = 0;
    for (let round = 0; round < KILLS; round++) {
      let left = 1 + random.below(LOAD_MAX);
      let dying: Promise<void> | undefined;
      const onAnswer = (): void => {
        answeredInAll++;
        if (--left > 0 || dying !== undefined) return;
        dying = volcano.kill().then(() => {
          for (const wire of wires) wire.abandon();
        });
      };
      await Promise.all(workers.map((worker) => workUntilItDies(worker, onAnswer)));
      await dying;
      if (random.below(4) === 0) {
        // A crash in the middle of the recovery.
        const starting = volcano.start().catch(() => {});
        await new Promise((resolve) => setTimeout(resolve, random.below(600)));
        await volcano.kill();
        await starting;
      }
      if (round % 5 === 2) t.same(await faultsOf(volcano.directory, scratch), SOUND, 'after the crash, too');
      await volcano.start();
      for (let index = 0; index < WORKERS; index++) {
        if (index % 2 === 0) continue; // a UDP client stays on its port
        wires[index]!.close();
        wires[index] = await open(index);
        workers[index]!.use(wires[index]!);
      }
      for (const worker of workers) {
        if (worker.pending !== undefined && random.below(2) === 0) {
          await worker.finish();
          sentAgain++;
        }
        await worker.check();
      }
      if (round % 5 === 4) {
        t.equal(await volcano.stop(), 0, `SIGTERM after kill ${round + 1} ends it with status 0`);
        t.same(await faultsOf(volcano.directory, scratch), SOUND, 'the index equals one rebuilt from the log');
        await volcano.start();
        for (let index = 1; index < WORKERS; index += 2) {
          wires[index]!.close();
          wires[index] = await open(index);
          workers[index]!.use(wires[index]!);
        }
        for (const worker of workers) await worker.check();
      }
    }
    t.ok(
      answeredInAll > KILLS * 10,
      `${answeredInAll} calls were answered and are there; ${sentAgain} were sent again after a crash`,
    );
  },
);

captured.judge(1000);
