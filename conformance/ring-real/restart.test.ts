import t from 'tap';
import { seeded, TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { at, magma, scratch, threeVolcanos, whole } from './lib/ring.ts';

/** By each of three workers. */
const FILES = 40;
const KILLS = 3;
/** So many files more are made before the next kill. */
const BETWEEN = 20;

t.test(
  'kill -9 of each volcano of a ring in turn, under load, and its restart without -b or -r: nothing answered is lost, nothing done twice, mirrors equal primaries (issue 4: an answer means durable)',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const { random } = seeded((line) => t.comment(line));
    const ring = await threeVolcanos(t, directory);
    const asked = at(ring[0]);
    const { nfs, root } = await client(t, ring[0]);
    const answered = new Map<string, Buffer>();
    let due = { files: BETWEEN, come: Promise.withResolvers<void>() };
    const top = (await nfs.ok('MKDIR', root, 'top', { mode: 0o755 })).handle!;

    /** One client's work: each call is sent until it is answered, and then must hold for ever. */
    const worker = async (name: string): Promise<void> => {
      const own = (await nfs.ok('MKDIR', top, name, { mode: 0o755 })).handle!;
      for (let made = 0; made < FILES; made++) {
        const file = await nfs.ok('CREATE', own, `f${made}`, { mode: 0o644 });
        const data = random.bytes(1 + random.below(6000));
        await nfs.ok('WRITE', file.handle!, 0, data);
        if (made % 3 === 0) {
          await nfs.ok('RENAME', own, `f${made}`, top, `${name}-${made}`);
          answered.set(`${name}-${made}`, data);
        } else if (made % 5 === 1) await nfs.ok('REMOVE', own, `f${made}`);
        else answered.set(`${name}/f${made}`, data);
        if (answered.size >= due.files) due.come.resolve();
      }
    };
    const work = Promise.all(['one', 'two', 'three'].map(worker));
    let over = false;
    void work.then(() => {
      over = true;
    });
    for (let round = 0; round < KILLS; round++) {
      await Promise.race([due.come.promise, work]);
      due = { files: answered.size + BETWEEN, come: Promise.withResolvers() };
      const { volcano } = ring[round % ring.length]!;
      t.notOk(over, 'there is work to do');
      await volcano.kill();
      await volcano.start([]);
    }
    await work;
    const wrong: string[] = [];
    const other = await client(t, ring[1]);
    for (const [path, data] of answered) {
      let handle = top;
      for (const name of path.split('/')) handle = (await other.nfs.ok('LOOKUP', handle, name)).handle!;
      const { data: read } = await other.nfs.ok('READ', handle, 0, 8192);
      if (!read!.equals(data)) wrong.push(path);
    }
    t.same(wrong, [], `${answered.size} files are as they were written, seen through another volcano`);
    const names = [...(await other.nfs.list(top)).keys()].filter((name) => name.includes('-'));
    t.same(names.sort(), [...answered.keys()].filter((path) => path.includes('-')).sort(), 'and there are no others');
    await whole(t, asked, 3);
    const online = await magma(['check', '--ring', ...asked]);
    t.match(online, { status: 0, stdout: /256 copies of slices compared\nsound\n$/ }, online.stdout + online.stderr);
    for (const { volcano } of ring) t.equal(await volcano.stop(), 0, 'SIGTERM ends it with status 0');
    const offline = await magma(['check', ...ring.map(({ volcano }) => volcano.directory)]);
    t.equal(offline.status, 0, offline.stdout + offline.stderr);
  },
);
