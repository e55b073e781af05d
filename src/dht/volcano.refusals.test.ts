import t from 'tap';
import { createPlainSecureNet } from '../base/simulated/plain-secure-net.ts';
import { RpcClient } from '../rpc/client.ts';
import { TcpTransport } from '../rpc/client-transport.ts';
import { noCredential } from '../rpc/credential.ts';
import { secretOfClient } from './client-secret.ts';
import { FIRST_SHARED } from './keys/identity.ts';
import { NodeClient } from './programs/node/client.ts';
import { PROTOCOLS } from './protocols.ts';
import { joinerSelf, type Self, secretsFrom, volcanoSelf } from './secrets.ts';
import { quickKeyring, VirtualRing } from './testing/virtual-ring.ts';
import { askNetwork } from './volcano/join.ts';

/*
 * Who may not join is told why, on both sides, and leaves nothing behind (issue "The lava network", Join).
 */

async function booted(): Promise<{ ring: VirtualRing; seeds: { address: string; port: number }[] }> {
  const ring = new VirtualRing({ volcanos: 3 });
  await ring.start(0, { boot: true });
  return { ring, seeds: [ring.volcanos[0]!.seed] };
}

const cases = [
  {
    what: 'a nickname in use',
    start: { nickname: 'v0' },
    theirs: /the nickname v0 is in use/,
    ours: /a volcano was refused: the nickname v0 is in use.*choose another one \(-n\)/,
  },
  {
    what: 'a clock far off',
    start: { clockOptions: { wall: 1_500_000_000_000_000 } },
    theirs: /clock of v1 is .* behind that of v0/,
    ours: /a volcano was refused: the clock of v1/,
  },
  {
    what: 'a wrong key',
    start: { key: 'other' },
    theirs: /10\.0\.0\.1 port 12001 does not have the same key.*is --key the key of that network/,
    ours: /a connection was refused: no network key was proved/,
  },
];

for (const { what, start, theirs, ours } of cases) {
  t.test(`Refused on both sides, and nothing is left behind: ${what}`, async (t) => {
    const { ring, seeds } = await booted();
    await t.rejects(ring.start(1, { seeds, ...start }), { name: 'JoinError', message: theirs });
    t.match(ring.volcanos[0]!.warnings, [ours]);
    t.same(await ring.volcanos[1]!.disk.list(''), [], 'the data directory is as empty as before');
    t.equal(ring.volcanos[0]!.up.projection().epoch, 1);
    await ring.stop(1);
    await ring.start(1, { seeds });
    t.same(
      ring.volcanos[0]!.up.projection().volcanos.map(({ nickname }) => nickname),
      ['v0', 'v1'],
      'set right, it joins',
    );
    await ring.close();
  });
}

t.test("Refused on both sides: a volcano with another network's data", async (t) => {
  const { ring, seeds } = await booted();
  await ring.start(1, { boot: true });
  await ring.stop(1);
  await t.rejects(ring.start(1, { seeds }), {
    name: 'JoinError',
    message: /the data directory of v1 belongs to network .*: start v1 with an empty data directory/,
  });
  t.match(ring.volcanos[0]!.warnings, [/a volcano was refused: the data directory of v1/]);
  await ring.stop(1);
  t.ok(await ring.start(1), 'on its own it starts again');
  await ring.close();
});

t.test('Refused: nobody to join through, and a data directory that has none to', async (t) => {
  const ring = new VirtualRing({ volcanos: 2 });
  await t.rejects(ring.start(1, { seeds: [ring.volcanos[0]!.seed] }), {
    name: 'JoinError',
    message: /no volcano of the network could be reached: 10\.0\.0\.1 port 12001/,
  });
  await ring.stop(1);
  await t.rejects(ring.start(1), { reason: 'empty', message: /boot a new one there \(-b\), or join one \(-r\)/ });
  await ring.close();
});

t.test(
  'Who knows the key but not the network may say hello, and nothing else; a client may say nothing to the node program',
  async (t) => {
    const { ring } = await booted();
    const clock = ring.time.clock();
    const process = ring.volcanos[2]!.host.process(clock);
    const keyring = quickKeyring('m4gm4s3cr3t');
    const networkId = Buffer.from(ring.volcanos[0]!.up.networkId, 'hex');
    const secrets = await keyring.network(networkId);
    const as = (self: Self) => createPlainSecureNet(process, clock, { keyOf: () => null, self });
    const joiner = as(joinerSelf(await keyring.joiner()));
    const mine = {
      protocols: PROTOCOLS,
      version: '0.1.0',
      networkId: null,
      id: 'c'.repeat(32),
      nickname: 'new',
      epoch: 0,
      clock: clock.now(),
      joining: true,
      life: 0,
      born: 0,
    };
    const parts = { clock, random: ring.random(), seeds: [ring.volcanos[0]!.seed] };
    t.equal(await ring.settle(askNetwork(joiner, parts, mine)), ring.volcanos[0]!.up.networkId);
    await t.rejects(ring.settle(askNetwork(joiner, parts, { ...mine, protocols: { least: 2, most: 2 } })), {
      name: 'JoinError',
      message: /node protocol 2.*they have no protocol in common/,
    });
    const talk = async (): Promise<void> => {
      const transport = new TcpTransport(await joiner.connect(ring.volcanos[0]!.seed), clock);
      const node = new NodeClient(new RpcClient(transport, 1, noCredential, { timeoutMs: 1000, tries: 1 }), () => 1);
      await t.rejects(node.newest(), { name: 'DeniedError', message: /NEWEST is not for magma\/2\/joiner/ });
      await t.rejects(node.notes('', 0), { name: 'DeniedError' });
      await t.rejects(node.write(ring.volcanos[0]!.up.projection()), { name: 'DeniedError' });
      await transport.close();
    };
    await ring.settle(talk());
    const client = as(secretOfClient(secrets, FIRST_SHARED));
    await t.rejects(ring.settle(client.connect(ring.volcanos[0]!.seed)), { name: 'HandshakeError' });
    t.ok(await ring.settle(client.connect({ address: ring.volcanos[0]!.address, port: 12_000 })), 'the flare program');
    t.not(
      volcanoSelf(secretsFrom(Buffer.alloc(32), networkId)).key.toString('hex'),
      joinerSelf(await keyring.joiner()).key.toString('hex'),
      'the keys have nothing to do with each other',
    );
    process.kill();
    await ring.close();
  },
);
