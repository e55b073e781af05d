import t, { type Test } from 'tap';
import { familyOf, hostAddresses, normalAddress } from './net/address.ts';
import type { Stream } from './net.ts';
import { systemNet } from './system-net.ts';
import { portOf } from './testing/datagrams.ts';

const hasIPv6 = hostAddresses().includes('::1');

t.test('addresses: IPv4-mapped ones are IPv4, scopes are kept, names are refused', async (t) => {
  t.equal(normalAddress('::ffff:192.168.1.5'), '192.168.1.5');
  t.equal(normalAddress('::FFFF:c0a8:105'), '192.168.1.5');
  t.equal(normalAddress('fe80::1%eth0'), 'fe80::1%eth0');
  t.equal(normalAddress('::1'), '::1');
  t.equal(normalAddress('::ffff:0:1'), '0.0.0.1');
  t.equal(familyOf('fe80::1%eth0'), 6);
  t.throws(() => familyOf('localhost'), /"localhost" is no numeric/);
});

async function exchange(t: Test, listenAddresses: string[], connectAddress: string): Promise<void> {
  const listener = await systemNet.listen(listenAddresses, 0);
  const accepted = new Promise<Stream>((resolve) => listener.onConnection(resolve));
  const client = await systemNet.connect({ address: connectAddress, port: portOf(listener) });
  const server = await accepted;
  t.equal(server.remote.address, connectAddress, 'normalised');
  t.equal(server.local.address, connectAddress);
  t.same(server.remote, client.local);
  const closed = [server, client].map((stream) => new Promise<void>((resolve) => stream.onClose(() => resolve())));
  server.onData((data) => {
    server.cork();
    server.write(data);
    server.write(Buffer.from('!'));
    server.uncork();
    server.end();
  });
  const chunks: Buffer[] = [];
  client.onData((data) => chunks.push(data));
  client.write(Buffer.from('hello'));
  await Promise.all(closed);
  t.equal(Buffer.concat(chunks).toString(), 'hello!');
  t.equal(client.write(Buffer.from('late')), false, 'writing after the end is harmless');
  await listener.close();
}

t.test('TCP over IPv4, and over IPv6 where there is one', async (t) => {
  await exchange(t, [], '127.0.0.1');
  await exchange(t, ['127.0.0.1'], '127.0.0.1');
  if (hasIPv6) await exchange(t, [], '::1');
  if (hasIPv6) await exchange(t, ['::1', '127.0.0.1'], '127.0.0.1');
});

t.test('TCP: a port that is taken, a peer that does not listen', async (t) => {
  const listener = await systemNet.listen(['127.0.0.1'], 0);
  await t.rejects(systemNet.listen(['127.0.0.1'], portOf(listener)), { code: 'EADDRINUSE' });
  await listener.close();
  await t.rejects(systemNet.connect({ address: '127.0.0.1', port: portOf(listener) }), { code: 'ECONNREFUSED' });
});

t.test('TCP: pause holds the flow back, and queued counts what a slow reader leaves', async (t) => {
  const listener = await systemNet.listen(['127.0.0.1'], 0);
  const accepted = new Promise<Stream>((resolve) => listener.onConnection(resolve));
  const client = await systemNet.connect({ address: '127.0.0.1', port: portOf(listener) });
  const server = await accepted;
  let received = 0;
  client.onData((data) => {
    received += data.length;
  });
  client.pause();
  let sent = 0;
  while (server.write(Buffer.alloc(1_000_000))) sent += 1_000_000;
  sent += 1_000_000;
  t.ok(server.queued > 0);
  const drained = new Promise<void>((resolve) => server.onDrain(resolve));
  client.resume();
  await drained;
  t.equal(server.queued, 0);
  const closed = new Promise<void>((resolve) => client.onClose(() => resolve()));
  server.end();
  await closed;
  t.equal(received, sent);
  await listener.close();
});
