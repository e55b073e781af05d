import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { faultsOf } from './lib/check-store.ts';
import { freePort } from './lib/ports.ts';
import { Volcano } from './lib/volcano.ts';
import { Accept, opaque, TcpWire, UdpWire, u32, unixCredential, type Wire } from './lib/wire.ts';
import { mount, Nfs2Wire, Stat } from './lib/wire-nfs2.ts';

/* Quotas over the wire, of a magmad process: docs/quotas.md. */

const DQUOT = 69;
const KIM = 1000;
const RQUOTA = { program: 100011, version: 1 } as const;
const OK = 1;
const RULES = '/home * w no_root_squash\n';

/** Blocks and files that the user has, as GETQUOTA says. */
async function used(port: number): Promise<readonly [blocks: number, files: number]> {
  const wire = await UdpWire.open(port);
  try {
    const args = Buffer.concat([opaque('/home'), u32(KIM)]);
    const credential = unixCredential(KIM, KIM);
    const reply = await wire.call({ ...RQUOTA, xid: wire.nextXid(), procedure: 1, args, credential });
    if (reply.denied || reply.status !== Accept.SUCCESS || reply.results.readUInt32BE(0) !== OK)
      throw new Error(`no quota: ${JSON.stringify(reply)}`);
    return [reply.results.readUInt32BE(20), reply.results.readUInt32BE(32)];
  } finally {
    wire.close();
  }
}

async function portOf(portmap: Wire, program: number, protocol: number): Promise<number> {
  const args = u32(program, 1, protocol, 0);
  const reply = await portmap.call({ program: 100000, version: 2, xid: portmap.nextXid(), procedure: 3, args });
  if (reply.denied) throw new Error('denied');
  return reply.results.readUInt32BE(0);
}

t.test(
  'NFSERR_DQUOT on WRITE, CREATE, MKDIR, SYMLINK and SETATTR; counted through kill -9; other limits by SIGHUP',
  async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'magma-quotas-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const shares = join(scratch, 'shares');
    writeFileSync(shares, `${RULES}/home quota ${KIM} bytes=40K,files=4\n`);
    const directory = join(scratch, 'data');
    const portmapPort = await freePort();
    const volcano = await Volcano.start(t, {
      directory,
      shares: [],
      flags: ['--shares', shares],
      portmap: 'own',
      portmapPort,
    });
    const portmap = await UdpWire.open(portmapPort);
    const mounts = await UdpWire.open(volcano.mountPort);
    let wire = await TcpWire.open(volcano.nfsPort);
    t.teardown(() => [portmap, mounts, wire].map((one) => one.close()));
    for (const protocol of [6, 17])
      t.equal(await portOf(portmap, RQUOTA.program, protocol), volcano.mountPort, 'registered');

    const home = await mount(mounts, '/home');
    const root = new Nfs2Wire(wire);
    await root.ok('SETATTR', home, { mode: 0o777 });
    const kim = new Nfs2Wire(wire, { uid: KIM, gid: KIM });
    const { handle } = await kim.ok('CREATE', home, 'f', { mode: 0o644 });
    const page = Buffer.alloc(8192, 1);
    for (let at = 0; at < 5; at++) await kim.ok('WRITE', handle!, at * 8192, page);
    t.same(await used(volcano.mountPort), [40, 1]);
    t.equal((await kim.call('WRITE', handle!, 5 * 8192, page)).status, DQUOT, 'WRITE');
    t.equal((await root.call('WRITE', handle!, 5 * 8192, page)).status, Stat.OK, 'root may');
    await kim.ok('SETATTR', handle!, { size: 40_960 });
    t.equal((await kim.call('SETATTR', handle!, { size: 50_000 })).status, DQUOT, 'SETATTR');
    t.equal((await kim.call('MKDIR', home, 'd', { mode: 0o755 })).status, DQUOT, 'MKDIR');
    t.equal((await kim.call('SYMLINK', home, 's', 'to')).status, DQUOT, 'SYMLINK');
    for (const name of ['a', 'b', 'c']) await kim.ok('CREATE', home, name, { mode: 0o644 });
    t.equal((await kim.call('CREATE', home, 'd', { mode: 0o644 })).status, DQUOT, 'CREATE');
    await kim.ok('REMOVE', home, 'c');
    await kim.ok('CREATE', home, 'd', { mode: 0o644 });
    t.same(await used(volcano.mountPort), [40, 4]);

    await volcano.kill();
    await volcano.start();
    wire.close();
    wire = await TcpWire.open(volcano.nfsPort);
    t.same(await used(volcano.mountPort), [40, 4], 'as before the crash');
    const after = new Nfs2Wire(wire, { uid: KIM, gid: KIM });
    t.equal((await after.call('WRITE', handle!, 40_960, page)).status, DQUOT);

    writeFileSync(shares, `${RULES}/home quota ${KIM} bytes=48K,files=4,blocks=5\n`);
    const refused = volcano.says(/the old ones stay/);
    volcano.reload();
    await refused;
    t.equal((await after.call('WRITE', handle!, 40_960, page)).status, DQUOT, 'a mistake changes nothing');
    writeFileSync(shares, `${RULES}/home quota ${KIM} bytes=48K\n`);
    const read = volcano.says(/the rules were read again/);
    volcano.reload();
    await read;
    t.equal((await after.call('WRITE', handle!, 40_960, page)).status, Stat.OK);
    t.same(await used(volcano.mountPort), [48, 4]);
    t.equal(await volcano.stop(), 0);
    t.same(await faultsOf(directory, scratch), { differences: [], faults: [] }, 'magma check finds nothing');
  },
);
