import { createSocket } from 'node:dgram';
import t, { type Test } from 'tap';
import type { Clock } from './clock.ts';
import { silentLogger } from './logger.ts';
import { familyOf, hostAddresses, normalAddress } from './net/address.ts';
import { RESCAN_EARLY_MS, RESCAN_MS, SOCKETS_MAX } from './net/datagram.ts';
import { RECEIVE_BUFFER_BYTES } from './net/ports.ts';
import type { DatagramSocket, Endpoint, Stream } from './net.ts';
import { createSystemNet, systemNet } from './system-net.ts';
import { manualClock } from './testing/manual-clock.ts';

const hasIPv6 = hostAddresses().includes('::1');
type Message = { data: string; from: Endpoint; to: Endpoint };

function messages(socket: DatagramSocket): () => Promise<Message> {
  const seen: Message[] = [];
  const waiting: ((message: Message) => void)[] = [];
  socket.onMessage((data, from, to) => {
    const message = { data: data.toString(), from, to };
    const next = waiting.shift();
    if (next === undefined) seen.push(message);
    else next(message);
  });
  return () => {
    const message = seen.shift();
    return message === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(message);
  };
}

function portOf(socket: { local: readonly Endpoint[] }): number {
  return socket.local[0]!.port;
}

t.test('addresses: IPv4-mapped ones are IPv4, scopes are kept, names are refused', async (t) => {
  t.equal(normalAddress('::ffff:192.168.1.5'), '192.168.1.5');
  t.equal(normalAddress('::FFFF:c0a8:105'), '192.168.1.5');
  t.equal(normalAddress('fe80::1%eth0'), 'fe80::1%eth0');
  t.equal(normalAddress('::1'), '::1');
  t.equal(normalAddress('::ffff:0:1'), '0.0.0.1');
  t.equal(familyOf('fe80::1%eth0'), 6);
  t.throws(() => familyOf('localhost'), /"localhost" is no numeric/);
});

t.test('UDP on all addresses: one port, and the reply leaves from the address that the request came to', async (t) => {
  const server = await systemNet.bindDatagram([], 0);
  t.teardown(() => server.close());
  t.equal(new Set(server.local.map((one) => one.port)).size, 1);
  for (const address of hostAddresses().filter((one) => !one.includes('%'))) {
    // From another of this host's addresses, so that the right one is not the host's own choice.
    const client = await systemNet.bindDatagram([familyOf(address) === 4 ? '127.0.0.9' : '::1'], 0);
    t.teardown(() => client.close());
    const [atServer, atClient] = [messages(server), messages(client)];
    client.send(Buffer.from('ask'), { address, port: portOf(server) });
    const asked = await atServer();
    t.equal(asked.data, 'ask');
    t.same(asked.to, { address, port: portOf(server) });
    server.send(Buffer.from('answer'), asked.from, asked.to);
    t.same((await atClient()).from, { address, port: portOf(server) }, `the reply comes from ${address}`);
  }
});

t.test('UDP on all addresses: what has no socket of its own comes to the wildcard socket', async (t) => {
  const server = await systemNet.bindDatagram([], 0);
  const client = await systemNet.bindDatagram(['127.0.0.1'], 0);
  t.teardown(() => Promise.all([server.close(), client.close()]));
  const [atServer, atClient] = [messages(server), messages(client)];
  client.send(Buffer.from('ask'), { address: '127.0.0.2', port: portOf(server) });
  const asked = await atServer();
  t.same(asked.to, { address: '0.0.0.0', port: portOf(server) });
  server.send(Buffer.from('answer'), asked.from, asked.to);
  t.equal((await atClient()).data, 'answer');
});

t.test('UDP follows addresses that come and go', async (t) => {
  let fire = (): void => {};
  const armed: (() => void)[] = [];
  const clock: Clock = {
    now: () => 0,
    monotonic: () => 0,
    after(milliseconds, callback) {
      armed.shift()?.();
      t.equal(milliseconds, RESCAN_MS);
      fire = callback;
      return { cancel() {} };
    },
  };
  let addresses = ['127.0.0.1', '192.0.2.77'];
  const net = createSystemNet({
    clock,
    addresses: () => addresses,
  });
  const server = await net.bindDatagram([], 0);
  t.teardown(() => server.close());
  const bound = () =>
    server.local.map((one) => one.address).filter((address) => address !== '0.0.0.0' && address !== '::');
  t.same(bound(), ['127.0.0.1'], 'an address that cannot be bound is left out');
  addresses = ['127.0.0.3'];
  await new Promise<void>((resolve) => {
    armed.push(resolve);
    fire();
  });
  t.same(bound(), ['127.0.0.3']);
});

