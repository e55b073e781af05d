import t from 'tap';
import { QuotaBook } from '../src/acl/quotas.ts';
import { Shares } from '../src/acl/shares.ts';
import { parseShares } from '../src/acl/shares-file.ts';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { seededRandom } from '../src/base/random.ts';
import { systemNet } from '../src/base/system-net.ts';
import { MemoryNotes } from '../src/flare/testing/memory-notes.ts';
import { MemoryService } from '../src/flare/testing/memory-service.ts';
import { RpcServer } from '../src/rpc/server.ts';
import { rquotaProgram } from '../src/rquotad/program.ts';
import { Accept, opaque, TcpWire, UdpWire, u32, unixCredential, type Wire } from './lib/wire.ts';

/* The remote quota protocol, version 1, over real sockets: program 100011. */

const RQUOTA = 100011;
const OK = 1;
const NOQUOTA = 2;
const EPERM = 3;

const RULES = `/home 127.0.0.1 w
/home/kim 127.0.0.1 r
/squashed 127.0.0.1 w all_squash,anonuid=77
/closed * n
/home quota 1000-1999 bytes=900K:1000K,files=9:10
/squashed quota 77 files=5
/closed quota * files=1`;

const clock = systemClock;
const service = new MemoryService({ clock, random: seededRandom(1) });
const notes = new MemoryNotes();
const parsed = parseShares(RULES, 'shares');
const resolver = { resolve: async () => [] };
const shares = await Shares.open(parsed.rules, { service, notes, resolver, clock, logger: silentLogger });
const used: Record<string, { bytes: number; files: number }> = {};
const none = { bytes: 0, files: 0 };
const quotas = new QuotaBook({
  ...{ clock, notes, logger: silentLogger },
  here: (share, uid) => used[`${shares.share(share)!.path} ${uid}`] ?? none,
  elsewhere: (_share, uid) => (uid === 1001 ? { bytes: 1024, files: 1 } : none),
});
quotas.use(parsed.quotas, shares.list());
const server = new RpcServer({ net: systemNet, clock, logger: silentLogger });
t.teardown(() => server.stop());
const { port } = await server.listen({
  programs: [rquotaProgram({ shares, quotas, clock })],
  addresses: ['127.0.0.1', '::1'],
  port: 0,
});

async function getquota(wire: Wire, asker: number | null, path: string, uid: number, procedure = 1): Promise<number[]> {
  const args = Buffer.concat([opaque(path), u32(uid)]);
  const call = { xid: wire.nextXid(), program: RQUOTA, version: 1, procedure, args };
  const credential = asker === null ? { flavor: 0, body: Buffer.alloc(0) } : unixCredential(asker, asker);
  const got = await wire.call({ ...call, credential });
  if (got.denied || got.status !== Accept.SUCCESS) throw new Error(`no success: ${JSON.stringify(got)}`);
  return Array.from({ length: got.results.length / 4 }, (_, at) => got.results.readUInt32BE(at * 4));
}

for (const transport of ['udp', 'tcp'] as const)
  t.test(`GETQUOTA and GETACTIVEQUOTA over ${transport}`, async (t) => {
    const wire = await (transport === 'udp' ? UdpWire : TcpWire).open(port, '127.0.0.1');
    t.teardown(() => wire.close());
    used['/home 1000'] = { bytes: 5000, files: 3 };
    const answer = [OK, 1024, 1, 1000, 900, 5, 10, 9, 3, 0, 0];
    for (const procedure of [1, 2]) t.same(await getquota(wire, 1000, '/home', 1000, procedure), answer);
    t.same(await getquota(wire, 0, '/home/kim/', 1000), answer, 'root of the client may ask, and below the share');
    t.same((await getquota(wire, 1001, '/home', 1001)).slice(5, 9), [1, 10, 9, 1], 'what others have is in it');

    used['/home 1000'] = { bytes: 950 * 1024, files: 3 };
    t.ok(quotas.allows(shares.list()[0]!.number, 1000, { bytes: 1, files: 0 }, () => used['/home 1000']!));
    const [, , , , , , , , , left, filesLeft] = await getquota(wire, 1000, '/home', 1000);
    t.ok(left! > 604_000 && left! <= 604_800, `${left} s are left of a week`);
    t.equal(filesLeft, 0);
  });

t.test(
  'Who may ask: oneself, where the rules let one in; squashed ids have the quota of the one they become',
  async (t) => {
    const wire = await UdpWire.open(port, '127.0.0.1');
    const other = await UdpWire.open(port, '::1');
    t.teardown(() => [wire, other].map((one) => one.close()));
    t.same(await getquota(wire, 1001, '/home', 1000), [EPERM], 'about somebody else');
    t.same(await getquota(wire, null, '/home', 1000), [EPERM], 'AUTH_NULL');
    t.same(await getquota(other, 1000, '/home', 1000), [EPERM], 'no rule for that address');
    t.same(await getquota(wire, 1000, '/closed', 1000), [EPERM]);
    t.same(await getquota(wire, 5, '/home', 5), [NOQUOTA], 'nobody has said anything of him');
    t.same(await getquota(wire, 0, '/home', 0), [NOQUOTA]);
    t.same(await getquota(wire, 1000, '/home/nothing', 1000), [NOQUOTA]);
    t.same(await getquota(wire, 1000, '/home/../closed', 1000), [NOQUOTA]);
    t.same(await getquota(wire, 1000, 'home', 1000), [NOQUOTA]);
    t.same((await getquota(wire, 4321, '/squashed', 4321)).slice(0, 7), [OK, 1024, 1, 0, 0, 0, 5]);
  },
);

t.test('Bounds: version 2 is PROG_MISMATCH, long paths and short arguments are GARBAGE_ARGS', async (t) => {
  const wire = await UdpWire.open(port, '127.0.0.1');
  t.teardown(() => wire.close());
  const ask = (version: number, procedure: number, args: Buffer) =>
    wire.call({ xid: wire.nextXid(), program: RQUOTA, version, procedure, args });
  t.match(await ask(1, 0, Buffer.alloc(0)), { status: Accept.SUCCESS });
  t.match(await ask(2, 1, Buffer.alloc(0)), { status: Accept.PROG_MISMATCH, results: u32(1, 1) });
  t.match(await ask(1, 3, Buffer.alloc(0)), { status: Accept.PROC_UNAVAIL });
  t.match(await ask(1, 1, Buffer.concat([opaque('/'.repeat(1025)), u32(0)])), { status: Accept.GARBAGE_ARGS });
  t.match(await ask(1, 1, opaque('/home')), { status: Accept.GARBAGE_ARGS });
});
