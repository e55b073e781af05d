import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { captureRun } from './lib/captured-run.ts';
import { CALLERS, ModelPair, type Step } from './lib/model-pair.ts';
import { chooseSeed, long, TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { TcpWire, UdpWire, type Wire } from './lib/wire.ts';
import { mount, type Sattr } from './lib/wire-nfs2.ts';

const captured = await captureRun(t, 'model');
const HISTORIES = long ? 3000 : 150;
const STEPS_MAX = 60;

const who = fc.nat(CALLERS.length - 1);
const on = fc.nat(20);
const name = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom('a', 'b', 'c', 'd') },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(255), 'y'.repeat(256), 'with/slash', '\xff\xfe', 'with\0nul') },
);
const mode = fc.oneof(fc.constantFrom(0o777, 0o755, 0o644, 0o600, 0o1777, 0o2775, 0o6755), fc.nat(0o7777));
const size = fc.oneof(fc.nat(100), fc.nat(30_000), fc.constant(0));
const owner = fc.constantFrom(0, 1000, 1001, 1002);
const birth = fc.record({ mode, size }, { requiredKeys: ['mode'] }) as fc.Arbitrary<Sattr>;
const changes = fc.record({ mode, uid: owner, gid: owner, size }, { requiredKeys: [] }) as fc.Arbitrary<Sattr>;
const offset = fc.oneof(fc.nat(200), fc.nat(30_000));
const data = fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes));
const op = <N extends Step['op']>(...ops: N[]): fc.Arbitrary<N> => fc.constantFrom(...ops);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ op: op('CREATE', 'MKDIR'), who, on, name, changes: birth }) },
  { weight: 3, arbitrary: fc.record({ op: op('LOOKUP', 'REMOVE', 'RMDIR'), who, on, name }) },
  { weight: 3, arbitrary: fc.record({ op: op('RENAME'), who, on, name, to: on, toName: name }) },
  { weight: 2, arbitrary: fc.record({ op: op('LINK'), who, on, to: on, name }) },
  { weight: 2, arbitrary: fc.record({ op: op('WRITE'), who, on, offset, data }) },
  { weight: 2, arbitrary: fc.record({ op: op('READ'), who, on, offset, count: fc.nat(8192) }) },
  { weight: 2, arbitrary: fc.record({ op: op('SETATTR'), who, on, changes }) },
  { weight: 1, arbitrary: fc.record({ op: op('SYMLINK'), who, on, name, target: fc.constantFrom('a', '../b', '/c') }) },
  { weight: 2, arbitrary: fc.record({ op: op('GETATTR', 'READLINK', 'READDIR', 'STATFS'), who, on }) },
);

t.test(
  `${HISTORIES} random histories of all procedures: each answer is the one of a plain model in memory (RFC 1094 §2.2)`,
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const seed = chooseSeed();
    t.comment(`MAGMA_SEED=${seed} repeats this run`);
    const scratch = mkdtempSync(join(tmpdir(), 'magma-model-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const volcano = await Volcano.start(t, { directory: join(scratch, 'data') });
    const mounts = await UdpWire.open(volcano.mountPort);
    const root = await mount(mounts, '/');
    mounts.close();
    const wires: Wire[] = [await UdpWire.open(volcano.nfsPort), await TcpWire.open(volcano.nfsPort)];
    t.teardown(() => {
      for (const wire of wires) wire.close();
    });
    let run = 0;
    const history = fc.array(step, { minLength: 1, maxLength: STEPS_MAX, size: 'max' });
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const pair = await ModelPair.start(wires[run % 2]!, root, `run${run}`);
        run++;
        for (const [index, each] of steps.entries()) {
          const { model, volcano: seen } = await pair.step(each);
          const [wanted, found] = [JSON.stringify(model), JSON.stringify(seen)];
          if (wanted !== found)
            throw new Error(`step ${index + 1}, ${each.op}: answered ${found}, the model says ${wanted}`);
        }
        const difference = await pair.difference();
        if (difference !== undefined) throw new Error(`at the end: ${difference}`);
      }),
      {
        seed,
        numRuns: HISTORIES,
        endOnFailure: false,
        interruptAfterTimeLimit: long ? 2_900_000 : 200_000,
        markInterruptAsFailure: false,
      },
    );
    t.pass(`${run} histories agree`);
  },
);

captured.judge(1000);
