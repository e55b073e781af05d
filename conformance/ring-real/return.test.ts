import t from 'tap';
import { seeded, TEST_TIMEOUT } from '../lib/seed.ts';
import { type Client, client } from './lib/client.ts';
import { at, magma, type RingVolcano, scratch, threeVolcanos, whole } from './lib/ring.ts';

/* Real processes: one is killed under load, and comes back after the others have gone on without it (docs/ring-failover.md, "Return"). */

const FAILOVER_SECONDS = 3;
const MIB = 1024 * 1024;
/** What lies there before one goes, and how much of it is written at a time, in bytes. */
const HELD_BYTES = 24 * MIB;
const WRITE_BYTES = 8192;
/** Files of so many bytes, so that all slices hold some. */
const FILE_BYTES = 48 * 1024;

/** How slices became whole on mirrors, as volcanos log it. */
function restored(ring: readonly RingVolcano[]): { replayed: number; undone: number; filled: number; bytes: number } {
  const sums = { replayed: 0, undone: 0, filled: 0, bytes: 0 };
  for (const { volcano } of ring) {
    for (const line of volcano.log.split('\n')) {
      if (!line.includes('a mirror has become whole')) continue;
      const told = JSON.parse(line.slice(line.indexOf('{'))) as typeof sums;
      for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += told[name];
    }
  }
  return sums;
}

t.test(
  'SIGKILL of one of three under load, and back: it serves at once, and is a mirror again with a small part of what its slices hold (issue 6)',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const { random } = seeded((line) => t.comment(line));
    const ring = await threeVolcanos(t, scratch(t), ['--failover', `${FAILOVER_SECONDS}`]);
    const asked = at(ring[0]);
    const clients = await Promise.all([client(t, ring[0]), client(t, ring[1])]);
    const [{ nfs, root }] = clients;
    const top = (await nfs.ok('MKDIR', root, 'top', { mode: 0o755 })).handle!;
    const written = new Map<string, Buffer>();
    const make = async ({ nfs }: Client, name: string, bytes: number): Promise<void> => {
      const { handle } = await nfs.ok('CREATE', top, name, { mode: 0o644 });
      const data = random.bytes(bytes);
      for (let from = 0; from < bytes; from += WRITE_BYTES)
        await nfs.ok('WRITE', handle!, from, data.subarray(from, from + WRITE_BYTES));
      written.set(name, data);
    };
    const half = HELD_BYTES / FILE_BYTES / 2;
    await Promise.all(
      clients.map(async (one, index) => {
        for (let made = 0; made < half; made++) await make(one, `before-${index}-${made}`, FILE_BYTES);
      }),
    );
    const { volcano } = ring[2];
    let away = true;
    let made = 0;
    const load = clients.map(async (one, index) => {
      while (away) await make(one, `away-${index}-${made++}`, 2000);
    });
    await volcano.kill();
    // It is away for as long as the others need to go on without it.
    const others = [ring[0].volcano, ring[1].volcano];
    await Promise.race(others.map((other) => other.says(/its slices are to be taken over/)));
    for (;;) {
      const { stdout } = await magma(['ring', '--json', ...asked]);
      const answer = JSON.parse(stdout || '{}') as { slicesShortOfCopies?: number };
      if (answer.slicesShortOfCopies === 0) break;
    }
    // The others have filled each other meanwhile.
    const before = restored(ring);
    await volcano.start([]);
    const returned = await client(t, ring[2]);
    await make(returned, 'through the one that came back', 2000);
    away = false;
    await Promise.all(load);
    // The plan may not have begun when all is said to be well for the first time.
    do await whole(t, asked, 3);
    while (restored(ring).bytes === before.bytes);
    const after = restored(ring);
    const [replayed, undone, filled, bytes] = (['replayed', 'undone', 'filled', 'bytes'] as const).map(
      (name) => after[name] - before[name],
    ) as [number, number, number, number];
    t.comment(
      `${replayed} slices were replayed, of ${undone} something was undone; ${filled} were filled from nothing; ${bytes} bytes of ${HELD_BYTES}, ${made} files were made meanwhile`,
    );
    t.ok(replayed > filled, 'most slices were replayed');
    t.ok(bytes < HELD_BYTES / 8, 'with little of what lies there');
    const wrong: string[] = [];
    for (const [name, data] of written) {
      const { handle } = await returned.nfs.ok('LOOKUP', top, name);
      const read: Buffer[] = [];
      for (let from = 0; from < data.length; from += WRITE_BYTES)
        read.push((await returned.nfs.ok('READ', handle!, from, WRITE_BYTES)).data!);
      if (!Buffer.concat(read).equals(data)) wrong.push(name);
    }
    t.same(wrong, [], `${written.size} files are as they were written`);
    const online = await magma(['check', '--ring', ...asked]);
    t.match(online, { status: 0, stdout: /sound\n$/ }, online.stdout + online.stderr);
    for (const { volcano } of ring) t.equal(await volcano.stop(), 0, 'SIGTERM ends it with status 0');
    const offline = await magma(['check', ...ring.map(({ volcano }) => volcano.directory)]);
    t.equal(offline.status, 0, offline.stdout + offline.stderr);
  },
);
