import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { seededRandom } from '../src/base/random.ts';
import { seeded } from '../src/base/testing/seed.ts';
import { captureRun } from './lib/captured-run.ts';
import { mutate } from './lib/mutate.ts';
import { inNamespace, makeNamespace } from './lib/namespace.ts';
import { Reads } from './lib/reads.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { Volcano } from './lib/volcano.ts';
import { Accept, decodeReply, encodeCall, opaque, TcpWire, UdpWire, u32, type Wire } from './lib/wire.ts';
import { mount, Nfs2Wire } from './lib/wire-nfs2.ts';

/*
 * What old machines ask besides files, of one volcano, by clients of the test's own.
 */

const MAGMA = fileURLToPath(new URL('../bin/magma', import.meta.url));
const CLIENT = fileURLToPath(new URL('clients/broadcast-rpc.py', import.meta.url));
const captured = await captureRun(t, 'old');
const scratch = mkdtempSync(join(tmpdir(), 'magma-old-'));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
const users = join(scratch, 'pc-users');

const added = spawnSync(MAGMA, ['pc-user', users, 'john', '--uid', '1000', '--gid', '100'], { input: 'geheim\n' });
const john = readFileSync(users, 'utf8');
writeFileSync(users, `${john}mary:${john.split(':')[1]}:1001:1001:5,6:volcano:/home/mary\n`);
const volcano = await Volcano.start(t, {
  directory: join(scratch, 'data'),
  portmap: 'own',
  portmapPort: 111,
  flags: [
    ...['--pcnfsd', users, '--time', 'on', '--time-offset', '-3600', '--tftp', '/:/tftpboot', '-D', 'r'],
    ...['--bootparam', 'sun1 10.9.0.40 root=/export/root/sun1', '--bootparam', 'near 127.0.0.1 root=/export/root/near'],
    ...['--bootparam-network', '10.9.0.0/24', '--bootparam-network', '127.0.0.1', '--bootparam-domain', 'lava'],
    ...['--bootparam-router', '10.9.0.1', '--server-name', 'wallace'],
  ],
});
const portOf = (name: string): number => Number(new RegExp(`"${name}":(\\d+)`).exec(volcano.log)?.[1]);

t.test('magma pc-user takes a password from standard input, and keeps a hash of it', async (t) => {
  t.equal(String(added.stdout), 'john: added\n');
  t.match(john, /^john:\$scrypt\$ln=14,r=8,p=1\$[^:]+:1000:100\n$/);
  t.notMatch(john, /geheim/);
});

/** A login that is sent again while its answer is on its way is looked at again, and is one more line in the log. */
const PATIENCE = { retransmitMs: 5_000, transmissions: 4 };

async function ask(wire: Wire, to: [number, number, number], args: Uint8Array = Buffer.alloc(0)): Promise<Reads> {
  const [program, version, procedure] = to;
  const call = { xid: wire.nextXid(), program, version, procedure, args };
  const reply = await wire.call(call, PATIENCE);
  if (reply.denied || reply.status !== Accept.SUCCESS) throw new Error(`no success: ${JSON.stringify(reply)}`);
  return new Reads(reply.results);
}

const PCNFSD = 150001;
/** As PC-NFS scrambles: each byte XOR 0x5b, 7 bits. */
const scrambled = (text: string): Buffer => opaque(Buffer.from(text, 'latin1').map((byte) => (byte ^ 0x5b) & 0x7f));

t.test('the portmapper knows where PCNFSD is, both versions over both transports', async (t) => {
  const wire = await UdpWire.open(111);
  t.teardown(() => wire.close());
  for (const version of [1, 2])
    for (const protocol of [17, 6]) {
      const found = await ask(wire, [100000, 2, 3], u32(PCNFSD, version, protocol, 0));
      t.equal(found.number(), portOf('pcnfsdPort'));
    }
});

