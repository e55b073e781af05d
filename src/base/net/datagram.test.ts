import t from 'tap';
import type { Clock } from '../clock.ts';
import { createSystemNet } from '../system-net.ts';
import { messages, portOf } from '../testing/datagrams.ts';
import { manualClock } from '../testing/manual-clock.ts';
import { RESCAN_EARLY_MS, RESCAN_MS, SOCKETS_MAX } from './datagram.ts';

const dgramNet = createSystemNet({ udp: 'dgram' });

t.test('UDP on all addresses: what has no socket of its own comes to the wildcard socket', async (t) => {
  const server = await dgramNet.bindDatagram([], 0);
  const client = await dgramNet.bindDatagram(['127.0.0.1'], 0);
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
    soon() {},
  };
  let addresses = ['127.0.0.1', '192.0.2.77'];
  const net = createSystemNet({ udp: 'dgram', clock, addresses: () => addresses });
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
  const server = await createSystemNet({ udp: 'dgram', addresses: () => addresses.slice(1) }).bindDatagram([], 0);
  const client = await dgramNet.bindDatagram(['127.0.0.1'], 0);
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
    udp: 'dgram',
    clock,
    addresses() {
      looks += 1;
      return addresses;
    },
  });
  const server = await net.bindDatagram([], 0);
  const client = await dgramNet.bindDatagram(['127.0.0.1'], 0);
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
