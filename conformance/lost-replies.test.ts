import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { captureRun } from './lib/captured-run.ts';
import { LossyProxy, type Weather } from './lib/lossy-proxy.ts';
import { seeded, TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { TcpWire, UdpWire } from './lib/wire.ts';
import { type Answer, argsOf, mount, Nfs2Wire, type ProcName, Stat } from './lib/wire-nfs2.ts';

t.setTimeout(TEST_TIMEOUT);
const captured = await captureRun(t, 'lost');
const scratch = mkdtempSync(join(tmpdir(), 'magma-lost-'));
t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
const volcano = await Volcano.start(t, { directory: join(scratch, 'data') });
const mounts = await UdpWire.open(volcano.mountPort);
const root = await mount(mounts, '/');
mounts.close();

/** CREATE, LINK, RENAME, REMOVE, MKDIR, RMDIR in turn, until there were `count` calls; throws at the first wrong answer. */
async function sixInTurn(nfs: Nfs2Wire, directory: Buffer, count: number): Promise<number> {
  let calls = 0;
  for (let turn = 0; calls < count; turn++) {
    const made = await nfs.ok('CREATE', directory, `f${turn}`, { mode: 0o644 });
    await nfs.ok('LINK', made.handle!, directory, `l${turn}`);
    await nfs.ok('RENAME', directory, `f${turn}`, directory, `r${turn}`);
    await nfs.ok('REMOVE', directory, `l${turn}`);
    await nfs.ok('MKDIR', directory, `d${turn}`, { mode: 0o755 });
    await nfs.ok('RMDIR', directory, `d${turn}`);
    calls += 6;
    const found = await nfs.ok('LOOKUP', directory, `r${turn}`);
    if (!found.handle!.equals(made.handle!) || found.attributes!.nlink !== 1)
      throw new Error(`r${turn} is not what was made`);
    if (turn % 3 !== 0) continue;
    await nfs.ok('REMOVE', directory, `r${turn}`);
    calls++;
  }
  return calls;
}

async function through(t: Test, label: string, weather: Weather, count: number): Promise<void> {
  const { random } = seeded((line) => t.comment(line));
  const proxy = await LossyProxy.start(t, volcano.nfsPort, random, weather);
  const wires = await Promise.all([1, 2, 3, 4].map(() => UdpWire.open(proxy.port)));
  t.teardown(() => {
    for (const wire of wires) wire.close();
  });
  const done = await Promise.all(
    wires.map(async (wire, index) => {
      const nfs = new Nfs2Wire(wire, { patience: { retransmitMs: 60, transmissions: 100 } });
      const directory = (await nfs.ok('MKDIR', root, `${label}${index}`, { mode: 0o755 })).handle!;
      return sixInTurn(nfs, directory, count / wires.length);
    }),
  );
  const calls = done.reduce((sum, each) => sum + each, 0);
  const again = wires.reduce((sum, wire) => sum + wire.retransmissions, 0);
  t.comment(proxy.counts);
  t.ok(calls >= count, `${calls} calls, ${again} of them sent again, none answered wrongly`);
}

t.test(
  '5 % of the replies are lost, 1000 calls that are not idempotent: not one wrong answer (FIELD, peers table)',
  (t) => through(t, 'lost', { dropReply: 50 }, 1000),
);

t.test('calls are lost, doubled and come once more 100 ms later: not one wrong answer', (t) =>
  through(t, 'storm', { dropReply: 50, dropCall: 30, duplicateCall: 100, lateCopy: 100, lateMs: 100 }, 1000),
);

/** Sends a call, lets `between` happen, and sends the same call again: the second answer must be the first one. */
async function twice(
  t: Test,
  transport: 'udp' | 'tcp',
  again: 'at once' | 'after a crash',
  nfs: Nfs2Wire,
  name: ProcName,
  args: Buffer,
  between: (nfs: Nfs2Wire) => Promise<unknown>,
): Promise<Answer> {
  const xid = nfs.wire.nextXid();
  const first = await nfs.raw(name, args, xid);
  t.equal(first.status, Stat.OK, `${name} is done`);
  await between(nfs);
  if (again === 'after a crash') {
    await volcano.kill();
    await volcano.start();
  }
  const second = transport === 'udp' ? nfs : new Nfs2Wire(await TcpWire.open(volcano.nfsPort));
  const answer = await second.raw(name, args, xid);
  if (transport === 'tcp') second.wire.close();
  t.same(answer, first, `its late copy over ${transport} gets the first answer`);
  return first;
}

const freshWire = (transport: 'udp' | 'tcp'): Promise<UdpWire | TcpWire> =>
  transport === 'udp' ? UdpWire.open(volcano.nfsPort) : TcpWire.open(volcano.nfsPort);

for (const transport of ['udp', 'tcp'] as const) {
  for (const again of ['at once', 'after a crash'] as const) {
    t.test(
      `late copies over ${transport}, ${again}, destroy nothing (FIELD row 15; the replay cache outlives a crash)`,
      async (t) => {
        const other = async (): Promise<Nfs2Wire> => {
          const wire = await UdpWire.open(volcano.nfsPort);
          t.teardown(() => wire.close());
          return new Nfs2Wire(wire);
        };
        const open = async (): Promise<Nfs2Wire> => {
          const wire = await freshWire(transport);
          t.teardown(() => wire.close());
          return new Nfs2Wire(wire);
        };
        const nfs = await open();
        const made = await nfs.ok('MKDIR', root, `late-${transport}-${again.replaceAll(' ', '-')}`, { mode: 0o755 });
        const directory = made.handle!;
        const content = Buffer.from('written after it');
        const late = async (
          name: ProcName,
          args: Buffer,
          between: (nfs: Nfs2Wire) => Promise<unknown>,
        ): Promise<Answer> => twice(t, transport, again, await open(), name, args, between);
        const holds = async (file: Buffer, wanted: Buffer): Promise<boolean> =>
          (await (await other()).ok('READ', file, 0, 8192)).data!.equals(wanted);

        const created = await late('CREATE', argsOf.CREATE(directory, 'c', { mode: 0o644, size: 0 }), async (nfs) => {
          const { handle } = await nfs.ok('LOOKUP', directory, 'c');
          await nfs.ok('WRITE', handle!, 0, content);
        });
        const file = created.handle!;
        t.ok(await holds(file, content), 'a late CREATE with size 0 cuts nothing');

        await late('SETATTR', argsOf.SETATTR(file, { size: 0 }), (nfs) => nfs.ok('WRITE', file, 0, content));
        t.ok(await holds(file, content), 'a late SETATTR of size 0 cuts nothing');

        await late('WRITE', argsOf.WRITE(file, 0, Buffer.from('OLD')), (nfs) => nfs.ok('WRITE', file, 0, content));
        t.ok(await holds(file, content), 'a late WRITE overwrites nothing');

        await late('REMOVE', argsOf.REMOVE(directory, 'c'), (nfs) => nfs.ok('CREATE', directory, 'c', { mode: 0o600 }));
        const next = await (await other()).ok('LOOKUP', directory, 'c');
        t.notSame(next.handle, file, 'a late REMOVE leaves the next file of that name alone');

        await late('RENAME', argsOf.RENAME(directory, 'c', directory, 'd'), async (nfs) => {
          await nfs.ok('CREATE', directory, 'c', { mode: 0o640 });
        });
        t.equal(
          (await (await other()).ok('LOOKUP', directory, 'c')).attributes!.mode & 0o777,
          0o640,
          'a late RENAME moves nothing',
        );

        await late('MKDIR', argsOf.MKDIR(directory, 'sub', { mode: 0o755 }), async () => {});
        await late('RMDIR', argsOf.RMDIR(directory, 'sub'), (nfs) =>
          nfs.ok('MKDIR', directory, 'sub', { mode: 0o700 }),
        );
        t.equal(
          (await (await other()).ok('LOOKUP', directory, 'sub')).attributes!.mode & 0o777,
          0o700,
          'a late RMDIR ends nothing',
        );

        await late('LINK', argsOf.LINK(next.handle!, directory, 'hard'), (nfs) => nfs.ok('REMOVE', directory, 'hard'));
        t.equal(
          (await (await other()).call('LOOKUP', directory, 'hard')).status,
          Stat.NOENT,
          'a late LINK makes nothing',
        );

        await late('SYMLINK', argsOf.SYMLINK(directory, 'soft', 'to'), (nfs) => nfs.ok('REMOVE', directory, 'soft'));
        t.equal(
          (await (await other()).call('LOOKUP', directory, 'soft')).status,
          Stat.NOENT,
          'a late SYMLINK makes nothing',
        );
      },
    );
  }
}

captured.judge(1000);