for (const transport of ['udp', 'tcp'] as const)
  t.test(
    `PCNFSD over ${transport}: AUTH of both versions, INFO, MAPID; printing is refused (FIELD.md row 30)`,
    async (t) => {
      const wire = await (transport === 'udp' ? UdpWire : TcpWire).open(portOf('pcnfsdPort'));
      t.teardown(() => wire.close());
      const call = (version: number, procedure: number, ...args: Buffer[]): Promise<Reads> =>
        ask(wire, [PCNFSD, version, procedure], Buffer.concat(args));
      for (const version of [1, 2]) t.equal((await call(version, 0)).rest, 0, 'NULL');
      t.same((await call(1, 1, scrambled('john'), scrambled('geheim'))).numbers(3), [0, 1000, 100]);
      t.same((await call(1, 1, scrambled('john'), scrambled('falsch'))).numbers(3), [2, 65534, 65534]);
      t.same((await call(1, 1, scrambled('root'), scrambled(''))).numbers(3), [2, 65534, 65534], 'no user of the host');

      const mary = await call(2, 13, opaque('pc'), scrambled('mary'), scrambled('geheim'), opaque(''));
      t.same([mary.numbers(3), mary.numbers(), mary.text()], [[0, 1001, 1001], [5, 6], 'volcano:/home/mary']);
      t.same([mary.number(), mary.text(), mary.rest], [0o022, '', 0]);
      const info = await call(2, 1, opaque('test'), opaque(''));
      t.same([info.text(), info.text()], ['magma PCNFSD V2', '']);
      t.same(
        info.numbers().flatMap((milliseconds, procedure) => (milliseconds < 2 ** 31 ? [procedure] : [])),
        [0, 1, 12, 13],
        'facilities',
      );
      const maps = await call(
        2,
        12,
        opaque(''),
        u32(1, 0, 1001),
        opaque(''),
        u32(1, 2, 0),
        opaque('john'),
        u32(1, 3, 0),
        opaque('staff'),
        u32(0),
      );
      t.equal(maps.text(), '');
      t.same(
        maps.list(() => [...maps.numbers(3), maps.text()].join(' ')),
        ['0 0 1001 mary', '2 0 1000 john', '3 1 0 staff'],
      );
      t.equal((await call(1, 2, opaque('pc'), opaque('lp'))).number(), 1, 'PI_RES_NO_SUCH_PRINTER');
      const printers = await call(2, 4);
      t.same([printers.text(), printers.number(), printers.rest], ['this server has no printers', 0, 0]);
    },
  );

t.test('each failed login is a line in the log, without its password', async (t) => {
  const lines = volcano.log.split('\n').filter((line) => line.includes('PC-NFS login refused'));
  t.equal(lines.length, 4);
  t.match(JSON.parse(lines[0]!), {
    level: 'warn',
    room: 'pcnfsd',
    client: '127.0.0.1',
    user: 'john',
    reason: 'a wrong password',
  });
  t.notMatch(volcano.log, /geheim|falsch/);
});

t.test('SIGHUP reads the users again; a file that is wrong changes nothing', async (t) => {
  const wire = await UdpWire.open(portOf('pcnfsdPort'));
  t.teardown(() => wire.close());
  const kim = async (): Promise<number> =>
    (await ask(wire, [PCNFSD, 1, 1], Buffer.concat([scrambled('kim'), scrambled('geheim')]))).number();
  writeFileSync(users, john.replaceAll('john', 'kim'));
  volcano.reload();
  await volcano.says(/the rules were read again/);
  t.equal(await kim(), 0);
  writeFileSync(users, 'kim\n');
  volcano.reload();
  await volcano.says(/pc-users:1: a user is NAME:HASH:UID:GID.*\n.*the old ones stay/);
  t.equal(await kim(), 0);
});

/** Seconds from 1900 to 1970 (RFC 868). */
const EPOCH = 2_208_988_800;
const COMMANDS = { busybox: 'busybox-static' };

