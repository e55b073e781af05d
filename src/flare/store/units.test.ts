import t from 'tap';
import { FILE, ROOT, testStore } from './testing/harness.ts';
import { Unapplied, UnitCache } from './units.ts';

t.test(
  'Units: bounded by bytes; those that were asked for of late stay; what the index does not know never goes',
  async (t) => {
    let applied = 0;
    const cache = new UnitCache<string>(
      1000,
      () => applied,
      (value) => value.length,
    );
    const text = 'x'.repeat(100);
    for (let at = 0; at < 20; at++) cache.put(`new${at}`, text, at + 1, 1);
    t.equal(cache.count, 20, 'above the watermark the bound does not hold');
    applied = 20;
    for (let at = 0; at < 100; at++) {
      cache.put(`loaded${at}`, text, 0, 1);
      cache.get('new7');
    }
    t.ok(cache.bytes <= 1100, `${cache.bytes} bytes`);
    t.ok(cache.get('new7'), 'what is asked for stays');
    t.equal(cache.get('new8'), undefined);
    t.ok(cache.get('loaded99'));
  },
);

t.test('Unapplied: members that changed since the watermark, with their last value', async (t) => {
  let applied = 0;
  const names = new Unapplied<string, number>(() => applied);
  names.set('d', 'a', 1, 10);
  names.set('d', 'b', 2, 20);
  names.set('d', 'a', 3, 30);
  applied = 1;
  t.equal(names.of('d')?.get('a')?.value, 30, 'changed again since');
  applied = 2;
  t.same([...names.of('d')!.keys()], ['a']);
  applied = 3;
  t.equal(names.of('d'), undefined);
  t.equal(names.all().size, 0);
  for (let at = 0; at < 5000; at++) names.set(`d${at}`, 'n', ++applied, at);
  t.ok(names.all().size <= 1, 'groups without members are forgotten');
});

t.test('The memory of a store stays bounded while it makes and lists many files', async (t) => {
  const { store } = await testStore({ limits: { cacheBytes: 20_000 }, segmentBytes: 256 * 1024 });
  for (let at = 0; at < 400; at++) {
    const file = await store.create(ROOT, store.root(), `f${at}`, FILE);
    await store.write(ROOT, file, 0, Buffer.from('x'));
  }
  let count = 0;
  for (let cookie = 0, end = false; !end; ) {
    const page = await store.readdir(ROOT, store.root(), cookie, 50);
    for (const entry of page.entries) await store.getattr(entry);
    count += page.entries.length;
    cookie = page.entries.at(-1)?.cookie ?? cookie;
    ({ end } = page);
  }
  t.equal(count, 400);
  const { cachedBytes } = store.stats();
  t.ok(cachedBytes <= 4 * 25_000, `${cachedBytes} bytes of units`);
  await store.close();
});