t.test('UDP: sockets are bounded in number; the wildcard socket serves the addresses beyond', async (t) => {
  const addresses = Array.from({ length: SOCKETS_MAX + 10 }, (_, n) => `127.1.${n >> 8}.${n & 255}`);
  const server = await createSystemNet({ addresses: () => addresses.slice(1) }).bindDatagram([], 0);
  const client = await systemNet.bindDatagram(['127.0.0.1'], 0);
  t.teardown(() => Promise.all([server.close(), client.close()]));
  t.equal(server.local.length, SOCKETS_MAX);
  const atServer = messages(server);
  client.send(Buffer.from('ask'), { address: addresses.at(-1)!, port: portOf(server) });
  t.equal((await atServer()).to.address, '0.0.0.0');
});

t.test('UDP: a datagram to an address without a socket has the addresses looked at, but not too often', async (t) => {
  const clock = manualClock();
  let looks = 0;
  const addresses = ['127.0.0.1'];
  const net = createSystemNet({
    clock,
    addresses() {
      looks += 1;
      return addresses;
    },
  });
  const server = await net.bindDatagram([], 0);
  const client = await systemNet.bindDatagram(['127.0.0.1'], 0);
  t.teardown(() => Promise.all([server.close(), client.close()]));
  const atServer = messages(server);
  const ask = async () => {
    client.send(Buffer.from('ask'), { address: '127.0.0.8', port: portOf(server) });
    return (await atServer()).to.address;
  };
  addresses.push('127.0.0.8');
  clock.advance(RESCAN_EARLY_MS - 1);
  t.equal(await ask(), '0.0.0.0');
  t.equal(looks, 1, 'too early');
  clock.advance(1);
  t.equal(await ask(), '0.0.0.0');
  t.equal(looks, 2);
  while (!server.local.some((one) => one.address === '127.0.0.8'))
    await new Promise((resolve) => setImmediate(resolve));
  t.equal(await ask(), '127.0.0.8');
});

t.test('UDP: a port that is taken is refused, also when its holder shares it', async (t) => {
  const first = await systemNet.bindDatagram([], 0);
  t.teardown(() => first.close());
  await t.rejects(systemNet.bindDatagram([], portOf(first)), { code: 'EADDRINUSE' });
  const some = await systemNet.bindDatagram(['127.0.0.1'], 0);
  t.teardown(() => some.close());
  await t.rejects(systemNet.bindDatagram(['127.0.0.1'], portOf(some)), { code: 'EADDRINUSE' });
  await t.rejects(systemNet.bindDatagram(['0.0.0.0', '127.0.0.1'], 0), /either on all/);
  await t.rejects(systemNet.bindDatagram(['localhost'], 0), /no numeric/);
});

t.test('UDP: several addresses have the same free port', async (t) => {
  const socket = await systemNet.bindDatagram(['127.0.0.1', '127.0.0.2', '::ffff:127.0.0.1'], 0);
  t.teardown(() => socket.close());
  t.same(
    socket.local.map((one) => one.address),
    ['127.0.0.1', '127.0.0.2'],
  );
  t.equal(socket.local[0]?.port, socket.local[1]?.port);
});

t.test('UDP: sending never throws, and nothing arrives after close', async (t) => {
  const socket = await systemNet.bindDatagram(['127.0.0.1'], 0);
  const sends = (bytes: number, address: string, port: number) =>
    t.doesNotThrow(() => socket.send(Buffer.alloc(bytes), { address, port }), `${bytes} bytes to ${address}:${port}`);
  sends(70_000, '127.0.0.1', 9);
  sends(1, '127.0.0.1', 0);
  sends(1, 'nonsense', 1);
  sends(1, '::1', 1);
  await socket.close();
  await t.resolves(socket.close());
  sends(1, '127.0.0.1', 9);
});

t.test('UDP: a receive buffer smaller than wanted is told to the log', async (t) => {
  const lines: any[] = [];
  const net = createSystemNet({ logger: { ...silentLogger, info: (fields) => lines.push(fields) } });
  const socket = await net.bindDatagram(['127.0.0.1'], 0);
  await socket.close();
  const probe = createSocket('udp4').bind(0, '127.0.0.1');
  await new Promise((resolve) => probe.once('listening', resolve));
  probe.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
  const small = probe.getRecvBufferSize() < RECEIVE_BUFFER_BYTES;
  probe.close();
  t.equal(lines.length, small ? 1 : 0);
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
