import t from 'tap';
import { keyOf, SLICES, sliceOf } from '../../flare/keys.ts';
import { check, DIRECTORY, FILE, ROOT } from '../../flare/store/testing/harness.ts';
import type { Attributes, Birth, FlareId, Name } from '../../flare/types.ts';
import { fill, inSync, withoutMirror } from '../projection/steps.ts';
import type { SliceRange } from '../projection/types.ts';
import type { Router } from '../router.ts';
import { Mirrors } from './testing/mirrors.ts';

/*
 * Operations on slices with different mirrors (docs/architecture.md, "Replication"): when the primary's power goes before its own sync, nothing of them may come
 * back from one mirror that does not come back from the other.
 */

const SEED = Number(process.env.MAGMA_SEED ?? Date.now() % 2 ** 20);
/** Of the events of a run, the power goes after each so-manieth. */
const EVERY = process.env.MAGMA_LONG === '1' ? 1 : 9;
const HALF = SLICES / 2;
const ALL = { first: 0, count: SLICES };
const HALVES: readonly SliceRange[] = [
  { first: 0, count: HALF },
  { first: HALF, count: HALF },
];

function halfOf({ key }: Pick<FlareId, 'key'>): number {
  return Math.floor(sliceOf(key) / HALF);
}

/** A name whose newborn in that directory lies in that half. */
function nameIn(directory: FlareId, half: number, word: string): Name {
  for (let n = 0; ; n++) {
    const name = `${word}${n}`;
    if (halfOf({ key: keyOf(directory.key, name) }) === half) return name;
  }
}

/** One operation that touches both halves. */
type Operation = (router: Router) => unknown;

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

/** A directory for each operation, with what that needs; gives the operations by name. */
async function prepared(ring: Mirrors): Promise<Map<string, Operation>> {
  const { router } = ring.primary.life!;
  const root = router.root();
  const made = async (directory: FlareId, half: number, word: string, birth: Birth): Promise<[Name, Attributes]> => {
    const name = nameIn(directory, half, word);
    return [name, await router.create(ROOT, directory, name, birth)];
  };
  const found = new Map<string, Operation>();
  for (const half of [0, 1]) {
    const other = 1 - half;
    const at = (word: string) => made(root, half, `${word}-${half}-`, DIRECTORY);
    const [, create] = await at('create');
    found.set(`create ${half}`, (on) => on.create(ROOT, create, nameIn(create, other, 'f'), FILE));
    const [, mkdir] = await at('mkdir');
    found.set(`mkdir ${half}`, (on) => on.create(ROOT, mkdir, nameIn(mkdir, other, 'd'), DIRECTORY));
    const [, remove] = await at('remove');
    const [gone] = await made(remove, other, 'f', FILE);
    found.set(`remove ${half}`, (on) => on.remove(ROOT, remove, gone));
    const [, rmdir] = await at('rmdir');
    const [empty] = await made(rmdir, other, 'd', DIRECTORY);
    found.set(`rmdir ${half}`, (on) => on.rmdir(ROOT, rmdir, empty));
    const [, link] = await at('link');
    const [, file] = await made(link, other, 'f', FILE);
    found.set(`link ${half}`, (on) => on.link(ROOT, file, link, 'second'));
    const [, from] = await at('from');
    const [, to] = await made(from, other, 'to', DIRECTORY);
    const [moved] = await made(from, half, 'f', FILE);
    const [replaced] = await made(to, half, 'r', FILE);
    found.set(`rename ${half}`, (on) => on.rename(ROOT, from, moved, to, replaced));
    const [, above] = await at('above');
    const [, goal] = await made(above, other, 'goal', DIRECTORY);
    const [below] = await made(above, half, 'd', DIRECTORY);
    found.set(`rename of a directory ${half}`, (on) => on.rename(ROOT, above, below, goal, 'new'));
  }
  return found;
}

/** One run: the power goes after so many events. Gives what is wrong, and whether all was answered before. */
async function cutAfter(change: Change, seed: number, events: number): Promise<{ wrong: string[]; all: boolean }> {
  const ring = new Mirrors(seed, 3, { replicas: 3 });
  for (const number of [0, 1, 2]) await ring.settle(ring.open(number));
  ring.change(ring.projection);
  await ring.quiet();
  const operations = await ring.settle(prepared(ring));
  const halves = seed % 2 === 0 ? HALVES : [...HALVES].reverse();
  await change.begin(ring, halves);
  // The primary is the last to have anything for good.
  ring.volcanos[0]!.disk.delays = { read: 0.1, write: 1, sync: 12, name: 0.1 };
  await ring.time.run(ring.random.below(40));
  const { life } = ring.primary;
  const answered = new Set<string>();
  for (const [name, run] of operations) {
    Promise.resolve(run(life!.router)).then(
      () => answered.add(name),
      () => {},
    );
  }
  void change.meanwhile(ring, halves).catch(() => {});
  for (let event = 0; event < events && answered.size < operations.size; event++) await ring.time.step();
  const all = answered.size === operations.size;
  ring.kill(0, 'power');
  await ring.time.run(20);
  await ring.settle(ring.open(0));
  await ring.quiet();
  const wrong = (await ring.differences()).slice(0, 5);
  // Done again, what has happened is refused.
  const { router } = ring.primary.life!;
  const again = await ring.settle(
    Promise.allSettled([...operations].map(async ([, run]) => run(router))).then((results) =>
      [...operations.keys()].filter((_, at) => results[at]!.status === 'fulfilled'),
    ),
  );
  for (const name of again) if (answered.has(name)) wrong.push(`${name} was answered, and had not happened`);
  await ring.quiet();
  await ring.close();
  const { faults, differences } = await ring.settle(check(ring.volcanos[0]!.disk));
  for (const { what, where } of faults.slice(0, 5)) wrong.push(`${what}: ${where}`);
  wrong.push(...differences.slice(0, 5).map((difference) => JSON.stringify(difference)));
  return { wrong, all };
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
