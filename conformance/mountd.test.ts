import t from 'tap';
import { captureRun } from './lib/captured-run.ts';
import { serveMounts } from './lib/mount-service.ts';
import { Accept, opaque, type Reply, TcpWire, UdpWire, u32, type Wire } from './lib/wire.ts';
import { Words } from './lib/words.ts';

const MOUNTD = 100005;

const captured = await captureRun(t, 'mountd');
function ask(wire: Wire, version: number, procedure: number, args: Uint8Array = Buffer.alloc(0)): Promise<Reply> {
  return wire.call({ xid: wire.nextXid(), program: MOUNTD, version, procedure, args });
}

async function results(reply: Promise<Reply>): Promise<Buffer> {
  const got = await reply;
  if (got.denied || got.status !== Accept.SUCCESS) throw new Error(`no success: ${JSON.stringify(got)}`);
  return got.results;
}

async function dump(wire: Wire, version = 1): Promise<string[]> {
  const words = new Words(await results(ask(wire, version, 2)));
  const mounts = words.list(() => `${words.text()}:${words.text()}`);
  if (words.rest !== 0) throw new Error('bytes are left over');
  return mounts;
}

const RULES = `/      127.0.0.0/8  r
/      ::1          w
/home  127.0.0.1    w  secure
/home/john * n
/far   10.0.0.0/8   r`;

for (const transport of ['udp', 'tcp'] as const)
  for (const host of ['127.0.0.1', '::1'])
    t.test(`MNT over ${transport} from ${host} (RFC 1094 appendix A.5.2)`, async (t) => {
      const service = await serveMounts(t, RULES);
      const { key } = await service.makeDirectory('/boot/crates');
      const wire = await (transport === 'udp' ? UdpWire : TcpWire).open(service.port, host);
      t.teardown(() => wire.close());
      for (const version of [1, 2]) {
        t.equal((await results(ask(wire, version, 0))).length, 0, 'NULL');
        const got = await results(ask(wire, version, 1, opaque('//boot/./crates/')));
        t.equal(got.length, 36);
        t.equal(got.readUInt32BE(0), 0);
        t.equal(got.toString('latin1', 7, 27), key, 'any directory below a share, however spelt (FIELD.md row 13)');
        t.equal(got.readUInt16BE(5), 1, 'its share');
      }
      t.same(await dump(wire), [`${host}:/boot/crates`]);
      const mounted = service.lines.filter(({ message }) => message === 'Mounted');
      t.equal(mounted.length, 2, 'one log line a mount');
      t.match(mounted[0]!.fields, { client: host, path: '/boot/crates', rule: /^shares:[12]: / });
    });

t.test('MNT refuses with the errno of UNIX, and logs client, path and rule', async (t) => {
  const service = await serveMounts(t, RULES);
  await service.makeFile('/boot', 'kernel');
  const wire = await UdpWire.open(service.port);
  t.teardown(() => wire.close());
  const refusals: [string, number, string][] = [
    ['/nothing', 2, 'shares:1: / 127.0.0.0/8 r'],
    ['/boot/kernel', 20, 'shares:1: / 127.0.0.0/8 r'],
    ['/home', 13, 'shares:3: /home 127.0.0.1 w'],
    ['/home/john', 13, 'shares:4: /home/john * n'],
    ['/home/../boot', 13, 'none'],
    ['boot', 22, 'none'],
    [`/${'x'.repeat(300)}`, 63, 'none'],
  ];
  for (const [path, status, rule] of refusals) {
    const got = await results(ask(wire, 1, 1, opaque(path)));
    t.same(got, u32(status), `${path.slice(0, 20)}: the status alone`);
    t.match(service.lines.at(-1), { message: 'Refused', fields: { client: '127.0.0.1', path, rule } });
  }
  t.same(await dump(wire), [], 'what was refused is not on the list');
});

t.test('MNT of the empty path is the root: U-Boot asks so for a file that lies there (FIELD.md row 13)', async (t) => {
  const service = await serveMounts(t, '/ * r');
  const wire = await UdpWire.open(service.port);
  t.teardown(() => wire.close());
  const root = await results(ask(wire, 1, 1, opaque('/')));
  t.same(await results(ask(wire, 1, 1, opaque(''))), root);
});

t.test('secure rules want a port below 1024; insecure is the default (FIELD.md row 24)', async (t) => {
  const service = await serveMounts(t, '/a * r\n/b * r secure');
  const wire = await TcpWire.open(service.port);
  t.teardown(() => wire.close());
  t.equal((await results(ask(wire, 1, 1, opaque('/a')))).readUInt32BE(0), 0);
  t.same(await results(ask(wire, 1, 1, opaque('/b'))), u32(13));
});

