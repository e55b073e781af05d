import t from 'tap';
import { ApartError } from '../joint.ts';
import { keyOf, SLICES, sliceOf } from '../keys.ts';
import type { Attributes, FlareId, Name } from '../types.ts';
import { DIRECTORY, FILE, ROOT, statusOf, testStore } from './testing/harness.ts';

/*
 * What the store promises who copies its slices to different volcanos (`Replica.apart`), and the way up that a moved directory's goal has.
 */

function halfOf(key: FlareId['key']): number {
  return Math.floor((2 * sliceOf(key)) / SLICES);
}

function nameIn(directory: FlareId, half: number, word: string): Name {
  for (let n = 0; ; n++) if (halfOf(keyOf(directory.key, `${word}${n}`)) === half) return `${word}${n}`;
}

async function isApart(work: () => unknown): Promise<boolean> {
  try {
    await work();
    return false;
  } catch (error) {
    if (error instanceof ApartError) return true;
    throw error;
  }
}

t.test('Replica.apart: no append changes slices that are apart, and what is refused leaves nothing', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const home = halfOf(root.key);
  const near = nameIn(root, home, 'near');
  const far = nameIn(root, 1 - home, 'far');
  const before = nameIn(root, 1 - home, 'before');
  const file = await store.create(ROOT, root, before, FILE);
  store.replica.apart = (one, other) => one < SLICES / 2 !== other < SLICES / 2;
  await store.create(ROOT, root, near, FILE);
  const { appended } = store.replica;
  t.ok(await isApart(() => store.create(ROOT, root, far, FILE)), 'a newborn');
  t.ok(await isApart(() => store.remove(ROOT, root, before)), 'an end');
  t.ok(await isApart(() => store.link(ROOT, file, root, 'x')), 'a further name');
  t.ok(await isApart(() => store.rename(ROOT, root, before, root, 'x')), 'another name');
  t.equal(store.replica.appended, appended);
  t.equal(await statusOf(() => store.lookup(ROOT, root, far)), 'NOENT');
  t.equal((await store.write(ROOT, file, 0, Buffer.from('x'))).size, 1, 'one slice is always together');
  store.replica.apart = () => false;
  await store.create(ROOT, root, far, FILE);
  await store.close();
});

t.test('rename of a directory rests on where the directories above its new place are', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const home = halfOf(root.key);
  const made = (at: FlareId, half: number, word: string): Promise<Attributes> =>
    Promise.resolve(store.create(ROOT, at, nameIn(at, half, word), DIRECTORY));
  const from = await made(root, home, 'from');
  const between = await made(root, 1 - home, 'between');
  const goal = await made(between, home, 'goal');
  const moved = nameIn(from, home, 'moved');
  await store.create(ROOT, from, moved, DIRECTORY);
  const file = nameIn(from, home, 'file');
  await store.create(ROOT, from, file, FILE);
  store.replica.apart = (one, other) => one < SLICES / 2 !== other < SLICES / 2;
  t.ok(
    await isApart(() => store.rename(ROOT, from, moved, goal, 'x')),
    'a crash could bring one of those back to below',
  );
  await store.rename(ROOT, from, file, goal, 'x');
  await store.close();
});

t.test('rename: no directory is moved below more than `depthMax` others', async (t) => {
  const depthMax = 5;
  const { store } = await testStore({ limits: { depthMax } });
  const above: FlareId[] = [store.root()];
  for (let depth = 1; depth <= depthMax + 1; depth++)
    above.push(await store.create(ROOT, above.at(-1)!, 'd', DIRECTORY));
  await store.create(ROOT, store.root(), 'moved', DIRECTORY);
  t.equal(await statusOf(() => store.rename(ROOT, store.root(), 'moved', above[depthMax + 1]!, 'x')), 'INVAL');
  t.equal(await statusOf(() => store.rename(ROOT, store.root(), 'moved', above[depthMax]!, 'x')), 'OK');
  await store.close();
});
