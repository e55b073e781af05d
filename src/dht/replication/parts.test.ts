import t from 'tap';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { SLICES } from '../../flare/keys.ts';
import { fill, inSync, withoutMirror } from '../projection/steps.ts';
import type { SliceRange } from '../projection/types.ts';
import { begun, crossing, faultsAfter } from './testing/crossing.ts';
import { Mirrors } from './testing/mirrors.ts';

/*
 * Operations on slices with different mirrors (docs/architecture.md, "Replication"): when the primary's power goes before its own sync, nothing of them may come
 * back from one mirror that does not come back from the other.
 */

const SEED = chooseSeed();
/** Of the events of a run, the power goes after each so-manieth. */
const EVERY = LONG ? 1 : 9;
const HALF = SLICES / 2;
const ALL = { first: 0, count: SLICES };
const HALVES: readonly SliceRange[] = [
  { first: 0, count: HALF },
  { first: HALF, count: HALF },
];

/** The range gets that mirror, as the plan would have it. */
async function mirrored(ring: Mirrors, range: SliceRange, member: number): Promise<void> {
  ring.change(fill(ring.projection, range, member));
  await ring.time.run(30);
  await ring.settle(ring.primary.life!.replication.inSync(range, member));
  ring.change(inSync(ring.projection, range, member));
  await ring.time.run(30);
}

/** What becomes of the map while the operations are under way: `begin` before them, `meanwhile` together with them. */
interface Change {
  begin(ring: Mirrors, halves: readonly SliceRange[]): Promise<void>;
  meanwhile(ring: Mirrors, halves: readonly SliceRange[]): Promise<void>;
}

const CHANGES: { readonly [what: string]: Change } = {
  /** The halves have different mirrors, and one of them is getting a second one. */
  'a half is being filled': {
    async begin(ring, [one, other]) {
      await mirrored(ring, one!, 1);
      await mirrored(ring, other!, 2);
      ring.change(fill(ring.projection, one!, 2));
    },
    async meanwhile() {},
  },
  'a half gets one mirror more': {
    async begin(ring, [one]) {
      await mirrored(ring, ALL, 1);
      ring.change(fill(ring.projection, one!, 2));
    },
    async meanwhile(ring, [one]) {
      await ring.primary.life!.replication.inSync(one!, 2);
      ring.change(inSync(ring.projection, one!, 2));
    },
  },
  'a half loses one of its mirrors': {
    async begin(ring) {
      await mirrored(ring, ALL, 1);
      await mirrored(ring, ALL, 2);
      // What is known of the mirrors that stay comes late.
      ring.cut(0, 2);
    },
    async meanwhile(ring, [one]) {
      await ring.primary.life!.replication.withoutMirror(one!, 1);
      ring.change(withoutMirror(ring.projection, one!, 1));
      ring.primary.life!.replication.resume();
    },
  },
};

/** One run: the power goes after so many events. Gives what is wrong, and whether all was answered before. */
async function cutAfter(change: Change, seed: number, events: number): Promise<{ wrong: string[]; all: boolean }> {
  const ring = new Mirrors(seed, 3, { replicas: 3 });
  for (const number of [0, 1, 2]) await ring.settle(ring.open(number));
  ring.change(ring.projection);
  await ring.quiet();
  const [lower, upper] = HALVES;
  const { router } = ring.primary.life!;
  const operations = new Map([
    ...(await ring.settle(crossing(router, lower!, upper!))),
    ...(await ring.settle(crossing(router, upper!, lower!))),
  ]);
  const halves = seed % 2 === 0 ? HALVES : [...HALVES].reverse();
  await change.begin(ring, halves);
  // The primary is the last to have anything for good.
  ring.volcanos[0]!.disk.delays = { read: 0.1, write: 1, sync: 12, name: 0.1 };
  await ring.time.run(ring.random.below(40));
  const answered = begun(operations, () => router);
  void change.meanwhile(ring, halves).catch(() => {});
  for (let event = 0; event < events && answered.size < operations.size; event++) await ring.time.step();
  const all = answered.size === operations.size;
  ring.kill(0, 'power');
  await ring.time.run(20);
  await ring.settle(ring.open(0));
  return { wrong: await faultsAfter(ring, operations, answered, [0]), all };
}

for (const [what, change] of Object.entries(CHANGES)) {
  t.test(
    `Power cut of a primary at every step while ${what}: an operation on slices with different mirrors has happened, or has not`,
    async (t) => {
      t.comment(`seed ${SEED}`);
      let runs = 0;
      for (let events = SEED % EVERY; ; events += EVERY) {
        const { wrong, all } = await cutAfter(change, SEED, events);
        runs++;
        if (wrong.length > 0) t.fail(`seed ${SEED}, after ${events} events: ${wrong.join('\n')}`);
        if (all || wrong.length > 0) break;
      }
      t.pass(`${runs} power cuts`);
    },
  );
}
