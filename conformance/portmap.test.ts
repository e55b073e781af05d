import t, { type Test } from 'tap';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { seededRandom } from '../src/base/random.ts';
import { systemNet } from '../src/base/system-net.ts';
import { choosePortmapper, type PortmapMode, type PortmapParts } from '../src/rpc/portmap/choose.ts';
import type { Registration } from '../src/rpc/portmap/registration.ts';
import { NETIDS } from '../src/rpc/portmap/universal.ts';
import type { Program } from '../src/rpc/program.ts';
import { RpcServer } from '../src/rpc/server.ts';
import { captureRun } from './lib/captured-run.ts';
import { Accept, opaque, type Reply, TcpWire, UdpWire, u32, type Wire } from './lib/wire.ts';

const PORTMAP = 100000;
const PATIENCE = { retransmitMs: 100, transmissions: 2 };

const captured = await captureRun(t, 'portmap');
function server(t: Test): RpcServer {
  const made = new RpcServer({ net: systemNet, clock: systemClock, logger: silentLogger });
  t.teardown(() => made.stop());
  return made;
}

function parts(serving: RpcServer, registrations: readonly Registration[], port = 0): PortmapParts {
  const addresses = ['127.0.0.1', '::1'];
  return {
    net: systemNet,
    clock: systemClock,
    random: seededRandom(1),
    logger: silentLogger,
    serve: async (program: Program, at: number) =>
      (await serving.listen({ programs: [program], addresses, port: at })).port,
    port,
    registrations,
  };
}

const NFS: readonly Registration[] = NETIDS.map((netid) => ({ program: 100003, version: 2, netid, port: 2049 }));

async function own(t: Test, registrations = NFS) {
  const choice = await choosePortmapper('own', parts(server(t), registrations));
  t.teardown(() => choice.stop());
  return choice;
}

function ask(wire: Wire, version: number, procedure: number, args: Uint8Array = Buffer.alloc(0)): Promise<Reply> {
  return wire.call({ xid: wire.nextXid(), program: PORTMAP, version, procedure, args }, PATIENCE);
}

async function results(reply: Promise<Reply>): Promise<Buffer> {
  const got = await reply;
  if (got.denied || got.status !== Accept.SUCCESS) throw new Error(`no success: ${JSON.stringify(got)}`);
  return got.results;
}

const rpcb = (program: number, version: number, netid = '', address = '') =>
  Buffer.concat([u32(program, version), opaque(netid), opaque(address), opaque('')]);

function text(bytes: Buffer): string {
  return bytes.toString('latin1', 4, 4 + bytes.readUInt32BE(0));
}

for (const transport of ['udp', 'tcp'] as const)
  t.test(`GETPORT and GETADDR over ${transport}, IPv4 and IPv6 (RFC 1833 §2.2.1, §3.2)`, async (t) => {
    const { port } = await own(t);
    const open = (host: string) => (transport === 'udp' ? UdpWire : TcpWire).open(port, host);
    const [four, six] = [await open('127.0.0.1'), await open('::1')];
    t.teardown(() => [four, six].map((wire) => wire.close()));
    for (const version of [2, 3, 4]) t.equal((await results(ask(four, version, 0))).length, 0, `NULL of ${version}`);
    for (const protocol of [6, 17]) t.same(await results(ask(four, 2, 3, u32(100003, 2, protocol, 0))), u32(2049));
    t.same(await results(ask(four, 2, 3, u32(100004, 2, 17, 0))), u32(0));
    const itself = `${port >> 8}.${port & 255}`;
    for (const version of [3, 4]) {
      t.equal(text(await results(ask(four, version, 3, rpcb(100003, 2, 'udp')))), '127.0.0.1.8.1');
      t.equal(text(await results(ask(six, version, 3, rpcb(100003, 2, 'udp6')))), '::1.8.1');
      t.equal(text(await results(ask(six, version, 3, rpcb(PORTMAP, 4)))), `::1.${itself}`, 'it has itself registered');
      t.equal(text(await results(ask(four, version, 3, rpcb(100021, 1)))), '');
    }
    t.match(await ask(four, 5, 0), { status: Accept.PROG_MISMATCH });
  });

t.test('what magma registered cannot be removed over the wire; others come and go', async (t) => {
  const { port, table } = await own(t);
  const wire = await UdpWire.open(port);
  t.teardown(() => wire.close());
  const before = table!.list().length;
  t.same(await results(ask(wire, 4, 2, rpcb(100003, 2))), u32(0));
  t.same(await results(ask(wire, 2, 2, u32(100003, 2, 0, 0))), u32(0));
  t.equal(table!.list().length, before);
  t.same(await results(ask(wire, 2, 1, u32(100024, 1, 17, 999))), u32(1));
  t.same(await results(ask(wire, 2, 3, u32(100024, 1, 17, 0))), u32(999));
  t.same(await results(ask(wire, 4, 2, rpcb(100024, 1))), u32(1));
});