t.test(
  'TIME at port 37 by hand over UDP, and asked by rdate over TCP, an hour off as was told (FIELD.md row 26)',
  async (t) => {
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    socket.send('', 37, '127.0.0.1');
    const [answer] = (await once(socket, 'message')) as [Buffer];
    const off = (seconds: number): number => Math.abs(seconds - (Date.now() / 1000 - 3600));
    t.equal(answer.length, 4);
    t.ok(off(answer.readUInt32BE() - EPOCH) < 5);
    if (unmet({ commands: COMMANDS }) !== false) return;
    const { stdout } = await run('busybox', ['rdate', '-p', '127.0.0.1'], { env: { TZ: 'UTC', LC_ALL: 'C' } });
    t.ok(off(Date.parse(`${stdout.trim()} UTC`) / 1000) < 5, stdout);
  },
);

t.test(
  'TFTP at port 69: busybox and curl read files below the share, and nothing else',
  {
    skip: unmet({ commands: { ...COMMANDS, curl: 'curl' } }),
  },
  async (t) => {
    const mounts = await UdpWire.open(volcano.mountPort);
    const wire = await UdpWire.open(volcano.nfsPort);
    t.teardown(() => [mounts.close(), wire.close()]);
    const root = await mount(mounts, '/');
    const nfs = new Nfs2Wire(wire);
    const image = seededRandom(3).bytes(100_003);
    const boot = (await nfs.ok('MKDIR', root, 'tftpboot', { mode: 0o755 })).handle!;
    const file = (await nfs.ok('CREATE', boot, 'vmunix', { mode: 0o644 })).handle!;
    for (let at = 0; at < image.length; at += 8192) await nfs.ok('WRITE', file, at, image.subarray(at, at + 8192));
    await nfs.ok('SYMLINK', boot, '7F000001.SUN4C', 'vmunix');
    await nfs.ok('SYMLINK', boot, 'out', '../secret');
    await nfs.ok('CREATE', root, 'secret', { mode: 0o644 });

    const copy = join(scratch, 'copy');
    const busybox = (...words: string[]) => run('busybox', ['tftp', '-g', '-l', copy, ...words, '127.0.0.1']);
    for (const words of [
      ['-r', 'vmunix'],
      ['-b', '1468', '-r', '/vmunix'],
      ['-b', '8192', '-r', '7F000001.SUN4C'],
    ]) {
      const { status, stderr } = await busybox(...words);
      t.equal(status, 0, stderr);
      t.ok(readFileSync(copy).equals(image), words.join(' '));
    }
    const fetched = await run('curl', ['-sS', '-o', copy, 'tftp://127.0.0.1/vmunix']);
    t.equal(fetched.status, 0, fetched.stderr);
    t.ok(readFileSync(copy).equals(image), 'curl asks for tsize, blksize and timeout');
    for (const [name, error] of [
      ['../secret', /\(2\)/],
      ['out', /\(2\).*a symlink leads out/],
      ['secret', /\(1\)/],
    ] as const) {
      const { status, stderr } = await busybox('-r', name);
      t.not(status, 0);
      t.match(stderr, error, name);
    }
    // A server with several addresses answers from the one that was asked, from another port (RFC 1350 §4).
    const socket = createSocket('udp4');
    t.teardown(() => socket.close());
    socket.send(Buffer.from('\0\x01vmunix\0octet\0', 'latin1'), 69, '127.0.0.5');
    const [first, from] = (await once(socket, 'message')) as [Buffer, { address: string; port: number }];
    t.same([first.readUInt32BE(0), first.length, from.address], [0x30001, 516, '127.0.0.5']);
    t.not(from.port, 69);
    socket.send(Buffer.from('\0\x05\0\0enough\0', 'latin1'), from.port, '127.0.0.5');
    await volcano.says(/the client said: enough.*Not sent by TFTP/);
    await volcano.says(/"path":"vmunix".*Sent by TFTP/);
    await volcano.says(/"path":"\.\.\/secret".*Refused/);
  },
);

