import t from 'tap';
import { FILE, ROOT, testStore } from './testing/harness.ts';
import { Unit, UnitCache } from './units.ts';

class Text extends Unit<string> {
  readonly #table: Map<string, Text>;
  readonly key: string;

  constructor(table: Map<string, Text>, key: string, value: string) {
    super(value, 1, true);
    this.#table = table;
    this.key = key;
    table.set(key, this);
  }

  size(): number {
    return this.value.length;
  }

  unlink(): void {
    this.#table.delete(this.key);
  }
}

t.test(
  'Units: bounded by bytes; those that were asked for of late stay; what the index does not know never goes',
  async (t) => {
    const cache = new UnitCache(1000);
    const table = new Map<string, Text>();
    const text = 'x'.repeat(100);
    for (let at = 0; at < 20; at++) {
      const unit = new Text(table, `new${at}`, text);
      unit.flush = cache.flush;
      cache.add(unit);
    }
    t.equal(cache.count, 20, 'until the flush is applied the bound does not hold');
    cache.applied = cache.flush++;
    for (let at = 0; at < 100; at++) {
      table.get('new7')!.used = true;
      cache.add(new Text(table, `loaded${at}`, text));
    }
    t.ok(cache.bytes <= 1100, `${cache.bytes} bytes`);
    t.equal(cache.count, table.size, 'what went is found no more');
    t.ok(table.get('new7'), 'what is asked for stays');
    t.equal(table.get('new8'), undefined);
    t.ok(table.get('loaded99'));
    table.get('new7')!.value = 'short';
    cache.resize(table.get('new7')!);
    for (const unit of [...table.values()]) cache.remove(unit);
    t.equal(cache.bytes, 0);
  },
);

t.test('The memory of a store stays bounded while it makes and lists many files', async (t) => {
  const { store } = await testStore({ limits: { cacheBytes: 20_000 }, segmentBytes: 256 * 1024 });
  for (let at = 0; at < 400; at++) {
    const file = await store.create(ROOT, store.root(), `f${at}`, FILE);
    await store.write(ROOT, file, 0, Buffer.from('x'));
  }
  let count = 0;
  for (let cookie = 0, end = false; !end; ) {
    const page = await store.readdir(ROOT, store.root(), cookie, 50);
    for (const entry of page.entries) await store.lookup(ROOT, store.root(), entry.name);
    count += page.entries.length;
    cookie = page.entries.at(-1)?.cookie ?? cookie;
    ({ end } = page);
  }
  t.equal(count, 400);
  const { cachedBytes } = store.stats();
  t.ok(cachedBytes <= 4 * 25_000, `${cachedBytes} bytes of units`);
  await store.close();
});