t.test('CALLIT is silent over UDP, so no broadcast is amplified; INDIRECT is denied (RFC 1833 §2.2.1)', async (t) => {
  const { port } = await own(t);
  const wire = await UdpWire.open(port);
  t.teardown(() => wire.close());
  const args = Buffer.concat([u32(100003, 2, 0), opaque('')]);
  for (const version of [2, 3, 4]) await t.rejects(ask(wire, version, 5, args), { message: /^no reply/ });
  t.match(await ask(wire, 4, 10, args), { denied: true, reason: 1, details: u32(5) });
});

t.test('--portmap system: registers in place of leftovers, and takes it back at the end', async (t) => {
  const { port, table } = await own(t, []);
  const theirs = { address: '0.0.0.0', port: 1 };
  table!.set({ program: 100003, version: 2, netid: 'udp', endpoint: theirs, owner: 'unknown' });
  const choice = await choosePortmapper('system', parts(server(t), NFS, port));
  t.equal(choice.kind, 'system');
  const registered = () => table!.list().filter(({ program }) => program === 100003);
  t.same(
    registered().map(({ netid, endpoint }) => `${netid} ${endpoint.address} ${endpoint.port}`),
    ['udp 0.0.0.0 2049', 'tcp 0.0.0.0 2049', 'udp6 :: 2049', 'tcp6 :: 2049'],
  );
  await choice.stop();
  t.same(registered(), []);
});

t.test('--portmap system: a refused registration takes the others back, and the error has the cure', async (t) => {
  const { port, table } = await own(t, [NFS[3]!]);
  await t.rejects(choosePortmapper('system', parts(server(t), NFS, port)), {
    name: 'PortmapError',
    message: /does not register program 100003 version 2 \(tcp6, port 2049\): .*(rpcinfo -d 100003 2|run as root)/,
  });
  t.equal(table!.list().filter(({ program }) => program === 100003).length, 1);
});

t.test('an old port mapper without version 4 gets the IPv4 registrations by version 2', async (t) => {
  const serving = server(t);
  const old = parts(serving, []);
  const choice = await choosePortmapper('own', {
    ...old,
    serve: (program, at) => old.serve({ ...program, versions: new Map([[2, program.versions.get(2)!]]) }, at),
  });
  const system = await choosePortmapper('system', parts(serving, NFS, choice.port));
  const registered = () => choice.table!.list().filter(({ program }) => program === 100003);
  t.same(
    registered().map(({ netid, endpoint }) => `${netid} ${endpoint.port}`),
    ['udp 2049', 'tcp 2049'],
  );
  await system.stop();
  t.same(registered(), []);
});

async function freePort(): Promise<number> {
  const listener = await systemNet.listen(['127.0.0.1'], 0);
  const { port } = listener.local[0]!;
  await listener.close();
  return port;
}

t.test('--portmap auto: the system’s if one answers, else our own; off: nothing', async (t) => {
  const port = await freePort();
  const kind = async (mode: PortmapMode) => {
    const choice = await choosePortmapper(mode, parts(server(t), NFS, port));
    t.teardown(() => choice.stop());
    return choice.kind;
  };
  t.equal(await kind('off'), 'off');
  const first = await choosePortmapper('auto', parts(server(t), [], port));
  t.match(first, { kind: 'own', port });
  t.equal(await kind('auto'), 'system');
  t.equal(first.table!.list().filter(({ program }) => program === 100003).length, 4);
});

t.test('a port that is taken by something else is an error with its cure', async (t) => {
  const port = await freePort();
  const other = await systemNet.listen(['127.0.0.1'], port);
  t.teardown(() => other.close());
  other.onConnection((stream) => stream.destroy());
  for (const mode of ['own', 'auto'] as const)
    await t.rejects(choosePortmapper(mode, parts(server(t), NFS, port)), {
      name: 'PortmapError',
      message: new RegExp(`^port ${port} for the port mapper: something has that port already; .*--portmap off`),
    });
});

t.test('no rights for the port, or nobody there: the error says what to do', async (t) => {
  const denied = Object.assign(new Error('bind EACCES'), { code: 'EACCES' });
  const noRights = { ...parts(server(t), NFS), serve: () => Promise.reject(denied) };
  await t.rejects(choosePortmapper('own', noRights), { message: /needs root or CAP_NET_BIND_SERVICE/ });
  const impatient = { ...systemClock, after: (_: number, fire: () => void) => systemClock.after(0, fire) };
  const nobody = { ...parts(server(t), NFS, await freePort()), clock: impatient };
  await t.rejects(choosePortmapper('system', nobody), { message: /no port mapper answers .*start rpcbind/ });
});

captured.judge(40);
