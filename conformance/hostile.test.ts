import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { captureRun } from './lib/captured-run.ts';
import { mutate } from './lib/mutate.ts';
import { long, seeded, TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { Accept, encodeCall, opaque, record, TcpWire, UdpWire, u32 } from './lib/wire.ts';
import { argsOf, MOUNT, mount, NFS, Nfs2Wire, Proc, type ProcName, Stat } from './lib/wire-nfs2.ts';

const MUTATED = long ? 100_000 : 5_000;
/** The header of a call with the credential that the tests use. */
const HEADER_BYTES = encodeCall({ ...NFS, xid: 0, procedure: 0, args: Buffer.alloc(0) }).length;
/** What memory may grow by under attack, in bytes: bounded, whatever the count of calls. */
const GROWTH_MAX = 200 * 1024 * 1024;

t.setTimeout(TEST_TIMEOUT);
const captured = await captureRun(t, 'hostile');
const scratch = mkdtempSync(join(tmpdir(), 'magma-hostile-'));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
const volcano = await Volcano.start(t, { directory: join(scratch, 'data') });
const mounts = await UdpWire.open(volcano.mountPort);
t.teardown(() => mounts.close());
const root = await mount(mounts, '/');
const valid = new Nfs2Wire(await UdpWire.open(volcano.nfsPort));
t.teardown(() => valid.wire.close());
const directory = (await valid.ok('MKDIR', root, 'valid', { mode: 0o755 })).handle!;
const file = (await valid.ok('CREATE', directory, 'file', { mode: 0o644 })).handle!;
const CONTENT = Buffer.from('a valid client is served meanwhile');
await valid.ok('WRITE', file, 0, CONTENT);

/** A client that keeps to the rules gets its answers. */
async function served(t: Test, meanwhile: string): Promise<void> {
  volcano.assertAlive();
  t.ok((await valid.ok('READ', file, 0, 100)).data!.equals(CONTENT), `a valid client is served over UDP ${meanwhile}`);
  const tcp = new Nfs2Wire(await TcpWire.open(volcano.nfsPort));
  t.ok((await tcp.ok('READ', file, 0, 100)).data!.equals(CONTENT), `and over TCP ${meanwhile}`);
  tcp.wire.close();
}

/** One valid call of each procedure, on things that mutated calls may destroy. */
async function samples(nfs: Nfs2Wire): Promise<[ProcName, Buffer][]> {
  const victim = (await nfs.ok('MKDIR', root, `victims${nfs.wire.nextXid()}`, { mode: 0o777 })).handle!;
  const target = (await nfs.ok('CREATE', victim, 'target', { mode: 0o666 })).handle!;
  return [
    ['NULL', argsOf.NULL()],
    ['GETATTR', argsOf.GETATTR(target)],
    ['SETATTR', argsOf.SETATTR(target, { mode: 0o644, size: 100 })],
    ['LOOKUP', argsOf.LOOKUP(victim, 'target')],
    ['READLINK', argsOf.READLINK(target)],
    ['READ', argsOf.READ(target, 0, 8192)],
    ['WRITE', argsOf.WRITE(target, 100, Buffer.alloc(1000, 1))],
    ['CREATE', argsOf.CREATE(victim, 'created', { mode: 0o644 })],
    ['REMOVE', argsOf.REMOVE(victim, 'created')],
    ['RENAME', argsOf.RENAME(victim, 'target', victim, 'other')],
    ['LINK', argsOf.LINK(target, victim, 'link')],
    ['SYMLINK', argsOf.SYMLINK(victim, 'symlink', 'somewhere')],
    ['MKDIR', argsOf.MKDIR(victim, 'directory', { mode: 0o755 })],
    ['RMDIR', argsOf.RMDIR(victim, 'directory')],
    ['READDIR', argsOf.READDIR(victim, 0, 4096)],
    ['STATFS', argsOf.STATFS(victim)],
  ];
}

t.test(
  `${MUTATED} mutated calls over UDP and TCP: it lives, memory is bounded, a valid client is served`,
  async (t) => {
    const { random } = seeded((line) => t.comment(line));
    const before = volcano.residentBytes();
    const calls = (await samples(valid)).map(([name, args]) =>
      encodeCall({ ...NFS, xid: valid.wire.nextXid(), procedure: Proc[name], args }),
    );
    calls.push(encodeCall({ ...MOUNT, xid: 1, procedure: 1, args: opaque('/valid') }));
    calls.push(encodeCall({ ...MOUNT, xid: 1, procedure: 5, args: Buffer.alloc(0) }));
    const udp = await UdpWire.open(volcano.nfsPort);
    const mountUdp = await UdpWire.open(volcano.mountPort);
    let tcp = await TcpWire.open(volcano.nfsPort);
    for (let sent = 0; sent < MUTATED; sent++) {
      // Half of them with a whole header, so that they come as far as the procedures.
      const call = calls[random.below(calls.length)]!;
      // A number of its own: who looks on takes a reply for that of the call with its number.
      call.writeUInt32BE(valid.wire.nextXid());
      const bytes = mutate(call, random, random.below(2) === 0 ? 0 : HEADER_BYTES);
      const way = random.below(5);
      if (way === 0) mountUdp.send(bytes);
      else if (way < 3) udp.send(bytes);
      else {
        if (tcp.closed || tcp.socket.destroyed) tcp = await TcpWire.open(volcano.nfsPort);
        // Now and then the record mark is mutated too.
        if (random.below(10) === 0) tcp.socket.write(mutate(record(bytes), random));
        else tcp.send(bytes);
      }
      if (sent % 50 === 49) await valid.ok('GETATTR', file);
      if (sent % 1000 === 999) {
        // A connection whose marks are spoilt may wait for the rest of a record for ever.
        tcp.close();
        tcp = await TcpWire.open(volcano.nfsPort);
        volcano.assertAlive();
      }
    }
    tcp.close();
    await served(t, 'after them');
    t.ok(udp.strays > MUTATED / 10, `${udp.strays} of those over UDP were answered`);
    udp.close();
    mountUdp.close();
    const growth = volcano.residentBytes() - before;
    t.ok(growth < GROWTH_MAX, `resident memory grew by ${(growth / 1e6).toFixed(0)} MB`);
  },
);

t.test('half a record stops nobody else, on 50 connections (RFC 5531 §11)', async (t) => {
  const halves: Socket[] = [];
  for (let index = 0; index < 50; index++) {
    const socket = connect(volcano.nfsPort, '127.0.0.1');
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(Buffer.concat([u32(0x80000000 | 200), Buffer.alloc(index)]));
    halves.push(socket);
  }
  await served(t, 'while 50 records are half there');
  for (const socket of halves) socket.destroy();
});

t.test('a record of 2 GiB is refused: the connection closes, memory does not follow its length', async (t) => {
  const before = volcano.residentBytes();
  const wire = await TcpWire.open(volcano.nfsPort);
  const closed = new Promise((resolve) => wire.socket.once('close', resolve));
  wire.socket.write(u32(0xffffffff));
  const block = Buffer.alloc(1 << 20);
  const pump = (): void => {
    for (let blocks = 0; blocks < 4 && !wire.socket.destroyed; blocks++) wire.socket.write(block);
  };
  wire.socket.on('drain', pump);
  pump();
  await closed;
  await served(t, 'after it');
  t.ok(volcano.residentBytes() - before < 64 << 20);
});

t.test('a record in a thousand fragments without end is refused as one of that length', async (t) => {
  const wire = await TcpWire.open(volcano.nfsPort);
  const closed = new Promise((resolve) => wire.socket.once('close', resolve));
  const fragment = Buffer.concat([u32(1000), Buffer.alloc(1000)]);
  const pump = (): void => {
    for (let count = 0; count < 100 && !wire.socket.destroyed; count++) wire.socket.write(fragment);
  };
  wire.socket.on('drain', pump);
  pump();
  await closed;
  await served(t, 'after it');
});

t.test('a flood of 2000 connections is bounded, and the next client is served when it is over', async (t) => {
  const sockets: Socket[] = [];
  let refused = 0;
  for (let index = 0; index < 2000; index++) {
    const socket = connect(volcano.nfsPort, '127.0.0.1');
    socket.on('error', () => {});
    socket.on('close', () => refused++);
    await new Promise<void>((resolve) => {
      socket.once('connect', () => resolve());
      socket.once('error', () => resolve());
    });
    sockets.push(socket);
  }
  volcano.assertAlive();
  t.ok((await valid.ok('READ', file, 0, 100)).data!.equals(CONTENT), 'UDP is served meanwhile');
  t.ok(refused > 0, `${refused} of 2000 connections from one address were closed`);
  for (const socket of sockets) socket.destroy();
  await served(t, 'after the flood');
});

t.test('readers that do not read: their replies are not heaped up in memory', async (t) => {
  const big = (await valid.ok('CREATE', directory, 'big', { mode: 0o644 })).handle!;
  for (let at = 0; at < 16; at++) await valid.ok('WRITE', big, at * 8192, Buffer.alloc(8192, at));
  const before = volcano.residentBytes();
  const args = argsOf.READ(big, 0, 8192);
  const slow: Socket[] = [];
  for (let index = 0; index < 10; index++) {
    const wire = await TcpWire.open(volcano.nfsPort);
    wire.socket.pause();
    wire.socket.removeAllListeners('data');
    const calls: Buffer[] = [];
    for (let xid = 1; xid <= 5000; xid++) calls.push(record(encodeCall({ ...NFS, xid, procedure: Proc.READ, args })));
    wire.socket.write(Buffer.concat(calls));
    slow.push(wire.socket);
  }
  await served(t, 'while 10 readers with 5000 calls each read nothing');
  for (let round = 0; round < 200; round++) await valid.ok('GETATTR', file);
  const growth = volcano.residentBytes() - before;
  t.ok(growth < 150 << 20, `resident memory grew by ${(growth / 1e6).toFixed(0)} MB of the 410 MB asked for`);
  for (const socket of slow) socket.destroy();
  await served(t, 'after them');
});

t.test(
  'forged and guessed handles are STALE, for every procedure that takes one (DESIGN: the handle has a MAC)',
  async (t) => {
    const { random } = seeded((line) => t.comment(line));
    const forgeries: [string, Buffer][] = [
      ['zeros', Buffer.alloc(32)],
      ['ones', Buffer.alloc(32, 0xff)],
    ];
    for (let index = 0; index < 32; index++) {
      const flipped = Buffer.from(file);
      flipped[index]! ^= 1 << random.below(8);
      forgeries.push([`byte ${index} changed`, flipped]);
    }
    for (let count = 0; count < 50; count++) forgeries.push(['chance', random.bytes(32)]);
    for (const [what, handle] of forgeries) {
      const statuses = await Promise.all([
        valid.call('GETATTR', handle),
        valid.call('READ', handle, 0, 100),
        valid.call('WRITE', handle, 0, Buffer.from('x')),
        valid.call('SETATTR', handle, { size: 0 }),
        valid.call('LOOKUP', handle, 'file'),
        valid.call('CREATE', handle, 'x', { mode: 0o644 }),
        valid.call('REMOVE', handle, 'file'),
        valid.call('RENAME', handle, 'file', directory, 'x'),
        valid.call('RENAME', directory, 'file', handle, 'x'),
        valid.call('LINK', handle, directory, 'x'),
        valid.call('LINK', file, handle, 'x'),
        valid.call('SYMLINK', handle, 'x', 'y'),
        valid.call('MKDIR', handle, 'x', { mode: 0o755 }),
        valid.call('RMDIR', handle, 'x'),
        valid.call('READDIR', handle, 0, 1000),
        valid.call('READLINK', handle),
        valid.call('STATFS', handle),
      ]);
      t.ok(
        statuses.every(({ status }) => status === Stat.STALE),
        `${what}: ${statuses.map(({ status }) => status).join(' ')}`,
      );
    }
    await served(t, 'with its good handle');
  },
);

t.test('names that are paths lead nowhere', async (t) => {
  for (const name of ['../../etc/passwd', 'valid/file', '/', '/etc/passwd', './file', '../valid', 'a\0b']) {
    for (const [procedure, answer] of [
      ['LOOKUP', await valid.call('LOOKUP', root, name)],
      ['CREATE', await valid.call('CREATE', root, name, { mode: 0o644 })],
      ['MKDIR', await valid.call('MKDIR', root, name, { mode: 0o755 })],
      ['REMOVE', await valid.call('REMOVE', root, name)],
      ['SYMLINK', await valid.call('SYMLINK', root, name, 'x')],
      ['LINK', await valid.call('LINK', file, root, name)],
      ['RENAME', await valid.call('RENAME', directory, 'file', root, name)],
    ] as const)
      t.not(answer.status, Stat.OK, `${procedure} of ${JSON.stringify(name)}: status ${answer.status}`);
  }
  await served(t, 'and the file is where it was');
});

for (const transport of ['udp', 'tcp'] as const) {
  t.test(`calls that are none, over ${transport} (RFC 5531 §9)`, async (t) => {
    const wire = transport === 'udp' ? await UdpWire.open(volcano.nfsPort) : await TcpWire.open(volcano.nfsPort);
    t.teardown(() => wire.close());
    const getattr = { ...NFS, procedure: Proc.GETATTR, args: file };

    const version = await wire.call({ ...getattr, xid: wire.nextXid(), rpcVersion: 3 });
    t.ok(version.denied && version.reason === 0, 'RPC version 3 is denied with RPC_MISMATCH');
    t.same(version.denied && [...version.details.subarray(0, 8)], [0, 0, 0, 2, 0, 0, 0, 2], 'low 2, high 2');

    for (const [what, args] of [
      ['no arguments', Buffer.alloc(0)],
      ['31 bytes of a handle', file.subarray(0, 28)],
    ] as const) {
      const reply = await wire.call({ ...getattr, xid: wire.nextXid(), args });
      t.ok(!reply.denied && reply.status === Accept.GARBAGE_ARGS, `${what}: GARBAGE_ARGS`);
    }
    const long = Buffer.concat([directory, u32(5), Buffer.from('fi')]);
    const short = await wire.call({ ...NFS, procedure: Proc.LOOKUP, xid: wire.nextXid(), args: long });
    t.ok(!short.denied && short.status === Accept.GARBAGE_ARGS, 'a name longer than the message: GARBAGE_ARGS');

    const other = await wire.call({ ...getattr, xid: wire.nextXid(), version: 3 });
    t.ok(!other.denied && other.status === Accept.PROG_MISMATCH, 'version 3 of NFS: PROG_MISMATCH');
    t.same(!other.denied && [...other.results.subarray(0, 8)], [0, 0, 0, 2, 0, 0, 0, 2], 'low 2, high 2');
    const program = await wire.call({ ...getattr, xid: wire.nextXid(), program: 200_000 });
    t.ok(!program.denied && program.status === Accept.PROG_UNAVAIL, 'another program: PROG_UNAVAIL');
    const procedure = await wire.call({ ...getattr, xid: wire.nextXid(), procedure: 18 });
    t.ok(!procedure.denied && procedure.status === Accept.PROC_UNAVAIL, 'procedure 18: PROC_UNAVAIL');
    const flavor = await wire.call({
      ...getattr,
      xid: wire.nextXid(),
      credential: { flavor: 6, body: Buffer.alloc(4) },
    });
    t.ok(flavor.denied && flavor.reason === 1, 'a credential of another flavor: AUTH_ERROR');
    const credential = { flavor: 1, body: Buffer.alloc(6 * 4, 0xff) };
    const bad = await wire.call({ ...getattr, xid: wire.nextXid(), credential });
    t.ok(bad.denied && bad.reason === 1, 'a credential that cannot be read: AUTH_ERROR');
    await served(t, 'after them');
  });
}

captured.judge(1000, [volcano.nfsPort, volcano.mountPort]);
