import t from 'tap';
import { MemoryKeyValues } from '../../base/testing/memory-key-value.ts';
import { alone, member } from '../testing/members.ts';
import { SHARED_KEPT, SharedProjectionStore } from './shared-store.ts';
import { fill, withMember, withoutMirror } from './steps.ts';
import type { Projection } from './types.ts';

const PREFIX = 'magma/0123/';
const RANGE = { first: 128, count: 128 };

/** Steps of which each is legal after the one before. */
function* history(): Generator<Projection> {
  let projection = alone();
  yield projection;
  projection = withMember(projection, member(1), 0);
  yield projection;
  for (let at = 0; ; at++) {
    projection = at % 2 === 0 ? fill(projection, RANGE, 1) : withoutMirror(projection, RANGE, 1);
    yield projection;
  }
}

t.test(
  'write-once: of many writers of an epoch, each a client of its own, one alone is answered "written"',
  async (t) => {
    const keys = new MemoryKeyValues();
    const stores = [1, 2, 3, 4].map(() => new SharedProjectionStore(keys.client(), PREFIX));
    t.equal(await stores[0]!.newest(), null);
    const firsts = await Promise.all(stores.map((store, at) => store.write(alone({ networkName: `n${at}` }))));
    t.strictSame([...firsts].sort(), ['taken', 'taken', 'taken', 'written']);
    const first = (await stores[0]!.newest())!;
    t.equal(first.networkName, `n${firsts.indexOf('written')}`);
    const rivals = [1, 2, 3, 4].map((number) => withMember(first, member(number), 0));
    const answers = await Promise.all(rivals.map((rival, at) => stores[at]!.write(rival)));
    t.strictSame([...answers].sort(), ['taken', 'taken', 'taken', 'written']);
    t.strictSame(await stores[3]!.newest(), rivals[answers.indexOf('written')]);
    const later = withMember(withMember(rivals[0]!, member(7), 0), member(8), 0);
    t.equal(await stores[0]!.write(later), 'taken', 'an epoch cannot be left out');
  },
);

t.test('the newest few are kept, and an epoch that is kept no more cannot be written again', async (t) => {
  const keys = new MemoryKeyValues();
  const client = keys.client();
  const store = new SharedProjectionStore(client, PREFIX);
  const all: Projection[] = [];
  for (const projection of history()) {
    t.equal(await store.write(projection), 'written');
    if (all.push(projection) === SHARED_KEPT + 3) break;
  }
  t.strictSame(await store.newest(), all.at(-1));
  for (const projection of all) t.equal(await store.write(projection), 'taken');
  await client.remove(`${PREFIX}projection/`, `${PREFIX}projection0`);
  t.equal(await store.write(all[0]!), 'taken', 'a network that has lost its maps does not begin anew by itself');
});

t.test('what is not legal is refused and changes nothing', async (t) => {
  const store = new SharedProjectionStore(new MemoryKeyValues().client(), PREFIX);
  const first = alone();
  await store.write(first);
  await t.rejects(store.write({ ...withMember(first, member(1), 0), replicas: 0 }), { name: 'ProjectionError' });
  await t.rejects(store.write({ ...first, epoch: 2, replicas: 3 }), { name: 'ProjectionError' });
  t.strictSame(await store.newest(), first);
});

t.test('an answer that is lost rejects, and what was written is the newest', async (t) => {
  const client = new MemoryKeyValues().client();
  const store = new SharedProjectionStore(client, PREFIX);
  client.faults.deaf = true;
  await t.rejects(store.write(alone()), /lost/);
  client.faults.deaf = false;
  t.strictSame(await store.newest(), alone());
  t.equal(await store.write(alone()), 'taken');
  client.faults.away = true;
  await t.rejects(store.newest(), /reached/);
});

t.test('who watches is told of the newest, at the beginning and after each change', async (t) => {
  const keys = new MemoryKeyValues();
  const [one, other] = [keys.client(), keys.client()].map((client) => new SharedProjectionStore(client, PREFIX));
  const steps = history();
  const next = (): Projection => steps.next().value as Projection;
  await one!.write(next());
  let seen: Projection | null = null;
  let told = Promise.withResolvers<void>();
  const stop = other!.watch((projection) => {
    seen = projection;
    told.resolve();
  });
  await told.promise;
  t.match(seen, { epoch: 1 });
  told = Promise.withResolvers();
  await one!.write(next());
  await told.promise;
  t.match(seen, { epoch: 2 });
  stop();
  await one!.write(next());
  await new Promise((resolve) => setImmediate(resolve));
  t.match(seen, { epoch: 2 });
});

t.test('what somebody else has written is named, not believed', async (t) => {
  const client = new MemoryKeyValues().client();
  const store = new SharedProjectionStore(client, PREFIX);
  const key = `${PREFIX}projection/${'1'.padStart(16, '0')}`;
  await client.commit({ there: [], absent: [], set: new Map([[key, Buffer.from('hello')]]) });
  await t.rejects(store.newest(), { name: 'ProjectionError', message: /something else has written there/ });
  await client.remove(key, `${key}0`);
  await store.write(alone());
  const good = (await client.last(`${PREFIX}projection/`))!;
  await client.commit({
    there: [],
    absent: [],
    set: new Map([[`${PREFIX}projection/${'9'.padStart(16, '0')}`, good.value]]),
  });
  await t.rejects(store.newest(), /holds the projection of epoch 1/);
});
