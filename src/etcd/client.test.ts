import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import t, { type Test } from 'tap';
import { silentLogger } from '../base/logger.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { EtcdClient, HEDGE_MS } from './client.ts';
import { ANSWER_MS } from './http.ts';

/** What one endpoint does with what it is asked. */
type Mood = 'answers' | 'silent' | 'refuses';

interface Endpoint {
  readonly url: URL;
  readonly asked: string[];
  mood: Mood;
  /** Resolves when it has been asked so many times. */
  count(times: number): Promise<void>;
}

async function endpoint(t: Test, mood: Mood): Promise<Endpoint> {
  const server: Server = createServer((request, response) => {
    one.asked.push(request.url!);
    server.emit('asked');
    if (one.mood === 'refuses') request.socket.destroy();
    if (one.mood !== 'answers') return;
    response.end(JSON.stringify(request.url === '/v3/kv/txn' ? { succeeded: true } : { kvs: [] }));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const one: Endpoint = {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    asked: [],
    mood,
    async count(times) {
      while (one.asked.length < times) await once(server, 'asked');
    },
  };
  return one;
}

function client(t: Test, endpoints: readonly Endpoint[]) {
  const clock = manualClock();
  const made = new EtcdClient({ endpoints: endpoints.map(({ url }) => url) }, { clock, logger: silentLogger });
  t.teardown(() => made.close());
  return { clock, keys: made };
}

const RANGE = '/v3/kv/range';
const TXN = '/v3/kv/txn';
const make = { there: [], absent: ['k/1'], set: new Map([['k/1', Buffer.from('1')]]) };

t.test(
  'an endpoint that says nothing is waited for a moment, not for its answer; then the other is asked first',
  async (t) => {
    const [gone, well] = [await endpoint(t, 'silent'), await endpoint(t, 'answers')];
    const { clock, keys } = client(t, [gone, well]);
    const read = keys.last('k/');
    await gone.count(1);
    t.same(well.asked, [], 'not yet');
    clock.advance(HEDGE_MS);
    t.equal(await read, null);
    t.equal(await keys.last('k/'), null);
    t.same([gone.asked, well.asked], [[RANGE], [RANGE, RANGE]]);
  },
);

t.test('a change goes to an endpoint that has just answered, and to that one alone', async (t) => {
  const [gone, well] = [await endpoint(t, 'silent'), await endpoint(t, 'answers')];
  const { clock, keys } = client(t, [gone, well]);
  const change = keys.commit(make);
  await gone.count(1);
  clock.advance(HEDGE_MS);
  t.equal(await change, true);
  t.same([gone.asked, well.asked], [[RANGE], [RANGE, TXN]]);
});

t.test('one that breaks is asked last from then on; when none answers, what is asked for is refused', async (t) => {
  const [broken, well] = [await endpoint(t, 'refuses'), await endpoint(t, 'answers')];
  const { clock, keys } = client(t, [broken, well]);
  t.equal(await keys.commit(make), true);
  t.same([broken.asked, well.asked], [[RANGE], [RANGE, TXN]]);
  well.mood = 'silent';
  const read = keys.last('k/');
  await well.count(3);
  clock.advance(HEDGE_MS);
  await broken.count(2);
  const refused = t.rejects(read, /^etcd: /);
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(ANSWER_MS);
  await refused;
});

t.test('a watch that was begun where nobody answers any more is begun anew elsewhere', async (t) => {
  const [gone, well] = [await endpoint(t, 'silent'), await endpoint(t, 'answers')];
  const { clock, keys } = client(t, [gone, well]);
  keys.watch('k/', () => {});
  await gone.count(1);
  clock.advance(ANSWER_MS);
  await well.count(1);
  t.same([gone.asked, well.asked], [['/v3/watch'], ['/v3/watch']]);
});
