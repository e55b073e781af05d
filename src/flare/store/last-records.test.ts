import t from 'tap';
import { CHUNK_SIZE } from './limits.ts';
import { FILE, ROOT, testStore } from './testing/harness.ts';

t.test('What was last written is told, newest last, with its slice, number and operation', async (t) => {
  const { store } = await testStore();
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  await store.write(ROOT, file, 0, Buffer.alloc(100));
  const all = await store.lastRecords(1000);
  t.same(
    all.slice(-2).map(({ operation }) => operation),
    ['create', 'write'],
  );
  const [last] = await store.lastRecords(1);
  t.match(last, { slice: file.key.charCodeAt(0), number: store.lastOf(file.key.charCodeAt(0)).number });
  t.equal(last!.lsn, store.stats().durable);
  t.ok(last!.bytes > 100);
  t.ok(
    all.every(({ lsn }, at) => at === 0 || lsn === all[at - 1]!.lsn + 1),
    'none is left out',
  );
  await store.close();
});

t.test('Where the bytes of a file lie: by offset, as many as are asked for; nothing of what is not here', async (t) => {
  const { store } = await testStore();
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  await store.write(ROOT, file, 0, Buffer.alloc(100));
  await store.write(ROOT, file, 3 * CHUNK_SIZE, Buffer.alloc(50));
  const found = store.extentsOf(file, 10)!;
  t.match(found, {
    more: false,
    extents: [
      { offset: 0, length: 100 },
      { offset: 3 * CHUNK_SIZE, length: 50 },
    ],
  });
  t.match(store.extentsOf(file, 1), { more: true, extents: { length: 1 } });
  t.same(store.extentsOf(store.root(), 1), { extents: [], more: false });
  t.equal(store.extentsOf({ ...file, generation: file.generation + 1 }, 1), null);
  await store.close();
});
