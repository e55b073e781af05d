import t from 'tap';
import { LOCAL_SLICE, ROOT_KEY, sliceOf } from '../keys.ts';
import { NOTE_NAME_MAX, NOTE_VALUE_MAX } from '../record/limits.ts';
import { statusOf, testStore } from './testing/harness.ts';

t.test('NoteStore: durable when set, in the order of names, over restarts', async (t) => {
  const { store, disk, clock } = await testStore();
  await store.setNote('mounts/b', Buffer.from('2'));
  await store.setNote('mounts/a', Buffer.from('1'));
  await store.setNote('other', Buffer.from('3'));
  await store.setNote('mounts/a', Buffer.from('4'));
  await store.setNote('other', null);
  await store.setNote('never', null);
  const shown = (s: typeof store): [string, string][] =>
    [...s.notes('mounts/')].map(([name, value]) => [name, value.toString()]);
  t.same(shown(store), [
    ['mounts/a', '4'],
    ['mounts/b', '2'],
  ]);
  t.equal(store.note('other'), null);
  await store.close();
  const again = await testStore({ disk, clock });
  t.same(shown(again.store), [
    ['mounts/a', '4'],
    ['mounts/b', '2'],
  ]);
  t.equal(again.store.note('other'), null);
  await again.store.close();
});

t.test('A note shows its old value until the new one is durable', async (t) => {
  const { store } = await testStore();
  await store.setNote('n', Buffer.from('old'));
  const one = store.setNote('n', Buffer.from('new'));
  const other = store.setNote('n', Buffer.from('newer'));
  t.equal(store.note('n')?.toString(), 'old');
  await Promise.all([one, other]);
  t.equal(store.note('n')?.toString(), 'newer');
  const removing = store.setNote('n', null);
  t.equal(store.note('n')?.toString(), 'newer');
  await removing;
  t.equal(store.note('n'), null);
  await store.close();
});

t.test('Notes are bounded: name, value, all together', async (t) => {
  const { store } = await testStore({ limits: { noteBytes: 70_000 }, segmentBytes: 1024 * 1024 });
  for (const name of ['', 'x'.repeat(NOTE_NAME_MAX + 1), 'ö', 'a\n']) {
    await t.rejects(store.setNote(name, Buffer.alloc(1)), { name: 'RangeError' }, JSON.stringify(name.slice(0, 9)));
  }
  await t.rejects(store.setNote('n', Buffer.alloc(NOTE_VALUE_MAX + 1)), { name: 'RangeError' });
  await store.setNote('n', Buffer.alloc(NOTE_VALUE_MAX));
  t.equal(await statusOf(() => store.setNote('m', Buffer.alloc(10_000))), 'NOSPC');
  await store.setNote('n', null);
  t.equal(await statusOf(() => store.setNote('m', Buffer.alloc(10_000))), 'OK');
  await store.close();
});

t.test("A volcano's own notes take no numbers of the root's slice, whose records go to other volcanos", async (t) => {
  const { store, disk, clock } = await testStore();
  const before = store.lastOf(sliceOf(ROOT_KEY)).number;
  await store.setNote('volcano/nickname', Buffer.from('wallace'));
  await store.setNote('dht/x', Buffer.from('1'));
  t.equal(store.lastOf(sliceOf(ROOT_KEY)).number, before);
  t.equal(store.lastOf(LOCAL_SLICE).number, 2);
  await store.setNote('rule/x', Buffer.from('1'));
  t.equal(store.lastOf(sliceOf(ROOT_KEY)).number, before + 1);
  await store.close();
  const again = await testStore({ disk, clock });
  t.equal(again.store.lastOf(LOCAL_SLICE).number, 2);
  t.equal(again.store.note('volcano/nickname')?.toString(), 'wallace');
  await again.store.close();
});
