import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { SLICES } from '../../flare/keys.ts';
import { decodeRecord, encodeRecord } from '../../flare/record/codec.ts';
import { recordHead } from '../../flare/record/head.ts';
import { Worker } from '../../flare/store/testing/workers.ts';
import { fill, handOver, inSync } from '../projection/steps.ts';
import { Mirrors } from './testing/mirrors.ts';

/*
 * A primary and its mirrors, and nothing else of a ring: what replication promises (docs/architecture.md, "Replication"), under delays, lost connections and crashes at any moment.
 */

const RUNS = Number(process.env.MAGMA_RUNS ?? (LONG ? 400 : 6));
const SEED = chooseSeed();
const ALL = { first: 0, count: SLICES };

const sum = { appends: 0, cuts: 0, kills: 0, tails: 0, asked: 0, answered: 0 };

type Trouble = 'none' | 'cuts' | 'crashes';

/** One run; gives what went wrong, or null. */
async function history(
  seed: number,
  trouble: Trouble,
  to: 'mirrors' | 'handed over',
  mutate: (ring: Mirrors) => void = () => {},
): Promise<string | null> {
  const ring = new Mirrors(seed, 3, { replicas: 3 });
  const { random } = ring;
  const wrong: string[] = [];
  const answered: string[] = [];
  await ring.settle(ring.open(0));
  const client = ring.client((replay) => {
    answered.push(replay);
    const missing = ring.missing(replay);
    if (missing !== null) wrong.push(`${replay} was answered: ${missing}`);
  });
  const delays = { read: 0.1, write: random.below(3), sync: random.below(8), name: 0.1 };
  for (const number of [1, 2]) await ring.settle(ring.open(number));
  ring.change(ring.projection);
  mutate(ring);
  for (const volcano of ring.volcanos) volcano.disk.delays = delays;
  const workers = [0, 1, 2].map((number) => new Worker(number, seededRandom(seed + number)));
  await ring.settle(Promise.all(workers.map((worker) => worker.begin(client))));

  let working = true;
  const troubled = async (): Promise<void> => {
    while (working && trouble !== 'none') {
      await ring.pause(random.below(60));
      const one = random.below(3);
      const other = (one + 1 + random.below(2)) % 3;
      const choice = random.below(10);
      if (choice < 4) ring.cut(one, other);
      else if (choice < 6) await ring.volcanos[one]!.life?.store.compact();
      else if (trouble === 'crashes' && choice < 8) {
        ring.kill(one, random.below(3) === 0 ? 'killed' : 'power');
        await ring.pause(random.below(80));
        if (ring.volcanos[one]!.life === null) await ring.open(one);
      }
    }
  };
  const steps = async (): Promise<void> => {
    await ring.pause(random.below(100));
    for (const number of [1, 2]) ring.change(fill(ring.projection, ALL, number));
    for (const number of [1, 2]) {
      await made(() => ring.primary.life!.replication.inSync(ALL, number));
      ring.change(inSync(ring.projection, ALL, number));
      await ring.pause(random.below(100));
    }
    if (to === 'mirrors') return;
    await made(() => ring.primary.life!.replication.handOver(ALL, 1));
    ring.change(handOver(ring.projection, ALL, 1));
  };
  /** What a primary is asked for is asked of its next life, when it dies. */
  const made = async (work: () => Promise<void>): Promise<void> => {
    for (;;) {
      const { life } = ring.primary;
      if (life !== null && life.epoch === ring.projection.epoch) {
        let done = false;
        let failed = false;
        void work().then(
          () => {
            done = true;
          },
          () => {
            failed = true;
          },
        );
        while (!done && !failed && ring.primary.life === life) await ring.pause(5);
        if (done && ring.primary.life === life) return;
      }
      await ring.pause(5);
    }
  };
  const work = Promise.all(
    workers.map(async (worker) => {
      for (let round = 0; round < 8; round++) {
        await worker.work(client, 6);
        await ring.pause(random.below(60));
      }
    }),
  );
  const trying = troubled();
  await ring.settle(Promise.all([work, steps()]));
  working = false;
  await ring.settle(trying);
  for (const [number, { life }] of ring.volcanos.entries()) if (life === null) await ring.settle(ring.open(number));
  await ring.quiet();
  wrong.push(...(await ring.differences()).slice(0, 5));
  for (const replay of answered) {
    const missing = ring.missing(replay);
    if (missing !== null) wrong.push(`${replay} at the end: ${missing}`);
  }
  for (const worker of workers) {
    const found = await ring.settle(worker.look(client));
    const left = JSON.stringify([...worker.answered].sort());
    if (JSON.stringify([...(found ?? [])].sort()) !== left)
      wrong.push(`${worker.directoryName} is not what it should be`);
  }
  for (const { number, errors } of ring.volcanos) {
    for (const error of errors) wrong.push(`volcano ${number}: ${error}`);
  }
  await ring.close();
  for (const name of ['appends', 'cuts', 'kills', 'tails', 'asked'] as const) sum[name] += ring[name];
  sum.answered += answered.length;
  return wrong.length === 0 ? null : wrong.slice(0, 8).join('\n');
}

