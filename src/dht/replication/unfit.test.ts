import t, { type Test } from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { chooseSeed } from '../../base/testing/seed.ts';
import { ROOT_KEY, SLICES, sliceOf } from '../../flare/keys.ts';
import { FILE, ROOT, SMALL, statusOf } from '../../flare/store/testing/harness.ts';
import { applyStep, nextStep, type Step } from '../projection/plan.ts';
import { fill, handOver, inSync } from '../projection/steps.ts';
import { FULL_MS, WATCH_MS } from './limits.ts';
import { Mirrors } from './testing/mirrors.ts';

/*
 * Mirrors that answers cannot wait for, and those that have little room (docs/architecture.md, "Replication").
 */

const SEED = chooseSeed();
const ALL = { first: 0, count: SLICES };
const RESERVE = SMALL.reserveBytes!;

/** Two volcanos; the second one mirrors the first one. */
async function pair(t: Test, seed = SEED): Promise<Mirrors> {
  t.comment(`seed ${seed}`);
  const ring = new Mirrors(seed, 2);
  for (const number of [0, 1]) await ring.settle(ring.open(number));
  const [first, second] = ring.projection.volcanos;
  ring.change({ ...ring.projection, volcanos: [first!, { ...second!, state: 'serving' }] });
  ring.change(fill(ring.projection, ALL, 1));
  await ring.time.run(30);
  await ring.settle(ring.primary.life!.replication.inSync(ALL, 1));
  ring.change(inSync(ring.projection, ALL, 1));
  await ring.quiet();
  return ring;
}

function usedOf(disk: SimulatedDisk): number {
  const { total, free } = disk.space();
  return total - free;
}

/** Makes a step as who carries out the plan does. */
async function carry(ring: Mirrors, step: Step): Promise<void> {
  const { replication } = ring.primary.life!;
  if ('range' in step && step.kind !== 'takeOver') await ring.settle(replication[step.kind](step.range, step.member));
  ring.change(applyStep(ring.projection, step));
  await ring.time.run(50);
  replication.resume();
}

/** Makes the plan's steps until none is due. */
async function planned(ring: Mirrors): Promise<string[]> {
  const kinds: string[] = [];
  for (;;) {
    const step = ring.primary.life!.replication.leftOut() ?? nextStep(ring.projection);
    if (step === null) return kinds;
    kinds.push(step.kind);
    await carry(ring, step);
  }
}

async function create(ring: Mirrors, from: number, to: number): Promise<void> {
  const { router } = ring.primary.life!;
  const work = async (): Promise<void> => {
    for (let n = from; n < to; n++) await router.create(ROOT, router.root(), `f${n}`, FILE);
  };
  await ring.settle(work());
}

/** Ends the mirror's life; gives a copy of its disk as that is then. */
function copied(ring: Mirrors): SimulatedDisk {
  ring.kill(1);
  const mirror = ring.volcanos[1]!;
  const { disk } = mirror;
  mirror.disk = disk.powerCut(ring.random);
  return disk.powerCut(ring.random);
}

for (const what of ['empty', 'an older copy'] as const) {
  t.test(
    `A mirror has lost what it had acknowledged (its disk is ${what}): it is left out, told of, and filled anew`,
    async (t) => {
      const ring = await pair(t);
      await create(ring, 0, 20);
      const older = copied(ring);
      await ring.settle(ring.open(1));
      await create(ring, 20, 40);
      ring.kill(1);
      ring.volcanos[1]!.disk = what === 'empty' ? new SimulatedDisk({ clock: ring.time.clock() }) : older;
      await ring.settle(ring.open(1));
      const { life, errors } = ring.primary;
      await ring.time.run(2 * WATCH_MS);
      t.match(life!.replication.leftOut(), { kind: 'withoutMirror', member: 1, range: ALL });
      t.match(errors, [/a mirror has lost what it had acknowledged/]);
      const waiting = life!.router.create(ROOT, life!.router.root(), 'while', FILE);
      t.same(await planned(ring), ['withoutMirror', 'fill', 'inSync']);
      await ring.settle(Promise.resolve(waiting));
      await ring.quiet();
      t.same(await ring.differences(), []);
      t.equal(life!.replication.leftOut(), null);
      t.equal(errors.length, 1, 'told once');
      await ring.close();
    },
  );
}

