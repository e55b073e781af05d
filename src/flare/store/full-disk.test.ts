import t from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import type { StoreLimits } from './limits.ts';
import { checkSound, FILE, ROOT, statusOf, type TestStore, testStore } from './testing/harness.ts';
import { LaggingIndex } from './testing/lagging-index.ts';

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

/** A store whose index finds no room when it is told so. */
async function withIndex(limits: Partial<StoreLimits> = {}): Promise<TestStore & { readonly index: LaggingIndex }> {
  let index: LaggingIndex | undefined;
  const opened = await testStore({
    limits: { compactionMinBytes: 2 ** 40, ...limits },
    indexHost: async ({ disk }) => {
      index = new LaggingIndex(await inlineIndexHost({ disk }));
      return index;
    },
  });
  return { ...opened, index: index! };
}

t.test(
  'An index without room: what needs room is refused with NOSPC, removals go on while the log has room, nothing waits; then all goes on (issue 3)',
  async (t) => {
    const { store, disk, index, errors } = await withIndex();
    const root = store.root();
    for (let at = 0; at < 300; at++) await store.create(ROOT, root, `f${at}`, FILE);
    index.fill();
    t.equal(await statusOf(() => store.create(ROOT, root, 'more', FILE)), 'NOSPC');
    let removed = 0;
    while ((await statusOf(() => store.remove(ROOT, root, `f${removed}`))) === 'OK') removed++;
    t.ok(removed > 50, `${removed} were removed before too much waited for the index`);
    t.equal(await statusOf(() => store.remove(ROOT, root, `f${removed}`)), 'NOSPC');
    await t.rejects(store.checkpoint(), /no room for the index/);
    await store.compact();
    t.match(errors.splice(0).join(), /compaction failed.*no room for the index/);
    t.equal((await store.lookup(ROOT, root, 'f299')).size, 0, 'reads go on');

    await index.empty();
    await store.remove(ROOT, root, `f${removed}`);
    await store.create(ROOT, root, 'more', FILE);
    await store.checkpoint();
    t.equal((await store.readdir(ROOT, root, 0, 1000)).entries.length, 300 - removed);
    t.same(errors, []);
    await store.close();
    await checkSound(t, disk, 'sound');
  },
);

t.test('Changes that wait for the index are refused when that finds no room', async (t) => {
  const { store, index } = await withIndex({ pendingUnits: 4, flushUnits: 2 });
  const root = store.root();
  index.lag();
  const creating = Array.from({ length: 20 }, (_, at) => statusOf(() => store.create(ROOT, root, `f${at}`, FILE)));
  // Those that may not wait are answered.
  await creating[0];
  index.fill();
  const statuses = await Promise.all(creating);
  t.ok(statuses.includes('OK') && statuses.includes('NOSPC'), statuses.join());
  await index.empty();
  const { entries } = await store.readdir(ROOT, root, 0, 100);
  t.equal(entries.length, statuses.filter((status) => status === 'OK').length);
  await store.close();
});

t.test('Closing does not wait for an index without room; the next start has all that the log has', async (t) => {
  const { store, disk, clock, index } = await withIndex();
  const root = store.root();
  index.lag();
  for (let at = 0; at < 40; at++) await store.create(ROOT, root, `f${at}`, FILE);
  index.fill();
  await store.remove(ROOT, root, 'f0');
  t.ok(index.waiting > 0, 'something waits for it');
  await store.close();
  const again = await testStore({ disk, clock });
  t.equal((await again.store.readdir(ROOT, root, 0, 100)).entries.length, 39);
  await again.store.close();
  await checkSound(t, disk, 'sound');
});
