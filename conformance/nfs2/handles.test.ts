import fc from 'fast-check';
import t from 'tap';
import { FlareError } from '../../src/flare/errors.ts';
import { STAT } from '../../src/nfs2/errors.ts';
import { Handles, SECRET_BYTES } from '../../src/nfs2/handle.ts';
import { HANDLES_MAX, HandleCache } from '../../src/nfs2/handle-cache.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('forged handles: any bit changed, or any guess, is NFSERR_STALE', async (t) => {
  const { root, top, handles, store } = await makeWorld();
  const { handle } = must(await root.create(top, 'f', {}));
  const changed = fc.record({ at: fc.nat(31), by: fc.integer({ min: 1, max: 255 }) });
  await fc.assert(
    fc.asyncProperty(changed, async ({ at, by }) => {
      const forged = Buffer.from(handle);
      forged[at]! ^= by;
      return (await root.getattr(forged)).status === STAT.STALE;
    }),
    { numRuns: 300 },
  );
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (guess) => {
      guess[0] = 1;
      return (await root.getattr(Buffer.from(guess))).status === STAT.STALE;
    }),
    { numRuns: 100 },
  );
  const elsewhere = new Handles(Buffer.alloc(SECRET_BYTES, 1), store);
  t.equal((await root.getattr(elsewhere.issue(store.root(), 1))).status, STAT.STALE, 'of another network');
  t.same(handles.issue(store.root(), 1), top);
});

t.test('handles mean the same after a restart, with nothing remembered', async (t) => {
  const { store } = await makeWorld();
  const secret = Buffer.alloc(SECRET_BYTES, 5);
  const id = store.create({ uid: 0, gid: 0, gids: [] }, store.root(), 'f', { type: 1, mode: 0 });
  const bytes = new Handles(secret, store).issue(id, 0xabcd);
  t.equal(bytes.length, 32);
  t.match(await new Handles(secret, store).open(bytes), { key: id.key, generation: id.generation, share: 0xabcd });
  t.throws(() => new Handles(Buffer.alloc(5), store), RangeError);
});

t.test('a handle of an earlier generation is stale without memory too', async (t) => {
  const { store } = await makeWorld();
  const secret = Buffer.alloc(SECRET_BYTES, 5);
  const top = store.root();
  const root = { uid: 0, gid: 0, gids: [] };
  const bytes = new Handles(secret, store).issue(store.create(root, top, 'f', { type: 1, mode: 0 }), 1);
  store.remove(root, top, 'f');
  t.throws(() => new Handles(secret, store).open(bytes), FlareError.of('STALE'));
  store.create(root, top, 'f', { type: 1, mode: 0 });
  t.throws(() => new Handles(secret, store).open(bytes), FlareError.of('STALE'));
});

t.test('a verified handle costs no second look at the store', async (t) => {
  const { store } = await makeWorld();
  let looks = 0;
  const counting = new Proxy(store, {
    get(target, name) {
      if (name === 'find') looks += 1;
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const secret = Buffer.alloc(SECRET_BYTES, 5);
  const bytes = new Handles(secret, store).issue(store.root(), 1);
  const handles = new Handles(secret, counting);
  await handles.open(bytes);
  await handles.open(Buffer.from(bytes));
  t.equal(looks, 1);
});

t.test('the handles that are remembered are bounded; those in use stay', async (t) => {
  const cache = new HandleCache();
  const handle = (name: string) =>
    ({ key: name, generation: 1, share: 1, bytes: Buffer.alloc(0), text: name }) as unknown as Parameters<
      typeof cache.keep
    >[0];
  const used = handle('used');
  cache.keep(used);
  for (let at = 0; at < 5 * HANDLES_MAX; at++) {
    cache.keep(handle(`h${at}`));
    if (at % 1000 === 0) cache.byText('used');
  }
  t.ok(cache.size <= 2 * HANDLES_MAX);
  t.equal(cache.byText('used'), used);
  t.equal(cache.byText('h0'), undefined);
});
