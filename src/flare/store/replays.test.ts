import t from 'tap';
import { isPending } from '../../base/eventually.ts';
import { sliceOf } from '../keys.ts';
import { REFUSAL_AGE_MAX, REPLAY_AGE_MAX } from './limits.ts';
import { DIRECTORY, FILE, ROOT, statusOf, testStore } from './testing/harness.ts';

const asked = (replay: string) => ({ ...ROOT, replay });

t.test('FlareService: a change that is asked again gets the first answer, after a restart too', async (t) => {
  const first = await testStore();
  let { store } = first;
  const root = store.root();
  const born = await store.create(asked('create'), root, 'f', FILE);
  const written = await store.write(asked('write'), born, 0, Buffer.from('first'));
  await store.write(ROOT, born, 0, Buffer.from('later'));
  const cut = await store.setattr(asked('cut'), born, { size: 2 });
  await store.setattr(ROOT, born, { size: 100 });
  await store.create(asked('mkdir'), root, 'd', DIRECTORY);
  await store.rmdir(asked('rmdir'), root, 'd');
  await store.link(asked('link'), born, root, 'g');
  await store.rename(asked('rename'), root, 'g', root, 'h');
  await store.remove(asked('remove'), root, 'h');
  await store.link(ROOT, born, root, 'h');
  for (const when of ['at once', 'after a restart', 'after compaction and a restart']) {
    if (when.startsWith('after compaction')) await store.compact();
    if (when !== 'at once') {
      await store.close();
      ({ store } = await testStore({ disk: first.disk, clock: first.clock }));
    }
    t.same(await store.create(asked('create'), root, 'f', FILE), born, `${when}: create`);
    t.same(await store.write(asked('write'), born, 0, Buffer.from('first')), written, `${when}: write`);
    t.same(await store.setattr(asked('cut'), born, { size: 2 }), cut, `${when}: a late truncate destroys nothing`);
    await store.rmdir(asked('rmdir'), root, 'd');
    await store.link(asked('link'), born, root, 'g');
    await store.rename(asked('rename'), root, 'g', root, 'h');
    await store.remove(asked('remove'), root, 'h');
    t.match(await store.lookup(ROOT, root, 'h'), { size: 100 }, `${when}: nothing was done twice`);
    const { data } = await store.read(ROOT, born, 0, 10);
    t.equal(data.toString('latin1'), 'la\0\0\0\0\0\0\0\0', when);
  }
  await store.close();
});

t.test('A duplicate of a change that is not durable yet waits for it', async (t) => {
  const { store } = await testStore();
  const one = store.create(asked('x'), store.root(), 'f', FILE);
  const other = store.create(asked('x'), store.root(), 'f', FILE);
  t.ok(isPending(other));
  t.same(await other, await one);
  await store.close();
});

t.test('Refusals are remembered for a while, in memory', async (t) => {
  const { store, clock } = await testStore();
  const root = store.root();
  t.equal(await statusOf(() => store.remove(asked('r'), root, 'f')), 'NOENT');
  await store.create(ROOT, root, 'f', FILE);
  t.equal(await statusOf(() => store.remove(asked('r'), root, 'f')), 'NOENT', 'the first answer');
  clock.advance(REFUSAL_AGE_MAX / 1000 + 1);
  t.equal(await statusOf(() => store.remove(asked('r'), root, 'f')), 'OK', 'it has been forgotten');
  await store.close();
});

t.test('Answers are forgotten after REPLAY_AGE_MAX', async (t) => {
  const { store, clock } = await testStore();
  const root = store.root();
  await store.create(asked('c'), root, 'f', FILE);
  clock.advance(REPLAY_AGE_MAX / 1000);
  t.equal(await statusOf(() => store.create(asked('c'), root, 'f', FILE)), 'OK');
  clock.advance(1);
  t.equal(await statusOf(() => store.create(asked('c'), root, 'f', FILE)), 'EXIST');
  await store.close();
});

