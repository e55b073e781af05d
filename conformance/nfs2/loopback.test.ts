import t, { type Test } from 'tap';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { systemNet } from '../../src/base/system-net.ts';
import { codecs } from '../../src/nfs2/schema.ts';
import { RpcServer } from '../../src/rpc/server.ts';
import { captureRun } from '../lib/captured-run.ts';
import { Nfs2Client, sattr } from '../lib/nfs2-client.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';
import { Accept, TcpWire, UdpWire, type Wire } from '../lib/wire.ts';

const captured = await captureRun(t, 'nfs2');

async function serve(t: Test) {
  const world = await makeWorld();
  const server = new RpcServer({ net: systemNet, clock: systemClock, logger: silentLogger });
  t.teardown(() => server.stop());
  const { port } = await server.listen({ programs: [world.program], addresses: ['127.0.0.1'], port: 0 });
  return { ...world, port };
}

function clientOver(wire: Wire): Nfs2Client {
  return new Nfs2Client(async (procedure, args) => {
    const call = { xid: wire.nextXid(), program: 100003, version: 2, procedure, args };
    const reply = await wire.call(call);
    if (reply.denied || reply.status !== Accept.SUCCESS) throw new Error(`refused: ${JSON.stringify(reply)}`);
    return reply.results;
  });
}

for (const [transport, open] of [
  ['UDP', UdpWire.open],
  ['TCP', TcpWire.open],
] as const)
  t.test(`RFC 1094 §2.2: all procedures over ${transport}`, async (t) => {
    const { port, top } = await serve(t);
    const wire = await open(port);
    t.teardown(() => wire.close());
    const client = clientOver(wire);
    t.equal((await client.null()).length + (await client.root()).length + (await client.writecache()).length, 0);
    t.equal(must(await client.getattr(top)).type, 2);
    const d = must(await client.mkdir(top, 'd', { mode: 0o755 })).handle;
    const f = must(await client.create(d, 'f', { mode: 0o644 })).handle;
    const data = Buffer.from(Array.from({ length: 8192 }, (_, at) => at % 251));
    t.equal(must(await client.write(f, 0, data)).size, 8192);
    t.same(must(await client.read(f, 0, 8192)).data, data);
    t.equal(must(await client.setattr(f, { size: 5 })).size, 5);
    must(await client.symlink(d, 's', 'f'));
    t.same(must(await client.readlink(must(await client.lookup(d, 's')).handle)), Buffer.from('f'));
    must(await client.link(f, d, 'g'));
    must(await client.rename(d, 'g', top, 'g'));
    const listed = must(await client.readdir(d, 0, 8192)).entries.map((entry) => entry.name);
    t.same(listed, ['.', '..', 'f', 's']);
    for (const name of ['f', 's']) must(await client.remove(d, name));
    must(await client.rmdir(top, 'd'));
    t.equal(must(await client.statfs(top)).tsize, 8192);
    t.equal(must(await client.getattr(f)).nlink, 1);
  });

captured.judge(36);

t.test('arguments that are none are GARBAGE_ARGS, procedures that are none PROC_UNAVAIL', async (t) => {
  const { port, top } = await serve(t);
  const wire = await UdpWire.open(port);
  t.teardown(() => wire.close());
  const status = async (procedure: number, args: Buffer) => {
    const reply = await wire.call({ xid: wire.nextXid(), program: 100003, version: 2, procedure, args });
    return reply.denied ? -1 : reply.status;
  };
  t.equal(await status(1, top.subarray(0, 31)), Accept.GARBAGE_ARGS);
  t.equal(await status(18, Buffer.alloc(0)), Accept.PROC_UNAVAIL);
  const long = codecs.create.encode({ where: { directory: top, name: Buffer.alloc(2048, 'x') }, attributes: sattr() });
  t.equal(await status(9, long), Accept.SUCCESS, 'NAMETOOLONG is for the result to say');
  const longer = Buffer.concat([top, Buffer.from([0, 0, 8, 4]), Buffer.alloc(2052 + 32)]);
  t.equal(await status(9, longer), Accept.GARBAGE_ARGS);
});

t.test(
  'a retransmission over UDP gets the first answer; the same xid with other arguments is another call',
  async (t) => {
    const { port, top } = await serve(t);
    const wire = await UdpWire.open(port);
    t.teardown(() => wire.close());
    const send = async (procedure: number, args: Buffer) => {
      const reply = await wire.call({ xid: 1, program: 100003, version: 2, procedure, args });
      return reply.denied ? -1 : reply.results.readUInt32BE(0);
    };
    const make = (name: string) =>
      codecs.create.encode({ where: { directory: top, name: Buffer.from(name) }, attributes: sattr() });
    t.equal(await send(14, make('d')), 0);
    t.equal(await send(14, make('d')), 0);
    t.equal(await send(14, make('e')), 0);
    const place = codecs.place.encode({ directory: top, name: Buffer.from('d') });
    t.equal(await send(15, place), 0);
    t.equal(await send(15, place), 0);
    t.equal(await send(14, make('d')), 0, 'the first answer still');
  },
);