t.test(
  'A mirror that dies while it comes into sync has lost nothing: what was committed before may not be there yet',
  async (t) => {
    for (let events = 0; events < 40; events += 10) {
      const ring = new Mirrors(SEED + events, 2);
      for (const number of [0, 1]) await ring.settle(ring.open(number));
      ring.change(ring.projection);
      const { life, errors } = ring.primary;
      const { router, replication } = life!;
      await ring.settle(Promise.resolve(router.create(ROOT, router.root(), 'first', FILE)));
      ring.change(fill(ring.projection, ALL, 1));
      let done = false;
      const writing = async (): Promise<void> => {
        for (let n = 0; !done; n++) {
          void Promise.resolve(router.create(ROOT, router.root(), `f${n}`, FILE));
          await ring.pause(0.3);
        }
      };
      const work = writing();
      await ring.time.run(80);
      const caughtUp = replication.inSync(ALL, 1).then(() => {
        done = true;
      });
      for (let event = 0; event < events && !done; event++) await ring.time.step();
      ring.kill(1);
      await ring.settle(ring.open(1));
      await ring.settle(Promise.all([caughtUp, work]));
      if (errors.length > 0) t.same(errors, [], `seed ${SEED + events}, after ${events} events`);
      ring.change(inSync(ring.projection, ALL, 1));
      await ring.quiet();
      const found = await ring.differences();
      if (found.length > 0) t.same(found.slice(0, 3), [], `seed ${SEED + events}, after ${events} events`);
      await ring.close();
    }
    t.pass('none has');
  },
);

t.test(
  'A mirror has lost records that the log of its primary, which has restarted, does not have any more: left out and filled anew',
  async (t) => {
    const ring = await pair(t);
    await create(ring, 0, 20);
    const older = copied(ring);
    await ring.settle(ring.open(1));
    await create(ring, 20, 60);
    await ring.settle(ring.primary.life!.store.compact());
    ring.kill(1);
    ring.kill(0);
    ring.volcanos[1]!.disk = older;
    for (const number of [0, 1]) await ring.settle(ring.open(number));
    await ring.time.run(1000);
    // It may never have had them: the primary cannot know any more.
    t.same(ring.primary.errors, []);
    t.equal(ring.primary.life!.replication.mayServe(0), false, 'what is not on both is not served');
    t.same(await planned(ring), ['withoutMirror', 'fill', 'inSync']);
    await ring.quiet();
    t.same(await ring.differences(), []);
    await ring.close();
  },
);

t.test(
  'A primary refuses what its mirror has no room for, before anything is written, and takes it when there is room',
  async (t) => {
    const ring = await pair(t);
    await create(ring, 0, 3);
    const { router, store } = ring.primary.life!;
    const mirror = ring.volcanos[1]!;
    const room = 300_000;
    mirror.disk.limit(usedOf(mirror.disk) + RESERVE + room);
    await ring.time.run(2 * WATCH_MS);
    const file = await router.lookup(ROOT, router.root(), 'f0');
    const data = Buffer.alloc(8192, 'x');
    const write = (n: number) => ring.settle(statusOf(() => router.write(ROOT, file, n * data.length, data)));
    let written = 0;
    while (written < 1000 && (await write(written)) === 'OK') written++;
    t.ok(written > 3 && written * data.length < room, `${written} writes`);
    const { appended } = store.replica;
    t.equal(await write(written), 'NOSPC');
    t.equal(store.replica.appended, appended, 'nothing is written');
    t.ok(mirror.life!.store.stats().availableBytes >= 0);
    t.equal(
      await ring.settle(statusOf(() => router.remove(ROOT, router.root(), 'f1'))),
      'OK',
      'removals may use the reserve',
    );
    mirror.disk.limit(Number.POSITIVE_INFINITY);
    await ring.time.run(2 * WATCH_MS);
    t.equal(await write(written), 'OK');
    t.same(ring.primary.errors, []);
    await ring.close();
  },
);

