import t from 'tap';
import { isPending } from '../../base/eventually.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import type { Attributes } from '../types.ts';
import { FILE, ROOT, statusOf, testStore } from './testing/harness.ts';

t.test('FlareService: no answer shows what a crash could take back', async (t) => {
  const { store } = await testStore();
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  t.notOk(isPending(store.getattr(file)), 'what is durable is answered at once');
  t.notOk(isPending(store.lookup(ROOT, store.root(), 'f')));
  const writing = store.write(ROOT, file, 0, Buffer.from('new'));
  for (const [what, answer] of Object.entries({
    getattr: store.getattr(file),
    find: store.find(file.key),
    read: store.read(ROOT, file, 0, 10),
    lookup: store.lookup(ROOT, store.root(), 'f'),
    again: store.write(ROOT, file, 0, Buffer.alloc(0)),
  })) {
    t.ok(isPending(answer), `${what} waits`);
    await answer;
  }
  t.notOk(isPending(store.getattr(file)), 'it has become durable while they waited');
  await writing;
  await store.close();
});

t.test('Refusals that depend on what is not durable wait too', async (t) => {
  const { store } = await testStore();
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  const removing = store.remove(ROOT, store.root(), 'f');
  const refusals = [
    store.lookup(ROOT, store.root(), 'f'),
    store.getattr(file),
    store.remove(ROOT, store.root(), 'f'),
    store.glance(file),
  ];
  t.ok(refusals.every(isPending));
  const statuses = await Promise.all(refusals.map((refusal) => statusOf(() => refusal)));
  t.same(statuses, ['NOENT', 'STALE', 'NOENT', 'STALE']);
  await removing;
  t.throws(() => store.lookup(ROOT, store.root(), 'f'), { message: 'NOENT' }, 'afterwards they come at once');
  await store.close();
});

t.test('glance does not wait', async (t) => {
  const { store } = await testStore();
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  const changing = store.setattr(ROOT, file, { mode: 0o600 });
  const seen = store.glance(file);
  t.notOk(isPending(seen));
  t.match(seen, { mode: 0o600 });
  await changing;
  await store.close();
});

t.test(
  'A log that failed: changes and what is not durable are refused with IO, durable state is still read',
  async (t) => {
    for (const operation of ['write', 'sync'] as const) {
      const disk = new SimulatedDisk();
      const { store, errors } = await testStore({ disk });
      const kept = await store.create(ROOT, store.root(), 'kept', FILE);
      await store.write(ROOT, kept, 0, Buffer.from('safe'));
      const touched = await store.create(ROOT, store.root(), 'touched', FILE);
      disk.fail(operation, 1, 'EIO');
      const changing = store.write(ROOT, touched, 0, Buffer.from('lost'));
      t.equal(await statusOf(() => changing), 'IO', `${operation}: the change under way`);
      t.equal(await statusOf(() => store.create(ROOT, store.root(), 'more', FILE)), 'IO', 'a later change');
      t.equal(await statusOf(() => store.getattr(touched)), 'IO', 'what is not durable');
      t.equal(await statusOf(() => store.setNote('a', Buffer.from('b'))), 'IO', 'a note');
      t.match(await store.getattr(kept), { size: 4 }, 'what is durable');
      t.equal((await store.read(ROOT, kept, 0, 10)).data.toString(), 'safe');
      t.match(errors.join(), /wedged/);
      await store.close().catch(() => {});
    }
  },
);

t.test('Changes wait while too much is under way, and are done in the end', async (t) => {
  const { store } = await testStore({ limits: { pendingBytes: 2000, pendingUnits: 4 }, segmentBytes: 1024 * 1024 });
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  const data = Buffer.from('a');
  const writes = Array.from({ length: 50 }, (_, at) => {
    data[0] = 97 + (at % 26);
    return store.write(ROOT, file, at, data);
  });
  t.ok(store.stats().appended < 20, 'not all are in the log at once');
  await Promise.all(writes);
  const { data: found } = await store.read(ROOT, file, 0, 100);
  t.equal(found.length, 50);
  t.equal(found.subarray(0, 5).toString(), 'abcde', 'their data was copied');
  await store.close();
});

t.test(
  'FlareService.read: bytes that wait for stable storage stay what they are, whatever is read meanwhile',
  async (t) => {
    const { store } = await testStore();
    const ids: Attributes[] = [];
    for (const name of ['a', 'b']) {
      const made = await store.create(ROOT, store.root(), name, FILE);
      await store.write(ROOT, made, 0, Buffer.alloc(4096, name));
      t.same((await store.read(ROOT, made, 0, 4096)).data, Buffer.alloc(4096, name));
      ids.push(made);
    }
    const [a, b] = ids as [Attributes, Attributes];
    const change = store.setattr(ROOT, a, { mode: 0o600 });
    const waiting = store.read(ROOT, a, 0, 4096);
    t.ok(isPending(waiting));
    t.notOk(isPending(store.read(ROOT, b, 0, 4096)), 'what is durable comes at once');
    await change;
    await new Promise((resolve) => setImmediate(resolve));
    for (let reads = 0; reads < 8; reads++) void store.read(ROOT, b, 0, 4096);
    t.same((await waiting).data, Buffer.alloc(4096, 'a'));
  },
);