const BOOTPARAM = 100026;
/** An IPv4 address as the protocol has it: its type, and four chars of C, which are signed there. */
const ip = (text: string): Buffer => u32(1, ...text.split('.').map((one) => (Number(one) << 24) >> 24));
const ipOf = (reads: Reads): string => [reads.number(), ...reads.numbers(4).map((one) => one & 0xff)].join('.');
/** CALLIT of version 2 (RFC 1833 §3.2). */
const callit = (procedure: number, args: Buffer, program = BOOTPARAM): Buffer =>
  Buffer.concat([u32(program, 1, procedure), opaque(args)]);

t.test(
  'bootparam: WHOAMI and GETFILE of this machine, asked of the program and through the portmapper (FIELD.md row 25)',
  async (t) => {
    const [portmapper, direct] = [await UdpWire.open(111), await TcpWire.open(portOf('bootparamPort'))];
    t.teardown(() => [portmapper.close(), direct.close()]);
    const me = await ask(direct, [BOOTPARAM, 1, 1], ip('127.0.0.1'));
    t.same([me.text(), me.text(), ipOf(me), me.rest], ['near', 'lava', '1.10.9.0.1', 0]);
    const root = await ask(direct, [BOOTPARAM, 1, 2], Buffer.concat([opaque('near'), opaque('root')]));
    t.same([root.text(), ipOf(root), root.text()], ['wallace', '1.127.0.0.1', '/export/root/near']);
    const called = await ask(portmapper, [100000, 2, 5], callit(1, ip('127.0.0.1')));
    t.equal(called.number(), portOf('bootparamPort'));
    t.ok(called.number() > 0);
    t.equal(called.text(), 'near');
    for (const version of [3, 4]) {
      const there = await ask(portmapper, [100000, version, 5], callit(1, ip('127.0.0.1')));
      t.equal(there.text(), `127.0.0.1.${portOf('bootparamPort') >> 8}.${portOf('bootparamPort') & 0xff}`);
    }
  },
);

t.test(
  'bootparam by broadcast: a machine of the network is answered from the right address, and nothing else is forwarded',
  {
    skip: unmet({
      root: true,
      namespaces: true,
      commands: { ip: 'iproute2', nsenter: 'util-linux', python3: 'python3' },
    }),
  },
  async (t) => {
    const there = makeNamespace(t, 'sun');
    const set = (...words: string[]) => run('ip', words);
    const link = async (name: string, net: string): Promise<void> => {
      await set('link', 'add', name, 'type', 'veth', 'peer', 'name', name, 'netns', there);
      await set('addr', 'add', `${net}.1/24`, 'brd', `${net}.255`, 'dev', name);
      await set('link', 'set', name, 'up');
      await set('-n', there, 'addr', 'add', `${net}.40/24`, 'brd', `${net}.255`, 'dev', name);
      await set('-n', there, 'link', 'set', name, 'up');
    };
    await link('lan', '10.9.0');
    await link('wan', '10.8.0');
    /** Who answers which calls, by their numbers. A NULL, which is answered, comes last. */
    const broadcast = async (
      net: string,
      ...calls: Buffer[]
    ): Promise<{ from: string; xid: number; results: Reads }[]> => {
      const credential = { flavor: 0, body: Buffer.alloc(0) };
      const called = [...calls.map((args) => ({ procedure: 5, args })), { procedure: 0, args: Buffer.alloc(0) }];
      const hex = called.map((each, xid) =>
        encodeCall({ xid, program: 100000, version: 2, ...each, credential }).toString('hex'),
      );
      const [command, words] = inNamespace(there, 'python3', CLIENT, `${net}.40`, `${net}.255`, '111', ...hex);
      const { status, stdout, stderr } = await run(command, words);
      t.equal(status, 0, stderr);
      const answers = stdout.split('\n').filter(Boolean);
      return answers.slice(0, -1).map((line) => {
        const [from, port, bytes] = line.split(' ');
        const reply = decodeReply(Buffer.from(bytes!, 'hex'));
        if (reply.denied || reply.status !== Accept.SUCCESS) throw new Error(`no success: ${line}`);
        const results = new Reads(reply.results);
        // The port, and the length of the results.
        results.numbers(2);
        return { from: `${from} ${port}`, xid: reply.xid, results };
      });
    };
    const file = callit(2, Buffer.concat([opaque('sun1'), opaque('root')]));
    const answers = await broadcast('10.9.0', callit(1, ip('10.9.0.40')), file);
    t.same(
      answers.map(({ from, xid }) => `${from} ${xid}`),
      ['10.9.0.1 111 0', '10.9.0.1 111 1'],
    );
    const [me, root] = answers.map(({ results }) => results);
    t.same([me!.text(), me!.text(), ipOf(me!)], ['sun1', 'lava', '1.10.9.0.1']);
    t.same([root!.text(), ipOf(root!), root!.text()], ['wallace', '1.10.9.0.1', '/export/root/sun1']);
    const silent = [
      callit(1, ip('10.9.0.41')),
      callit(0, Buffer.alloc(0), 100003),
      callit(1, u32(7)),
      callit(9, Buffer.alloc(0)),
    ];
    t.same(await broadcast('10.9.0', ...silent), [], 'nobody known, another program, junk, no such procedure');
    t.same(await broadcast('10.8.0', callit(1, ip('10.9.0.40'))), [], 'from a network that is not configured');
    await volcano.says(/"client":"10\.9\.0\.40","about":"sun1 root".*Bootparam GETFILE/);
  },
);