for (const trouble of ['none', 'cuts', 'crashes'] as const) {
  for (const to of ['mirrors', 'handed over'] as const) {
    t.test(
      `Mirrors are filled under load (${to}, trouble: ${trouble}): each answered change is on all in sync, and all are equal when quiet`,
      async (t) => {
        t.comment(`seed ${SEED}, ${RUNS} runs`);
        for (let run = 0; run < RUNS; run++) {
          const seed = SEED + run;
          const wrong = await history(seed, trouble, to).catch((error: Error) => `${error.stack}`);
          if (wrong !== null) {
            t.fail(`seed ${seed}: ${wrong}`);
            return;
          }
        }
        t.pass(`${RUNS} runs`);
        t.comment(JSON.stringify(sum));
      },
    );
  }
}

t.test('Seeds that failed once', async (t) => {
  // Records that had come behind a fill were sent before it when that began anew: the mirror refused them for ever.
  t.equal(await history(282486, 'cuts', 'mirrors'), null);
  // Numbers were used again in the same epoch, which volcanos never do: a mirror kept records that its primary had lost.
  t.equal(await history(152378, 'crashes', 'mirrors'), null);
  // A volcano without power told that it could not read its log, and that was held against it.
  t.equal(await history(406003, 'crashes', 'mirrors'), null);
});

/** Breaks one record of a stream, once: what `broken` gives comes in its place. */
function breaking(ring: Mirrors, broken: (payload: Buffer) => Buffer[]): void {
  let left = 40;
  ring.tamper = (append) => {
    const groups = append.groups.map((group) =>
      group.flatMap((record) => {
        const { base } = recordHead(record.payload);
        if (base || left === 0 || --left > 0) return [record];
        return broken(record.payload).map((payload) => ({ ...record, payload }));
      }),
    );
    return { ...append, groups };
  };
}

/** What the first of some seeds finds. */
async function found(mutate: (ring: Mirrors) => void): Promise<string> {
  for (let seed = SEED; seed < SEED + 10; seed++) {
    const wrong = await history(seed, 'none', 'mirrors', mutate);
    if (wrong !== null) return wrong;
  }
  return 'nothing';
}

t.test('Mutation: a primary that answers before its mirrors have it is found', async (t) => {
  const early = (ring: Mirrors): void => {
    ring.volcanos[0]!.life!.store.replica.commitment.copies = null;
  };
  t.match(await found(early), /was answered: (it is not yet durable on|.* does not have it)/);
});

t.test('Mutation: a mirror that leaves out what a record says is found', async (t) => {
  const skipping = (ring: Mirrors): void =>
    breaking(ring, (payload) => [encodeRecord({ ...decodeRecord(payload), changes: [], replay: null })]);
  t.match(await found(skipping), /lacks|only volcano/);
});