t.test('versions: 1 and 2 are served, others get PROG_MISMATCH 1 to 2 (FIELD.md row 12)', async (t) => {
  const service = await serveMounts(t, '/ * r');
  const wire = await UdpWire.open(service.port);
  t.teardown(() => wire.close());
  for (const version of [0, 3, 4]) {
    const reply = await ask(wire, version, 0);
    t.match(reply, { denied: false, status: Accept.PROG_MISMATCH });
    t.same(!reply.denied && reply.results, u32(1, 2));
  }
  for (const [version, procedure] of [
    [1, 6],
    [1, 7],
    [2, 6],
    [2, 8],
  ] as const)
    t.match(await ask(wire, version, procedure), { status: Accept.PROC_UNAVAIL }, `${version}.${procedure}`);
  const tooLong = await ask(wire, 1, 1, opaque(`/${'x'.repeat(1024)}`));
  t.match(tooLong, { status: Accept.GARBAGE_ARGS }, 'MNTPATHLEN');
});

t.test('UMNT and UMNTALL remove the caller’s own entries alone (RFC 1094 appendix A.5.4, A.5.5)', async (t) => {
  const service = await serveMounts(t, '/a * r\n/b * r\n/c * r');
  const four = await UdpWire.open(service.port);
  const six = await UdpWire.open(service.port, '::1');
  t.teardown(() => [four, six].map((wire) => wire.close()));
  for (const wire of [four, six]) for (const path of ['/a', '/b', '/c']) await ask(wire, 1, 1, opaque(path));
  t.equal((await results(ask(four, 1, 3, opaque('/b/')))).length, 0);
  t.same(
    (await dump(four)).filter((one) => one.startsWith('127')),
    ['127.0.0.1:/a', '127.0.0.1:/c'],
  );
  t.equal((await results(ask(four, 2, 4))).length, 0);
  t.same(await dump(four, 2), ['::1:/a', '::1:/b', '::1:/c']);
});

t.test('the mount list survives a restart', async (t) => {
  const service = await serveMounts(t, '/a * r');
  const wire = await UdpWire.open(service.port);
  await ask(wire, 1, 1, opaque('/a'));
  const later = await UdpWire.open(await service.again());
  t.teardown(() => [wire, later].map((one) => one.close()));
  t.same(await dump(later), ['127.0.0.1:/a']);
});

t.test('EXPORT lists topmost paths and their networks; no groups are everyone (RFC 1094 appendix A.5.6)', async (t) => {
  const service = await serveMounts(t, '/a * r\n/a/b * n\n/c 10.0.0.0/8 w\n/c crate7 r\n/c fd00::/8 n');
  const wire = await TcpWire.open(service.port);
  t.teardown(() => wire.close());
  const words = new Words(await results(ask(wire, 1, 5)));
  t.same(
    words.list(() => [words.text(), ...words.list(() => words.text())]),
    [['/a'], ['/c', 'crate7', '10.0.0.0/8']],
  );
  t.equal(words.rest, 0);
});

t.test('PATHCONF of version 2: link, name and path limits; the error bit for what cannot be mounted', async (t) => {
  const service = await serveMounts(t, '/a * r');
  const wire = await UdpWire.open(service.port);
  t.teardown(() => wire.close());
  t.same(await results(ask(wire, 2, 7, opaque('/a'))), u32(65000, 0, 0, 255, 1024, 0, 0, 0, 0x3cc, 0));
  t.same(await results(ask(wire, 2, 7, opaque('/b'))), u32(0, 0, 0, 0, 0, 0, 0, 0, 1, 0));
});

t.test('rules are reloaded under a running mount program', async (t) => {
  const service = await serveMounts(t, '/a * r');
  const { parseShares } = await import('../src/acl/shares-file.ts');
  const wire = await UdpWire.open(service.port);
  t.teardown(() => wire.close());
  t.equal((await results(ask(wire, 1, 1, opaque('/a')))).readUInt32BE(0), 0);
  await service.shares.reload(parseShares('/a * n', 'shares').rules);
  t.same(await results(ask(wire, 1, 1, opaque('/a'))), u32(13));
});

captured.judge(40);

t.test('the mount program answers hostile bytes and lives', async (t) => {
  const service = await serveMounts(t, '/a * r');
  const wire = await UdpWire.open(service.port);
  t.teardown(() => wire.close());
  for (const args of [Buffer.alloc(0), u32(0xffffffff), u32(5), u32(1024), Buffer.concat([opaque('/a'), u32(1)])])
    t.match(await ask(wire, 1, 1, args), { denied: false });
  t.equal((await results(ask(wire, 1, 1, opaque('/a')))).readUInt32BE(0), 0);
});
