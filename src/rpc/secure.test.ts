import t from 'tap';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { hostAddresses } from '../base/net/address.ts';
import { createTlsNet } from '../base/net/tls.ts';
import { seededRandom, systemRandom } from '../base/random.ts';
import { createPlainSecureNet } from '../base/simulated/plain-secure-net.ts';
import { systemNet } from '../base/system-net.ts';
import { virtualNetwork } from '../base/testing/virtual-network.ts';
import { RpcClient } from './client.ts';
import { RpcServer } from './server.ts';
import { echo, makeEcho } from './testing/echo.ts';

const self = { identity: 'magma/1/client/00', key: Buffer.alloc(32, 7) };

t.test('ONC RPC rides on TLS 1.3 as it does on TCP, over IPv4 and IPv6', async (t) => {
  const net = createTlsNet(systemNet, { self, keyOf: (identity) => (identity === self.identity ? self.key : null) });
  const { program } = makeEcho();
  const server = new RpcServer({ net, clock: systemClock, logger: silentLogger });
  t.teardown(() => server.stop());
  const { port } = await server.listen({ programs: [program], port: 0, transports: ['tcp'] });
  const open = (via: typeof net, address: string) =>
    RpcClient.open({ net: via, clock: systemClock, random: systemRandom, transport: 'tcp', to: { address, port } });
  for (const address of hostAddresses().includes('::1') ? ['127.0.0.1', '::1'] : ['127.0.0.1']) {
    const client = await open(net, address);
    const texts = Array.from({ length: 50 }, (_, n) => Buffer.from(`${n}`.repeat(1 + n * 100)));
    t.same(await Promise.all(texts.map((text) => client.call(echo.ECHO, text))), texts);
    t.equal((await client.call(echo.BULK, 3_000_000)).length, 3_000_000);
    await client.close();
  }
  const stranger = createTlsNet(systemNet, { keyOf: () => null, self: { ...self, key: Buffer.alloc(32) } });
  await t.rejects(open(stranger, '127.0.0.1'), { name: 'HandshakeError' });
});

t.test('and on a simulated network: UDP and secure streams, over a bad link, on virtual time', async (t) => {
  const { time, network, near, far } = virtualNetwork(7);
  network.faults.set({ delayMs: 2, jitterMs: 5, loss: 0.05, duplicate: 0.05 });
  const options = { self, keyOf: (identity: string) => (identity === self.identity ? self.key : null) };
  const secured = (process: typeof near) => createPlainSecureNet(process, process.clock, options);
  const { program } = makeEcho();
  const server = new RpcServer({ net: secured(far), clock: far.clock, logger: silentLogger });
  const { port } = await time.settle(server.listen({ programs: [program], port: 0 }), 1000);
  for (const transport of ['udp', 'tcp'] as const) {
    const to = { address: 'fd00::2', port };
    const opening = RpcClient.open({ net: secured(near), clock: near.clock, random: seededRandom(1), transport, to });
    const client = await time.settle(opening, 10_000);
    const texts = Array.from({ length: 50 }, (_, n) => Buffer.from(`${n}`.repeat(1 + n * 10)));
    t.same(await time.settle(Promise.all(texts.map((text) => client.call(echo.ECHO, text))), 60_000), texts, transport);
    await time.settle(client.close(), 1000);
  }
  await time.settle(server.stop(), 10_000);
  t.equal(await time.runUntilIdle(600_000), true, 'nothing is left');
});