t.test('Answers and refusals are bounded in number: the oldest go first', async (t) => {
  const { store } = await testStore({ limits: { replays: 3, refusals: 2 } });
  const root = store.root();
  for (let at = 0; at < 5; at++) {
    await store.create(asked(`c${at}`), root, `f${at}`, FILE);
    await statusOf(() => store.rmdir(asked(`r${at}`), root, 'none'));
  }
  t.equal(store.stats().replays, 5);
  t.equal(await statusOf(() => store.create(asked('c1'), root, 'f1', FILE)), 'EXIST');
  t.equal(await statusOf(() => store.create(asked('c4'), root, 'f4', FILE)), 'OK');
  await store.close();
});

t.test('An identity of any length and any bytes tells calls apart', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const long = '\xff\0'.repeat(500);
  await store.create(asked(`${long}a`), root, 'f', FILE);
  t.equal(await statusOf(() => store.create(asked(`${long}a`), root, 'f', FILE)), 'OK');
  t.equal(await statusOf(() => store.create(asked(`${long}b`), root, 'f', FILE)), 'EXIST');
  await store.close();
});

t.test('A success that changed nothing is remembered as well', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  await store.create(ROOT, root, 'f', FILE);
  const opened = await store.create(asked('open'), root, 'f', FILE, { existing: 'open' });
  await store.remove(ROOT, root, 'f');
  t.same(await store.create(asked('open'), root, 'f', FILE, { existing: 'open' }), opened, 'no new file is made');
  t.equal(await statusOf(() => store.lookup(ROOT, root, 'f')), 'NOENT');
  await store.close();
});

t.test(
  'recall: the first answer when what it was about is gone, after a restart and compaction too; undefined for other calls',
  async (t) => {
    const first = await testStore();
    let { store } = first;
    const root = store.root();
    const directory = await store.create(asked('mkdir'), root, 'd', DIRECTORY);
    const file = await store.create(asked('create'), directory, 'f', FILE);
    const written = await store.write(asked('write'), file, 0, Buffer.from('first'));
    await store.remove(asked('remove'), directory, 'f');
    await store.rmdir(ROOT, root, 'd');
    for (const when of ['at once', 'after a restart', 'after compaction and a restart']) {
      if (when.startsWith('after compaction')) await store.compact();
      if (when !== 'at once') {
        await store.close();
        ({ store } = await testStore({ disk: first.disk, clock: first.clock }));
      }
      t.same(await store.recall('mkdir'), directory, when);
      t.same(await store.recall('create'), file, when);
      t.same(await store.recall('write'), written, when);
      t.equal(await store.recall('remove'), null, `${when}: a change that answers with nothing`);
      t.equal(await store.recall('another'), undefined, when);
    }
    first.clock.advance(REPLAY_AGE_MAX / 1000 + 1);
    t.equal(await store.recall('write'), undefined, 'it has been forgotten');
    await store.close();
  },
);

t.test('recall: a refusal is thrown, until it is forgotten', async (t) => {
  const { store, clock } = await testStore();
  t.equal(await statusOf(() => store.rmdir(asked('r'), store.root(), 'none')), 'NOENT');
  t.equal(await statusOf(() => store.recall('r')), 'NOENT');
  clock.advance(REFUSAL_AGE_MAX / 1000 + 1);
  t.equal(await store.recall('r'), undefined);
  await store.close();
});

t.test('recall waits for stable storage, as the first answer does; a refusal too', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const born = store.create(asked('c'), root, 'f', FILE);
  const refused = statusOf(() => store.create(asked('r'), root, 'f', FILE));
  const [answer, refusal] = [store.recall('c'), store.recall('r')];
  t.ok(isPending(answer), 'an answer');
  t.ok(isPending(refusal), 'a refusal');
  t.equal(await statusOf(() => refusal), await refused);
  t.same(await answer, await born);
  t.notOk(isPending(store.recall('c')), 'afterwards it comes at once');
  await store.close();
});

t.test('A call that was answered in a slice which is not served is not answered again here', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const as = { ...ROOT, replay: 'one' };
  const made = await store.create(as, root, 'f', FILE);
  store.serve((slice) => slice !== sliceOf(root.key));
  await t.rejects(async () => store.create(as, root, 'f', FILE), { message: /not served/ });
  store.serve(null);
  t.same(await store.create(as, root, 'f', FILE), made);
  await store.close();
});
