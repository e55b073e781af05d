import t, { type Test } from 'tap';
import { systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import { createTlsNet } from '../../base/net/tls.ts';
import { systemRandom } from '../../base/random.ts';
import { systemNet } from '../../base/system-net.ts';
import { flareProgram } from '../../dht/programs/flare/program.ts';
import { FLARE_PROGRAM, FLARE_VERSION } from '../../dht/programs/flare/schema.ts';
import type { Projection } from '../../dht/projection/types.ts';
import { PROTOCOLS } from '../../dht/protocols.ts';
import type { ClientSecret } from '../../dht/secrets.ts';
import { alone } from '../../dht/testing/members.ts';
import { MemoryService } from '../../flare/testing/memory-service.ts';
import type { Program } from '../../rpc/program.ts';
import { RpcServer } from '../../rpc/server.ts';
import { makeEcho } from '../../rpc/testing/echo.ts';
import { connectRing } from './connect.ts';

const identity = 'somebody';
const secret: ClientSecret = { networkId: Buffer.alloc(16, 1), identity, key: Buffer.alloc(32, 2) };

/** Where a volcano listens that serves that as its flare program. */
async function serving(t: Test, program: Program): Promise<number> {
  return (await startServer(t, program, identity)).port;
}

async function startServer(t: Test, program: Program, known: string, port = 0) {
  const net = createTlsNet(systemNet, { keyOf: (asked) => (asked === known ? secret.key : null) });
  const server = new RpcServer({ net, clock: systemClock, logger: silentLogger });
  t.teardown(() => server.stop());
  return { server, port: (await server.listen({ programs: [program], port, transports: ['tcp'] })).port };
}

/** The flare program of a volcano that goes by that map. */
function flares(map: Projection): Program {
  return flareProgram({
    service: new MemoryService({ clock: systemClock, random: systemRandom }),
    admit: () => 'serve',
    gate: ({ caller }) => caller,
    projection: () => map,
  });
}

/** The same, with these versions of it. */
function volcano(t: Test, ...versions: number[]): Promise<number> {
  const [procedures] = [...makeEcho().program.versions.values()];
  return serving(t, {
    ...{ number: FLARE_PROGRAM, name: 'flare' },
    versions: new Map(versions.map((version) => [version, procedures!])),
  });
}

t.test('why no network is reached: another version, another key, nobody', async (t) => {
  const next = FLARE_VERSION + 1;
  const port = await volcano(t, next, next + 1);
  const parts = { net: systemNet, clock: systemClock, random: systemRandom, patienceMs: 1000 };
  const open = (to: number, key = secret.key) =>
    connectRing({ ...parts, secret: { ...secret, key }, seeds: [{ address: '127.0.0.1', port: to }] });
  await t.rejects(open(port), {
    kind: 'version',
    message: `a volcano speaks version ${next} to ${next + 1} of the flare program, and this is version ${FLARE_VERSION}. Cure: take mount.magma and magmad of the same release`,
  });
  await t.rejects(open(await volcano(t, next)), { kind: 'version', message: new RegExp(`speaks version ${next} of`) });
  await t.rejects(open(port, Buffer.alloc(32)), {
    kind: 'key',
    message: /does not take this key.*Cure: give the text/,
  });
  await t.rejects(open(1), { kind: 'away', message: /no volcano answers.*Cure: start it/ });
});

t.test('a network that has gone on to a newer protocol is refused as another version', async (t) => {
  const protocol = PROTOCOLS.most + 1;
  const program = flares({ ...alone(), protocol });
  const to = { address: '127.0.0.1', port: await serving(t, program) };
  const parts = { net: systemNet, clock: systemClock, random: systemRandom, patienceMs: 1000 };
  await t.rejects(connectRing({ ...parts, secret, seeds: [to] }), {
    kind: 'version',
    message: `the network's map cannot be read: the network is at protocol ${protocol}, and this program speaks ${PROTOCOLS.most} at most: run a newer magma there. Cure: take mount.magma and magmad of the same release`,
  });
});

t.test('a volcano that lets the key in no more is told of, with the name of the key and the cure', async (t) => {
  const laptop = `magma/2/client/${'ab'.repeat(16)}/${'cd'.repeat(8)}/laptop/1`;
  const { server, port } = await startServer(t, flares(alone()), laptop);
  const told: string[] = [];
  const { service, close } = await connectRing({
    ...{ net: systemNet, clock: systemClock, random: systemRandom, patienceMs: 100 },
    secret: { ...secret, identity: laptop },
    seeds: [{ address: '127.0.0.1', port }],
    refused: (why) => void told.push(why),
  });
  t.teardown(close);
  await service.getattr(service.root());
  await server.stop();
  await startServer(t, flares(alone()), 'another', port);
  // Each call is tried for a while only: how far it comes is the machine's business.
  while (told.length === 0) await service.getattr(service.root()).catch(() => {});
  t.equal(
    told[0],
    `a volcano does not take the key of this mount, laptop (number 1), by the network's key ${'cd'.repeat(8)}: 127.0.0.1 port ${port} does not have the same key: it knows none of that name, or lets it in no more (TLS alert handshake_failure). Cure, if the network's key was changed (magma key rotate): mount it again with what \`magma key client laptop\` prints on a volcano now`,
  );
});
