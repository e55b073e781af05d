import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { captureRun } from './lib/captured-run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { encodeCall, TcpWire, UdpWire, type Wire } from './lib/wire.ts';
import { argsOf, mount, NFS, Nfs2Wire, Proc, type ProcName, Stat } from './lib/wire-nfs2.ts';

const captured = await captureRun(t, 'again');
/** Two directories and a file in the first, made for one case. */
interface Place {
  readonly one: Buffer;
  readonly other: Buffer;
  readonly file: Buffer;
}

/** A change, and what has to go after it so that what it names by handle is gone: names in `one`, in `other`, and directories. */
interface Case {
  readonly name: ProcName;
  readonly what: string;
  readonly status: number;
  readonly args: (place: Place) => Buffer;
  readonly goes: readonly (readonly ['REMOVE' | 'RMDIR', 'one' | 'other' | 'home', string])[];
}

const ALL_OF_ONE = [
  ['REMOVE', 'one', 'file'],
  ['RMDIR', 'home', 'one'],
] as const;

const CASES: readonly Case[] = [
  {
    name: 'SETATTR',
    what: 'of a file that is gone',
    status: Stat.OK,
    args: ({ file }) => argsOf.SETATTR(file, { mode: 0o600, size: 3 }),
    goes: [['REMOVE', 'one', 'file']],
  },
  {
    name: 'SETATTR',
    what: 'of a file that is gone, and its directory too',
    status: Stat.OK,
    args: ({ file }) => argsOf.SETATTR(file, { mode: 0o600 }),
    goes: ALL_OF_ONE,
  },
  {
    name: 'WRITE',
    what: 'to a file that is gone',
    status: Stat.OK,
    args: ({ file }) => argsOf.WRITE(file, 5, Buffer.from('bytes')),
    goes: ALL_OF_ONE,
  },
  {
    name: 'CREATE',
    what: 'of a file that is gone, in a directory that is gone',
    status: Stat.OK,
    args: ({ one }) => argsOf.CREATE(one, 'new', { mode: 0o640 }),
    goes: [['REMOVE', 'one', 'new'], ...ALL_OF_ONE],
  },
  {
    name: 'MKDIR',
    what: 'of a directory that is gone, in one that is gone',
    status: Stat.OK,
    args: ({ one }) => argsOf.MKDIR(one, 'new', { mode: 0o750 }),
    goes: [['RMDIR', 'one', 'new'], ...ALL_OF_ONE],
  },
  {
    name: 'SYMLINK',
    what: 'in a directory that is gone',
    status: Stat.OK,
    args: ({ one }) => argsOf.SYMLINK(one, 'new', 'target'),
    goes: [['REMOVE', 'one', 'new'], ...ALL_OF_ONE],
  },
  {
    name: 'REMOVE',
    what: 'in a directory that is gone',
    status: Stat.OK,
    args: ({ one }) => argsOf.REMOVE(one, 'file'),
    goes: [['RMDIR', 'home', 'one']],
  },
  {
    name: 'RMDIR',
    what: 'in a directory that is gone',
    status: Stat.OK,
    args: ({ other }) => argsOf.RMDIR(other, 'inner'),
    goes: [['RMDIR', 'home', 'other']],
  },
  {
    name: 'RENAME',
    what: 'out of a directory that is gone',
    status: Stat.OK,
    args: ({ one, other }) => argsOf.RENAME(one, 'file', other, 'file'),
    goes: [['RMDIR', 'home', 'one']],
  },
  {
    name: 'RENAME',
    what: 'into a directory that is gone',
    status: Stat.OK,
    args: ({ one, other }) => argsOf.RENAME(one, 'file', other, 'file'),
    goes: [
      ['REMOVE', 'other', 'file'],
      ['RMDIR', 'other', 'inner'],
      ['RMDIR', 'home', 'other'],
    ],
  },
  {
    name: 'LINK',
    what: 'of a file that is gone',
    status: Stat.OK,
    args: ({ file, other }) => argsOf.LINK(file, other, 'link'),
    goes: [
      ['REMOVE', 'one', 'file'],
      ['REMOVE', 'other', 'link'],
    ],
  },
  {
    name: 'LINK',
    what: 'in a directory that is gone',
    status: Stat.OK,
    args: ({ file, other }) => argsOf.LINK(file, other, 'link'),
    goes: [
      ['REMOVE', 'other', 'link'],
      ['RMDIR', 'other', 'inner'],
      ['RMDIR', 'home', 'other'],
    ],
  },
];

