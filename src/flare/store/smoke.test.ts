import t from 'tap';
import { checkSound, DIRECTORY, FILE, ROOT, statusOf, testStore } from './testing/harness.ts';

t.test('smoke', async (t) => {
  const { store, disk, clock } = await testStore();
  const d = await store.create(ROOT, store.root(), 'd', DIRECTORY);
  const f = await store.create(ROOT, d, 'f', FILE);
  for (let i = 0; i < 40; i++) await store.write(ROOT, f, i * 3000, Buffer.alloc(4000, i));
  await store.link(ROOT, f, store.root(), 'g');
  await store.rename(ROOT, d, 'f', store.root(), 'h');
  t.equal(await statusOf(() => store.rmdir(ROOT, store.root(), 'd')), 'OK');
  await store.compact();
  const r = await store.read(ROOT, f, 2990, 20);
  t.equal(r.data.toString('hex'), `${'00'.repeat(10)}${'01'.repeat(10)}`);
  await store.close();
  const again = await testStore({ disk, clock });
  t.same(
    (await again.store.readdir(ROOT, again.store.root(), 0, 10)).entries.map((e) => e.name),
    ['g', 'h'],
  );
  const r2 = await again.store.read(ROOT, f, 2990, 20);
  t.equal(r2.data.toString('hex'), `${'00'.repeat(10)}${'01'.repeat(10)}`);
  await again.store.close();
  await checkSound(t, disk, 'sound');
});
