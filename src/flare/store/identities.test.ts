import t from 'tap';
import { keyOf, sliceOf } from '../keys.ts';
import { type Attributes, type FlareId, FlareType } from '../types.ts';
import { ALICE, BOB, checkSound, DIRECTORY, FILE, ROOT, statusOf, testStore } from './testing/harness.ts';

t.test('Keys: SHA-1 of the path, salted when a renamed flare holds that key; no two flares are one', async (t) => {
  const { store, disk } = await testStore();
  const root = store.root();
  const first = await store.create(ROOT, root, 'f', FILE);
  t.equal(first.key, keyOf(root.key, 'f'));
  await store.rename(ROOT, root, 'f', root, 'g');
  const second = await store.create(ROOT, root, 'f', FILE);
  t.not(second.key, first.key);
  t.equal((await store.lookup(ROOT, root, 'g')).key, first.key);
  t.not(second.fileid, first.fileid);
  t.equal(second.fileid % 256, sliceOf(second.key), 'a fileid names its slice');
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('Handles: STALE after the removal, though the same name is born again', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const first = await store.create(ROOT, root, 'd', DIRECTORY);
  await store.rmdir(ROOT, root, 'd');
  const second = await store.create(ROOT, root, 'd', DIRECTORY);
  t.equal(second.key, first.key);
  t.ok(second.generation > first.generation);
  t.equal(await statusOf(() => store.getattr(first)), 'STALE');
  t.equal(await statusOf(() => store.create(ROOT, first, 'x', FILE)), 'STALE');
  t.match(await store.find(first.key), { generation: second.generation }, 'find: by key alone');
  await store.rmdir(ROOT, root, 'd');
  t.equal(await statusOf(() => store.find(first.key)), 'STALE');
  await store.close();
});

t.test('Fileids: freed ones come back only when the counter has gone round, and living ones are skipped', async (t) => {
  const { store, disk, clock } = await testStore({ limits: { fileidMax: 18 } });
  const root = store.root();
  // Names whose keys lie in one slice.
  const names: string[] = [];
  for (let at = 0; names.length < 4; at++) if (sliceOf(keyOf(root.key, `n${at}`)) === 7) names.push(`n${at}`);
  const [a, b, c, d] = names as [string, string, string, string];
  const fileid = async (name: string): Promise<number> => (await store.create(ROOT, root, name, FILE)).fileid >>> 8;
  t.equal(await fileid(a), 16, 'lower ones are for what is no flare');
  t.equal(await fileid(b), 17);
  await store.remove(ROOT, root, a);
  t.equal(await fileid(c), 18, 'not the freed one');
  t.equal(await fileid(d), 16, 'round');
  t.equal(await statusOf(() => store.create(ROOT, root, a, FILE)), 'NOSPC', 'all are living');
  await store.remove(ROOT, root, c);
  t.equal(await fileid(a), 18, 'the living are skipped');
  await store.close();
  const again = await testStore({ disk, clock, limits: { fileidMax: 18 } });
  await again.store.remove(ROOT, root, b);
  t.equal(
    (await again.store.create(ROOT, root, b, FILE)).fileid >>> 8,
    17,
    'that the counter has gone round is durable',
  );
  await again.store.close();
});

t.test(
  'Cookies: from 3, a counter; after going round it skips the living; a replaced name keeps its own',
  async (t) => {
    const { store, disk, clock } = await testStore({ limits: { cookieMax: 6 } });
    const root = store.root();
    const list = async (s = store): Promise<string> =>
      (await s.readdir(ROOT, root, 0, 100)).entries.map(({ name, cookie }) => `${name}${cookie}`).join(' ');
    for (const name of ['a', 'b', 'c']) await store.create(ROOT, root, name, FILE);
    await store.remove(ROOT, root, 'a');
    await store.create(ROOT, root, 'd', FILE);
    t.equal(await list(), 'b4 c5 d6');
    await store.create(ROOT, root, 'e', FILE);
    t.equal(await list(), 'e3 b4 c5 d6');
    await store.rename(ROOT, root, 'e', root, 'b');
    t.equal(await list(), 'b4 c5 d6');
    await store.close();
    const again = await testStore({ disk, clock, limits: { cookieMax: 6 } });
    await again.store.create(ROOT, root, 'f', FILE);
    t.equal(await list(again.store), 'f3 b4 c5 d6');
    await again.store.close();
  },
);

t.test('readdir: an entry that lives throughout a listing is seen exactly once', async (t) => {
  const { store } = await testStore({ limits: { cacheBytes: 500 } });
  const root = store.root();
  for (let at = 0; at < 60; at++) await store.create(ROOT, root, `stays${at}`, FILE);
  const seen: string[] = [];
  let cookie = 0;
  for (let turn = 0; ; turn++) {
    const { entries, end } = await store.readdir(ROOT, root, cookie, 7);
    seen.push(...entries.map(({ name }) => name));
    if (end) break;
    cookie = entries.at(-1)!.cookie;
    const other = store.create(ROOT, root, `comes${turn}`, FILE);
    await store.rename(ROOT, root, `stays${turn}`, root, `stays${turn}`);
    await other;
    if (turn > 0) await store.remove(ROOT, root, `comes${turn - 1}`);
  }
  const stayed = seen.filter((name) => name.startsWith('stays'));
  t.equal(stayed.length, 60);
  t.equal(new Set(stayed).size, 60);
  await store.close();
});

t.test('Times never run backwards: ctime is max(clock, last + 1 µs)', async (t) => {
  const { store, clock } = await testStore();
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  clock.setWall(1_000_000);
  const after = await store.write(ROOT, file, 0, Buffer.from('x'));
  t.equal(after.ctime.seconds, file.ctime.seconds);
  t.equal(after.ctime.nanoseconds, file.ctime.nanoseconds + 1000);
  t.same(after.mtime, after.ctime);
  t.ok(after.version > file.version);
  await store.close();
});

t.test('Hard links: `parent` is always a directory that holds a name', async (t) => {
  const { store, disk, clock } = await testStore();
  const root = store.root();
  const [a, b, c] = [
    await store.create(ROOT, root, 'a', DIRECTORY),
    await store.create(ROOT, root, 'b', DIRECTORY),
    await store.create(ROOT, root, 'c', DIRECTORY),
  ] as [Attributes, Attributes, Attributes];
  const file = await store.create(ROOT, a, 'f', FILE);
  await store.link(ROOT, file, b, 'f');
  await store.link(ROOT, file, b, 'g');
  await store.link(ROOT, file, a, 'h');
  const parent = async (): Promise<FlareId> => (await store.getattr(file)).parent;
  t.equal((await parent()).key, a.key);
  await store.remove(ROOT, a, 'f');
  t.equal((await parent()).key, a.key, 'a still holds h');
  await store.rename(ROOT, a, 'h', c, 'h');
  t.match(await store.getattr(file), { nlink: 3 });
  await store.remove(ROOT, b, 'f');
  await store.remove(ROOT, b, 'g');
  t.equal((await parent()).key, c.key);
  await store.close();
  await checkSound(t, disk, 'sound');
  const again = await testStore({ disk, clock });
  t.match(await again.store.getattr(file), { nlink: 1, parent: { key: c.key } });
  await again.store.close();
});

t.test('Limits: links to one flare, entries of one directory', async (t) => {
  const { store } = await testStore({ limits: { linkMax: 2, entriesMax: 3 } });
  const root = store.root();
  const file = await store.create(ROOT, root, 'f', FILE);
  await store.link(ROOT, file, root, 'g');
  t.equal(await statusOf(() => store.link(ROOT, file, root, 'h')), 'MLINK');
  const directory = await store.create(ROOT, root, 'd', DIRECTORY);
  t.equal(await statusOf(() => store.create(ROOT, root, 'x', FILE)), 'NOSPC');
  await store.create(ROOT, directory, 'y', FILE);
  t.equal(await statusOf(() => store.rename(ROOT, directory, 'y', root, 'y')), 'NOSPC');
  t.equal(await statusOf(() => store.rename(ROOT, directory, 'y', root, 'g')), 'OK', 'in place of another is no more');
  await store.close();
});

t.test('rename: no loops, however deep; handles stay valid', async (t) => {
  const { store, disk } = await testStore();
  const top = await store.create(ROOT, store.root(), 'd0', DIRECTORY);
  let deep: Attributes = top;
  for (let depth = 1; depth < 60; depth++) deep = await store.create(ROOT, deep, `d${depth}`, DIRECTORY);
  t.equal(await statusOf(() => store.rename(ROOT, store.root(), 'd0', deep, 'loop')), 'INVAL');
  t.equal(await statusOf(() => store.rename(ROOT, store.root(), 'd0', top, 'loop')), 'INVAL');
  const second = await store.lookup(ROOT, top, 'd1');
  await store.rename(ROOT, top, 'd1', store.root(), 'moved');
  t.match(await store.getattr(second), { parent: { key: store.root().key } });
  await store.rename(ROOT, store.root(), 'd0', deep, 'below');
  t.match(await store.getattr(top), { parent: { key: deep.key } });
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('Two who work at once: each change is whole, and they come in an order', async (t) => {
  const { store, disk } = await testStore();
  const root = store.root();
  const results = await Promise.all(
    [ALICE, BOB, ALICE, BOB].map((caller) => statusOf(() => store.create(caller, root, 'one', FILE))),
  );
  t.same(results, ['OK', 'EXIST', 'EXIST', 'EXIST']);
  const renames = await Promise.all([
    statusOf(() => store.rename(ALICE, root, 'one', root, 'two')),
    statusOf(() => store.rename(BOB, root, 'one', root, 'three')),
  ]);
  t.same(renames, ['OK', 'NOENT']);
  const types = Object.values(FlareType).filter((type) => type !== FlareType.block && type !== FlareType.character);
  await Promise.all(
    types.map((type) => store.create(ALICE, root, `t${type}`, { type, mode: 0o600, target: Buffer.from('x') })),
  );
  await store.close();
  await checkSound(t, disk, 'sound');
});