t.test(
  'A mirror whose disk others have filled up: changes wait, then it is left out, and is filled anew when it has room',
  async (t) => {
    const ring = await pair(t);
    await create(ring, 0, 3);
    const { router, replication } = ring.primary.life!;
    const mirror = ring.volcanos[1]!;
    mirror.disk.limit(usedOf(mirror.disk));
    await ring.time.run(300);
    let answered = false;
    const made = Promise.resolve(router.create(ROOT, router.root(), 'while', FILE)).then(() => {
      answered = true;
    });
    await ring.time.run(FULL_MS - 1000);
    t.equal(replication.leftOut(), null);
    t.equal(answered, false, 'answers wait for it still');
    await ring.time.run(6000);
    const step = replication.leftOut();
    t.match(step, { kind: 'withoutMirror', member: 1, range: ALL });
    t.match(ring.primary.errors, [/a mirror has no room/]);
    await carry(ring, step!);
    await ring.settle(made);
    await create(ring, 3, 6);
    const next = nextStep(ring.projection)!;
    t.equal(next.kind, 'fill');
    await carry(ring, next);
    await ring.time.run(10_000);
    await create(ring, 6, 9);
    const before = mirror.life!.store.replica.appended;
    await ring.time.run(10_000);
    t.equal(mirror.life!.store.replica.appended, before, 'it is not filled while it has no room');
    mirror.disk.limit(Number.POSITIVE_INFINITY);
    t.same(await planned(ring), ['inSync']);
    await ring.quiet();
    t.same(await ring.differences(), []);
    t.equal(ring.primary.errors.length, 1, 'told once');
    await ring.close();
  },
);

t.test(
  'Who takes slices over does not hold against the old primary what it had before it was filled anew',
  async (t) => {
    const ring = new Mirrors(SEED, 2);
    for (const number of [0, 1]) await ring.settle(ring.open(number));
    const [first, second] = ring.projection.volcanos;
    ring.change({ ...ring.projection, volcanos: [first!, { ...second!, state: 'serving' }] });
    ring.change(fill(ring.projection, ALL, 1));
    await ring.time.run(100);
    // A record comes to the mirror, which nobody waits for yet, and is lost where it was made.
    ring.volcanos[0]!.disk.delays = { read: 0, write: 1000, sync: 0, name: 0 };
    create(ring, 0, 1).catch(() => {});
    await ring.time.run(100);
    const there = (number: number): number => ring.volcanos[number]!.life!.store.lastOf(sliceOf(ROOT_KEY)).number;
    const had = there(1);
    ring.kill(0);
    ring.volcanos[0]!.disk.delays = { read: 0, write: 0, sync: 0, name: 0 };
    await ring.settle(ring.open(0));
    t.ok(there(0) < had, `${there(0)} of ${had}`);
    await ring.settle(ring.primary.life!.replication.inSync(ALL, 1));
    ring.change(inSync(ring.projection, ALL, 1));
    await ring.time.run(100);
    await ring.settle(ring.primary.life!.replication.handOver(ALL, 1));
    ring.change(handOver(ring.projection, ALL, 1));
    await ring.quiet();
    t.equal(ring.primary.number, 1);
    t.equal(ring.primary.life!.replication.leftOut(), null);
    t.same(ring.primary.errors, []);
    await ring.close();
  },
);

t.test(
  'A mirror whose sync fails acknowledges nothing that it may have in memory only, however often it is asked',
  async (t) => {
    const ring = await pair(t);
    await create(ring, 0, 5);
    const mirror = ring.volcanos[1]!;
    mirror.disk.fail('sync', 1, 'EIO');
    const { router, store } = ring.primary.life!;
    let answered = false;
    const creating = Promise.resolve(router.create(ROOT, router.root(), 'late', FILE)).then(() => {
      answered = true;
    });
    await ring.time.run(2 * WATCH_MS);
    t.notOk(mirror.life!.store.replica.sound, 'its log has failed');
    t.notOk(answered, 'nobody was answered');
    t.ok(store.replica.commitment.lsn < store.replica.appended);
    ring.kill(1);
    mirror.disk = mirror.disk.powerCut(ring.random);
    await ring.settle(ring.open(1));
    await ring.settle(creating);
    await ring.quiet();
    t.same(await ring.differences(), []);
    await ring.close();
  },
);
