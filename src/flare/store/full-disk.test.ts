import t from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { checkSound, FILE, ROOT, statusOf, testStore } from './testing/harness.ts';

t.test('A full disk: NOSPC before anything is written; reads and removals go on, and make room again', async (t) => {
  const disk = new SimulatedDisk({ capacity: 1_000_000 });
  const limits = { reserveBytes: 400_000, compactionMinBytes: 0 };
  const { store, errors } = await testStore({ disk, limits });
  const root = store.root();
  const names: string[] = [];
  let status = 'OK';
  for (let at = 0; at < 200 && status === 'OK'; at++) {
    const name = `f${at}`;
    status = await statusOf(async () => {
      const file = await store.create(ROOT, root, name, FILE);
      names.push(name);
      await store.write(ROOT, file, 0, Buffer.alloc(20_000, 'x'));
    });
  }
  t.equal(status, 'NOSPC');
  t.ok(names.length > 5, `${names.length} files came first`);
  t.ok(disk.space().free >= 400_000 - 32_000, 'the reserve is untouched but for what compaction took');
  const before = await store.lookup(ROOT, root, 'f0');
  t.equal((await store.read(ROOT, before, 0, 3)).data.toString(), 'xxx', 'reads go on');
  t.ok(store.statfs().availableBytes < 60_000, `statfs says so: ${store.statfs().availableBytes}`);
  for (const name of names) await store.remove(ROOT, root, name);
  await store.compact();
  t.ok(store.statfs().availableBytes > 300_000, 'there is room again');
  const file = await store.create(ROOT, root, 'again', FILE);
  await store.write(ROOT, file, 0, Buffer.alloc(20_000, 'y'));
  t.same(errors, []);
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('A truncate to smaller may use the reserve, a truncate to larger and a note may not', async (t) => {
  const disk = new SimulatedDisk({ capacity: 1_000_000 });
  const { store } = await testStore({ disk, limits: { reserveBytes: 100_000 } });
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  await store.write(ROOT, file, 0, Buffer.from('long text'));
  await store.setNote('kept', Buffer.from('value'));
  disk.limit(100_000);
  store.statfs();
  await store.setattr(ROOT, file, { size: 8 });
  t.equal(await statusOf(() => store.setattr(ROOT, file, { size: 100 })), 'NOSPC');
  t.equal(await statusOf(() => store.setNote('more', Buffer.from('value'))), 'NOSPC');
  t.equal(await statusOf(() => store.setattr(ROOT, file, { size: 1 })), 'OK');
  await store.setNote('kept', null);
  t.equal(store.note('kept'), null);
  await store.close();
});

t.test('statfs never waits, and counts the living flares', async (t) => {
  const { store } = await testStore({ disk: new SimulatedDisk({ capacity: 10_000_000 }) });
  const file = store.create(ROOT, store.root(), 'f', FILE);
  const { totalBytes, freeBytes, availableBytes, flares } = store.statfs();
  t.equal(totalBytes, 10_000_000);
  t.equal(freeBytes - availableBytes, 64 * 1024);
  t.equal(flares, 2);
  await file;
  await store.remove(ROOT, store.root(), 'f');
  t.equal(store.statfs().flares, 1);
  await store.close();
});
