import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { keyValueContract } from '../src/base/testing/key-value-contract.ts';
import { SharedProjectionStore } from '../src/dht/projection/shared-store.ts';
import { withMember } from '../src/dht/projection/steps.ts';
import { alone, member } from '../src/dht/testing/members.ts';
import { EtcdClient } from '../src/etcd/client.ts';
import type { EtcdOptions } from '../src/etcd/options.ts';
import { ETCD, EtcdCluster, type EtcdClusterOptions, makeCertificates } from './clients/etcd.ts';
import { unmet } from './lib/requirements.ts';

const skip = unmet(ETCD);

async function cluster(t: Pick<Test, 'teardown'>, options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
  const started = await EtcdCluster.start(options);
  t.teardown(() => started.stop());
  return started;
}

function client(t: { teardown(end: () => Promise<void>): void }, options: EtcdOptions): EtcdClient {
  const made = new EtcdClient(options, { clock: systemClock, logger: silentLogger });
  t.teardown(() => made.close());
  return made;
}

const set = (...keys: string[]) => new Map(keys.map((key) => [key, Buffer.from(key)]));
const make = (key: string) => ({ there: [], absent: [key], set: set(key) });

/** Makes a key that begins so, as soon as that can be. */
async function made(keys: EtcdClient, begin: string): Promise<void> {
  for (let number = 0; ; number++) {
    const done = await keys.commit(make(`${begin}/${String(number).padStart(4, '0')}`)).catch(() => null);
    if (done !== null) return;
  }
}

const shared = skip === false ? await EtcdCluster.start() : null;
t.teardown(() => shared?.stop());

keyValueContract({
  name: 'etcd',
  skip,
  open: async (t) => {
    const { endpoints } = shared!;
    return [client(t, { endpoints }), client(t, { endpoints })];
  },
});

t.test('issue 6: one projection of an epoch is written, of four volcanos that want it', { skip }, async (t) => {
  const { endpoints } = shared!;
  const stores = [1, 2, 3, 4].map(() => new SharedProjectionStore(client(t, { endpoints }), 'magma/test/'));
  t.equal(await stores[0]!.write(alone()), 'written');
  const rivals = [1, 2, 3, 4].map((number) => withMember(alone(), member(number), 0));
  const answers = await Promise.all(rivals.map((rival, at) => stores[at]!.write(rival)));
  t.strictSame([...answers].sort(), ['taken', 'taken', 'taken', 'written']);
  t.strictSame(await stores[3]!.newest(), rivals[answers.indexOf('written')]);
});

t.test(
  'a node that dies is done without; without a majority nothing is answered; it comes back',
  { skip },
  async (t) => {
    const nodes = await cluster(t, { nodes: 3 });
    const keys = client(t, { endpoints: nodes.endpoints });
    t.equal(await keys.commit(make('k/1')), true);
    let told = 0;
    let next = Promise.withResolvers<void>();
    keys.watch('k/', () => {
      told++;
      next.resolve();
    });
    await next.promise;
    await nodes.kill(0);
    // Whoever led may be the dead one: until there is a new leader etcd says no, or says nothing.
    await made(keys, 'k/2');
    t.match((await keys.last('k/'))?.key, /^k\/2/);
    await nodes.kill(1);
    await t.rejects(
      keys.commit(make('k/2x')),
      /etcd/,
      'one of three is no majority; it may be done when there is one again',
    );
    await t.rejects(keys.last('k/'), /etcd/, 'nor may it say what is newest');
    const before = told;
    next = Promise.withResolvers();
    nodes.run(0);
    nodes.run(1);
    await nodes.ready();
    await made(keys, 'k/3');
    await next.promise;
    t.ok(told > before, 'the watch comes back by itself');
    t.match((await keys.last('k/'))?.key, /^k\/3/);
  },
);

t.test('users: a wrong password is refused, a token that is not valid any more is renewed', { skip }, async (t) => {
  const nodes = await cluster(t);
  const { endpoints } = nodes;
  const ask = async (path: string, body: object) => {
    const answer = await fetch(new URL(`/v3/auth/${path}`, endpoints[0]), {
      method: 'POST',
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(await answer.text());
  };
  await ask('user/add', { name: 'root', password: 's3cret' });
  await ask('user/grant', { user: 'root', role: 'root' });
  await ask('enable', {});
  await t.rejects(client(t, { endpoints }).last('k/'), /etcd/, 'nobody');
  const wrong = client(t, { endpoints, user: { name: 'root', password: 'guess' } });
  await t.rejects(wrong.last('k/'), /authentication failed|invalid user ID or password/);
  const right = client(t, { endpoints, user: { name: 'root', password: 's3cret' } });
  t.equal(await right.commit(make('k/1')), true);
  // etcd keeps simple tokens in memory.
  await nodes.kill(0);
  nodes.run(0);
  await nodes.ready();
  t.match(await right.last('k/'), { key: 'k/1' });
});

t.test('TLS: a server whose authority is not the one that was given is not talked to', { skip }, async (t) => {
  const places = [1, 2].map(() => mkdtempSync(join(tmpdir(), 'magma-etcd-tls-')));
  t.teardown(() => {
    for (const place of places) rmSync(place, { recursive: true });
  });
  for (const place of places) makeCertificates(place);
  const pem = (place: number, name: string) => join(places[place]!, `${name}.pem`);
  const args = [
    '--cert-file',
    pem(0, 'cert'),
    '--key-file',
    pem(0, 'key'),
    '--trusted-ca-file',
    pem(0, 'ca'),
    '--client-cert-auth',
  ];
  const { endpoints } = await cluster(t, { scheme: 'https', args });
  const tls = (place: number) => ({
    ca: readFileSync(pem(place, 'ca')),
    cert: readFileSync(pem(0, 'cert')),
    key: readFileSync(pem(0, 'key')),
  });
  const keys = client(t, { endpoints, tls: tls(0) });
  for (;;) {
    const made = await keys.commit(make('k/1')).catch((error: Error) => error);
    if (made === true) break;
    t.match(made, /cannot be reached/, 'until it listens');
    await new Promise((resolve) => setImmediate(resolve));
  }
  await t.rejects(client(t, { endpoints, tls: tls(1) }).last('k/'), /certificate/i);
  await t.rejects(
    client(t, { endpoints, tls: { ca: readFileSync(pem(0, 'ca')) } }).last('k/'),
    /etcd/,
    'without a certificate of its own',
  );
});

t.test('what answers and is no etcd is named', async (t) => {
  const { createServer } = await import('node:http');
  const server = createServer((_, answer) => answer.end('hello'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as { port: number };
  const keys = client(t, { endpoints: [new URL(`http://127.0.0.1:${port}`)] });
  await t.rejects(keys.last('k/'), /is that etcd's client URL\?/);
});
