import fc from 'fast-check';
import t from 'tap';
import { inlineIndexHost } from '../index/inline-host.ts';
import type { StoredExtent } from '../record/schema.ts';
import type { Attributes, FlareId } from '../types.ts';
import { SIZE_MAX } from '../types.ts';
import { lengthOf, replaced, within } from './extents.ts';
import { CHUNK_SIZE, READ_MAX, WRITE_MAX } from './limits.ts';
import type { LocalStore } from './local-store.ts';
import { checkSound, FILE, ROOT, statusOf, testStore } from './testing/harness.ts';
import { LaggingIndex } from './testing/lagging-index.ts';

async function fileOf(store: LocalStore, name = 'f'): Promise<Attributes> {
  return store.create(ROOT, store.root(), name, FILE);
}

async function bytesOf(store: LocalStore, id: FlareId, offset: number, count: number): Promise<string> {
  return (await store.read(ROOT, id, offset, count)).data.toString('latin1');
}

t.test('FlareService.write: a gap becomes a hole that reads as zeros and takes no room', async (t) => {
  const { store, disk } = await testStore();
  const file = await fileOf(store);
  const after = await store.write(ROOT, file, 5 * CHUNK_SIZE, Buffer.from('end'));
  t.equal(after.size, 5 * CHUNK_SIZE + 3);
  t.equal(after.used, 3);
  t.equal(await bytesOf(store, file, 5 * CHUNK_SIZE - 2, 10), '\0\0end');
  t.equal(await bytesOf(store, file, 0, 4), '\0\0\0\0');
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('A write across chunks is read back whole, and covers what was there', async (t) => {
  const { store, disk } = await testStore({ segmentBytes: 1024 * 1024 });
  const file = await fileOf(store);
  await store.write(ROOT, file, CHUNK_SIZE - 5, Buffer.alloc(200_000, 'x'));
  const after = await store.write(ROOT, file, CHUNK_SIZE - 10, Buffer.alloc(20, 'y'));
  t.equal(after.used, 200_005);
  t.equal(await bytesOf(store, file, CHUNK_SIZE - 12, 24), `\0\0${'y'.repeat(20)}xx`);
  const { data } = await store.read(ROOT, file, CHUNK_SIZE + 10, 199_985);
  t.ok(data.every((byte) => byte === 0x78));
  t.equal(data.length, 199_985);
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('setattr: what was cut away shows as zeros when the file has grown again', async (t) => {
  const { store, disk } = await testStore();
  const file = await fileOf(store);
  await store.write(ROOT, file, 0, Buffer.alloc(3000, 'x'));
  t.equal((await store.setattr(ROOT, file, { size: 1000 })).used, 1000);
  const grown = await store.setattr(ROOT, file, { size: 2000 });
  t.match(grown, { size: 2000, used: 1000 });
  t.equal(await bytesOf(store, file, 998, 5000), `xx${'\0'.repeat(1000)}`);
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('A cut that the index has not applied holds for chunks that are loaded from it afterwards', async (t) => {
  let index: LaggingIndex | undefined;
  const options = {
    indexHost: async () => {
      index = new LaggingIndex(await inlineIndexHost());
      return index;
    },
    limits: { cacheBytes: 0, flushBytes: 0 },
  };
  const { store } = await testStore(options);
  const file = await fileOf(store);
  for (let chunk = 0; chunk < 40; chunk++) await store.write(ROOT, file, chunk * CHUNK_SIZE, Buffer.from('data'));
  index!.lag();
  // With a cache of nothing, what the index has is forgotten and loaded anew.
  t.match(await store.setattr(ROOT, file, { size: 2 }), { used: 2 });
  t.match(await store.setattr(ROOT, file, { size: 40 * CHUNK_SIZE }), { used: 2 });
  for (const chunk of [0, 1, 20, 39]) {
    t.equal(await bytesOf(store, file, chunk * CHUNK_SIZE, 5), chunk === 0 ? 'da\0\0\0' : '\0'.repeat(5));
  }
  await store.write(ROOT, file, 20 * CHUNK_SIZE + 2, Buffer.from('new'));
  t.match(await store.setattr(ROOT, file, { size: 21 * CHUNK_SIZE }), { used: 5 });
  await index!.catchUp(1);
  t.equal(await bytesOf(store, file, 20 * CHUNK_SIZE, 6), '\0\0new\0');
  index!.lag(false);
  await index!.catchUp();
  t.equal(await bytesOf(store, file, 20 * CHUNK_SIZE, 6), '\0\0new\0');
  t.equal(await bytesOf(store, file, CHUNK_SIZE, 4), '\0\0\0\0');
  await store.close();
});

t.test('Sizes go up to 2^50; beyond that FBIG, and what is no offset INVAL', async (t) => {
  const { store } = await testStore();
  const file = await fileOf(store);
  t.match(await store.write(ROOT, file, SIZE_MAX - 1, Buffer.from('z')), { size: SIZE_MAX, used: 1 });
  t.equal(await bytesOf(store, file, SIZE_MAX - 2, 100), '\0z');
  t.match(await store.setattr(ROOT, file, { size: 7 }), { size: 7, used: 0 });
  t.equal(await statusOf(() => store.write(ROOT, file, SIZE_MAX, Buffer.from('z'))), 'FBIG');
  t.equal(await statusOf(() => store.setattr(ROOT, file, { size: SIZE_MAX + 1 })), 'FBIG');
  t.equal(await statusOf(() => store.write(ROOT, file, -1, Buffer.from('z'))), 'INVAL');
  t.equal(await statusOf(() => store.read(ROOT, file, 0.5, 1)), 'INVAL');
  await store.close();
});

t.test('WRITE_MAX and READ_MAX bound one call', async (t) => {
  const { store } = await testStore({ segmentBytes: 4 * 1024 * 1024 });
  const file = await fileOf(store);
  t.match(await store.write(ROOT, file, 100, Buffer.alloc(WRITE_MAX, 'w')), { used: WRITE_MAX });
  t.throws(() => store.write(ROOT, file, 0, Buffer.alloc(WRITE_MAX + 1)), { name: 'RangeError' });
  t.throws(() => store.read(ROOT, file, 0, READ_MAX + 1), { name: 'RangeError' });
  await store.close();
});

t.test('write: the data is copied before the call returns', async (t) => {
  const { store } = await testStore();
  const file = await fileOf(store);
  const data = Buffer.from('mine');
  const answer = store.write(ROOT, file, 0, data);
  data.fill(0);
  await answer;
  t.equal(await bytesOf(store, file, 0, 10), 'mine');
  await store.close();
});

t.test('Extents: replacing and clipping agree with a plain array of bytes', async () => {
  const piece = fc.record({ offset: fc.nat(60), length: fc.integer({ min: 1, max: 20 }), keep: fc.boolean() });
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      let extents: StoredExtent[] = [];
      const plain = new Map<number, number>();
      pieces.forEach(({ offset, length, keep }, turn) => {
        const position = 1000 * (turn + 1);
        const added = { offset, length, segment: 1, position, lead: 7 };
        extents = replaced(extents, offset, offset + length, keep ? added : null);
        for (let at = 0; at < length; at++) {
          if (keep) plain.set(offset + at, position + at);
          else plain.delete(offset + at);
        }
      });
      const found = new Map<number, number>();
      let end = 0;
      for (const { offset, length, position, lead } of within(extents, 0, 1000)) {
        if (offset < end || length <= 0 || (position - lead) % 1000 !== 993) return false;
        end = offset + length;
        for (let at = 0; at < length; at++) found.set(offset + at, position + at);
      }
      return lengthOf(extents) === plain.size && [...plain].every(([at, position]) => found.get(at) === position);
    }),
  );
});
