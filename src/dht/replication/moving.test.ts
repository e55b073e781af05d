import t from 'tap';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { SLICES } from '../../flare/keys.ts';
import { fill, handOver, inSync } from '../projection/steps.ts';
import { begun, crossing, faultsAfter } from './testing/crossing.ts';
import { Mirrors } from './testing/mirrors.ts';

/*
 * Slices are handed over while operations over several owners are under way in them: what is prepared or decided there moves along
 * (docs/architecture.md, "Replication").
 */

const SEED = chooseSeed();
/** Seeds that failed once: a link that was given up while it agreed with its mirror did not come back. */
const FAILED_ONCE = [426_344];
/** Of the events of a run, the power goes after each so-manieth. */
const EVERY = LONG ? 1 : 41;
const ALL = { first: 0, count: SLICES };
/** The first volcano keeps the first quarter, and hands over the second one; the second volcano has the other half. */
const KEPT = { first: 0, count: SLICES / 4 };
const MOVED = { first: SLICES / 4, count: SLICES / 4 };
const UPPER = { first: SLICES / 2, count: SLICES / 2 };

/** Two volcanos with one half each, each of which mirrors the other one. */
async function halves(seed: number): Promise<Mirrors> {
  const ring = new Mirrors(seed, 2);
  for (const number of [0, 1]) await ring.settle(ring.open(number));
  ring.change(fill(ring.projection, ALL, 1));
  await ring.time.run(30);
  await ring.settle(ring.primary.life!.replication.inSync(ALL, 1));
  ring.change(inSync(ring.projection, ALL, 1));
  await ring.quiet();
  await ring.settle(ring.primary.life!.replication.handOver(UPPER, 1));
  ring.change(handOver(ring.projection, UPPER, 1));
  await ring.quiet();
  return ring;
}

/** What is prepared, and what is decided and not delivered, in the slices that move. */
function underWay(ring: Mirrors): number {
  let count = 0;
  for (const name of ring.primary.life!.store.notes('joint/').keys()) {
    const slice = Number(name.split('/')[2]);
    if (slice >= MOVED.first && slice < MOVED.first + MOVED.count) count++;
  }
  return count;
}

/** Hands over, as often as that takes; says when the map is written what moves along. */
async function handedOver(ring: Mirrors, moved: (count: number) => void): Promise<void> {
  while (ring.projection.map[MOVED.first]!.primary === 0) {
    const life = ring.volcanos[0]!.life;
    await ring.pause(1);
    if (life === null || life.epoch !== ring.projection.epoch) continue;
    let done = false;
    life.replication.handOver(MOVED, 1).then(
      () => {
        done = true;
      },
      () => {},
    );
    while (!done && ring.volcanos[0]!.life === life) await ring.pause(1);
    if (!done || ring.volcanos[0]!.life !== life) continue;
    moved(underWay(ring));
    ring.change(handOver(ring.projection, MOVED, 1));
  }
}

/** One run: the power of one of them goes after so many events. Gives what is wrong, whether all was answered before, and how many parts of operations moved. */
async function cutAfter(seed: number, events: number): Promise<{ wrong: string[]; all: boolean; moved: number }> {
  const ring = await halves(seed);
  const { router } = ring.primary.life!;
  const operations = new Map([
    ...(await ring.settle(crossing(router, MOVED, UPPER))),
    ...(await ring.settle(crossing(router, UPPER, MOVED))),
    ...(await ring.settle(crossing(router, KEPT, MOVED))),
    ...(await ring.settle(crossing(router, MOVED, KEPT))),
  ]);
  await ring.quiet();
  const delays = { read: 0.1, write: 1, sync: 1 + ring.random.below(8), name: 0.1 };
  for (const volcano of ring.volcanos) volcano.disk.delays = delays;
  const answered = begun(operations, (at) => ring.volcanos[at % 2]!.life!.router);
  await ring.time.run(ring.random.below(30));
  let moved = 0;
  const moving = handedOver(ring, (count) => {
    moved = count;
  });
  for (let event = 0; event < events && answered.size < operations.size; event++) await ring.time.step();
  const all = answered.size === operations.size;
  const victim = (seed + events) % 2;
  ring.kill(victim, 'power');
  await ring.time.run(20);
  await ring.settle(ring.open(victim));
  await ring.settle(moving);
  return { wrong: await faultsAfter(ring, operations, answered, [0, 1]), all, moved };
}

for (const seed of [SEED, ...FAILED_ONCE]) {
  t.test(
    `Power cuts at every step of a hand-over: operations over several owners move along; each has happened, or has not (seed ${seed})`,
    async (t) => {
      let runs = 0;
      let parts = 0;
      for (let events = seed % EVERY; ; events += EVERY) {
        const { wrong, all, moved } = await cutAfter(seed, events);
        runs++;
        parts += moved;
        if (wrong.length > 0) t.fail(`seed ${seed}, after ${events} events: ${wrong.join('\n')}`);
        if (all || wrong.length > 0) break;
      }
      t.pass(`${runs} power cuts`);
      t.ok(parts > 0, `${parts} parts of operations moved`);
    },
  );
}