captured.judge(20, [111, portOf('pcnfsdPort'), portOf('bootparamPort')]);

/** Mutated messages to each. */
const MUTATED = 400;

t.test(`${MUTATED} mutated messages to each of them: magmad lives, and serves who asks as he should`, async (t) => {
  const { seed, random } = seeded((line) => t.comment(line));
  const who = [opaque('lp'), opaque('pc'), opaque('john')];
  const rpc = (program: number, version: number, procedure: number, ...args: Buffer[]): Buffer =>
    encodeCall({ xid: seed, program, version, procedure, args: Buffer.concat(args) });
  const me = ip('127.0.0.1');
  const messages: [number, Buffer[]][] = [
    [
      portOf('pcnfsdPort'),
      [
        rpc(PCNFSD, 2, 1, opaque('test'), opaque('')),
        rpc(PCNFSD, 2, 12, opaque(''), u32(1, 0, 1001), opaque(''), u32(1, 2, 0), opaque('john'), u32(0)),
        rpc(PCNFSD, 2, 3, ...who, opaque('x'), opaque(''), u32(1), opaque('')),
        rpc(PCNFSD, 1, 1, scrambled('john'), scrambled('geheim')),
      ],
    ],
    [portOf('bootparamPort'), [rpc(BOOTPARAM, 1, 1, me), rpc(BOOTPARAM, 1, 2, opaque('near'), opaque('root'))]],
    [111, [rpc(100000, 2, 5, callit(1, me)), rpc(100000, 4, 5, callit(1, me))]],
    [69, [Buffer.from('\0\x01vmunix\0octet\0blksize\x001468\0tsize\x000\0', 'latin1')]],
    [37, [Buffer.alloc(4)]],
  ];
  const socket = createSocket('udp4');
  t.teardown(() => socket.close());
  for (const [port, valid] of messages)
    for (let count = 0; count < MUTATED; count++)
      socket.send(mutate(valid[random.below(valid.length)]!, random, random.below(2) * 40), port, '127.0.0.1');
  const wire = await UdpWire.open(portOf('pcnfsdPort'));
  const direct = await UdpWire.open(portOf('bootparamPort'));
  t.teardown(() => [wire.close(), direct.close()]);
  t.same((await ask(direct, [BOOTPARAM, 1, 1], me)).text(), 'near');
  t.equal((await ask(wire, [PCNFSD, 2, 1], Buffer.concat([opaque(''), opaque('')]))).text(), 'magma PCNFSD V2');
  const copy = join(scratch, 'after');
  const { status, stderr } = await run('curl', ['-sS', '-o', copy, 'tftp://127.0.0.1/7F000001.SUN4C']);
  t.equal(status, 0, stderr);
  t.notMatch(volcano.log, /a call failed|could not be sent/, 'nothing was unforeseen');
  volcano.assertAlive();
});