/** Refusals are remembered in memory only: the same, without a restart. */
const REFUSED: Case = {
  name: 'REMOVE',
  what: 'of a name that is not there, in a directory that is gone',
  status: Stat.NOENT,
  args: ({ one }) => argsOf.REMOVE(one, 'none'),
  goes: ALL_OF_ONE,
};

/** A call's bytes, and the bytes of the results that it was answered with first. */
interface Told {
  readonly label: string;
  readonly xid: number;
  readonly bytes: Buffer;
  readonly results: Buffer;
}

async function send(wire: Wire, { xid, bytes }: Pick<Told, 'xid' | 'bytes'>): Promise<Buffer> {
  const reply = await wire.exchange(xid, bytes);
  if (reply.denied) throw new Error('denied');
  return Buffer.from(reply.results);
}

async function tell(wire: Wire, nfs: Nfs2Wire, root: Buffer, called: string, one: Case): Promise<Told> {
  const home = (await nfs.ok('MKDIR', root, called, { mode: 0o755 })).handle!;
  const place = {
    home,
    one: (await nfs.ok('MKDIR', home, 'one', { mode: 0o755 })).handle!,
    other: (await nfs.ok('MKDIR', home, 'other', { mode: 0o755 })).handle!,
  };
  await nfs.ok('MKDIR', place.other, 'inner', { mode: 0o755 });
  const file = (await nfs.ok('CREATE', place.one, 'file', { mode: 0o644 })).handle!;
  const xid = wire.nextXid();
  const { name } = one;
  const bytes = encodeCall({ ...NFS, xid, procedure: Proc[name], args: one.args({ ...place, file }) });
  const results = await send(wire, { xid, bytes });
  for (const [by, where, what] of one.goes) await nfs.ok(by, place[where], what);
  return { label: `${name} ${one.what}`, xid, bytes, results };
}

for (const [transport, open] of [
  ['UDP', UdpWire.open],
  ['TCP', TcpWire.open],
] as const)
  t.test(
    `over ${transport}: a change that is sent again gets its first answer, byte for byte, though what it names by handle is gone, after kill -9 too`,
    { timeout: TEST_TIMEOUT },
    async (t) => {
      const scratch = mkdtempSync(join(tmpdir(), 'magma-again-'));
      t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
      const volcano = await Volcano.start(t, { directory: join(scratch, 'data') });
      const mounts = await UdpWire.open(volcano.mountPort);
      t.teardown(() => mounts.close());
      let wire: Wire = await open(volcano.nfsPort);
      t.teardown(() => wire.close());
      const nfs = new Nfs2Wire(wire);
      const root = await mount(mounts, '/');

      const told: Told[] = [];
      for (const [at, one] of CASES.entries()) {
        const first = await tell(wire, nfs, root, `case${at}`, one);
        t.equal(first.results.readUInt32BE(0), one.status, `${first.label}: the first answer`);
        t.same(await send(wire, first), first.results, `${first.label}: at once`);
        told.push(first);
      }
      const refused = await tell(wire, nfs, root, 'refused', REFUSED);
      t.equal(refused.results.readUInt32BE(0), Stat.NOENT, 'a refusal: the first answer');
      t.same(await send(wire, refused), refused.results, 'a refusal: at once');

      await volcano.kill();
      await volcano.start();
      if (transport === 'TCP') {
        wire.close();
        wire = await open(volcano.nfsPort);
      }
      for (const one of told) t.same(await send(wire, one), one.results, `${one.label}: after kill -9`);

      for (const one of told) {
        const xid = wire.nextXid();
        const bytes = Buffer.from(one.bytes);
        bytes.writeUInt32BE(xid, 0);
        t.same((await send(wire, { xid, bytes })).readUInt32BE(0), Stat.STALE, `${one.label}: another call is refused`);
      }
      if (transport === 'TCP') return;
      const stranger = await UdpWire.open(volcano.nfsPort);
      t.teardown(() => stranger.close());
      for (const one of told)
        t.same(
          (await send(stranger, one)).readUInt32BE(0),
          Stat.STALE,
          `${one.label}: from another port it is refused`,
        );
    },
  );

captured.judge(250);
