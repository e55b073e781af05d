import { mkdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { compiled, FUSE, mountsBelow } from './lib/fuse-mounts.ts';
import { Locker } from './lib/lockers.ts';
import { mounted, type Place, place } from './lib/magma-mounts.ts';
import { encrypted, init, TREES, trees, unmount } from './lib/magma-trees.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { sqliteWriters } from './lib/sqlite-writers.ts';
import { at, magma, scratch, startVolcano, twoVolcanos, whole } from './ring-real/lib/ring.ts';

/* Locks of two machines over a ring of two volcanos (docs/mount.magma.md, "Locks"): machines that vanish, volcanos that go and come back. */

const options = { skip: unmet(FUSE), timeout: TEST_TIMEOUT };
const FILES = 6;

interface Listing {
  readonly volcanos: readonly { readonly locks: readonly { readonly fileid: number; readonly holder: string }[] }[];
}

t.test(
  'locks over a ring: who vanishes loses them after a while, a volcano that restarts loses none',
  options,
  async (t) => {
    const program = await compiled(t, 'locker');
    const directory = scratch(t);
    const [first, second] = await twoVolcanos(t, directory);
    const places: readonly Place[] = [await place(t, first), await place(t, first)];
    const lease = ['--plain', '-o', 'lock_lease=2'];
    const clients = [
      await mounted(t, places[0]!, [first, second], lease),
      await mounted(t, places[1]!, [second], lease),
    ];
    const path = (mount: number, file: number): string => join(places[mount]!.target, `file-${file}`);
    mkdirSync(join(places[0]!.target, 'd'));
    // Several files: some of each volcano.
    const open = (mount: number): Promise<Locker[]> =>
      Promise.all(Array.from({ length: FILES }, (_, file) => Locker.open(t, program, path(mount, file))));
    const ours = await open(0);
    const theirs = await open(1);
    const all = (lockers: readonly Locker[], words: string): Promise<string[]> =>
      Promise.all(lockers.map((locker) => locker.tell(words)));
    const each = (answer: string): string[] => new Array(FILES).fill(answer);
    t.same(await all(ours, 'set w 0 0'), each('ok'));
    t.same(await all(ours, 'flock x'), each('ok'));
    t.same(await all(theirs, 'set r 5 5'), each('EAGAIN'));

    // Longer than a machine may be silent: but the volcano was away, and not the machine.
    await second.volcano.kill();
    await second.volcano.start([]);
    await whole(t, at(first), 2);
    t.same(await all(theirs, 'set r 5 5'), each('EAGAIN'), 'after a restart the locks are there');
    t.same(await all(ours, 'write mine'), each('ok'), 'and whose they are goes on');
    t.same(await all(ours, 'set u 100 100'), each('ok'));
    t.same(await all(ours, 'set w 100 100'), each('ok'));

    // A third one gets some of the slices, and the locks with them.
    await startVolcano(t, directory, { nickname: 'penguin' }, first);
    await whole(t, at(first), 3);
    t.same(await all(theirs, 'set r 5 5'), each('EAGAIN'), 'locks move with their files');
    t.same(await all(ours, 'write ours'), each('ok'));
    t.same(await all(ours, 'set w 300 1'), each('ok'));

    const waiting = theirs.map((locker) => locker.tell('wait w 0 0'));
    clients[0]!.child.kill('SIGKILL');
    t.same(await Promise.all(waiting), each('ok'), 'a machine that is gone has none after a while');
    t.same(await all(theirs, 'flock x'), each('ok'));
    t.same(await all(theirs, 'read'), each('ours'));

    // A machine that ends properly gives its locks back at once.
    for (const locker of ours) await locker.end();
    for (const point of mountsBelow(places[0]!.directory)) t.equal((await run('umount', ['-l', point])).status, 0);
    const again = await mounted(t, places[0]!, [first], ['--plain', '-o', 'lock_lease=86400']);
    const new1 = await open(0);
    t.same(await all(new1, 'flock x'), each('EAGAIN'));
    const next = new1.map((locker) => locker.tell('flockwait x'));
    clients[1]!.child.kill('SIGTERM');
    t.same(await Promise.all(next), each('ok'));
    t.equal(await clients[1]!.exited, 0);
    for (const locker of theirs) await locker.end();
    t.notMatch(again.said(), /failed|ERROR/);

    // One that vanishes and has said that it may be silent for a day: the operator sees it, and ends its locks.
    await mounted(t, places[1]!, [second], lease);
    const last = await open(1);
    again.child.kill('SIGKILL');
    t.same(await all(last, 'flock s'), each('EAGAIN'));
    const { stdout } = await magma(['locks', '--json', ...at(first)]);
    const seen = (JSON.parse(stdout) as Listing).volcanos.flatMap(({ locks }) => locks);
    const numbers = Array.from({ length: FILES }, (_, file) => statSync(path(1, file)).ino);
    t.same(seen.map(({ fileid }) => fileid).sort(), numbers.sort());
    const holders = [...new Set(seen.map(({ holder }) => holder))];
    t.match(holders, [new RegExp(`^${hostname()} [0-9a-f]{24}$`)]);
    t.match((await magma(['locks', ...at(second)])).stdout, /^volcano +file +bytes[\s\S]*whole file +exclusive/);
    const ended = await magma(['locks', ...at(second), '--break', holders[0]!]);
    t.match(ended, { status: 0, stdout: new RegExp(`have ended: of ${FILES} files`) });
    t.same(await all(last, 'flock s'), each('ok'));
  },
);

t.test(
  'two encrypted mounts: locks exclude each other there too, and SQLite adds up',
  { ...options, skip: unmet(TREES) },
  async (t) => {
    const program = await compiled(t, 'locker');
    const made = await trees(t, 'tree');
    await init(t, made, 'tree');
    const mounts = [await encrypted(t, made, 'tree'), await encrypted(t, made, 'tree')];
    const lockers: Locker[] = [];
    for (const { target } of mounts) lockers.push(await Locker.open(t, program, join(target, 'file')));
    const [one, two] = lockers as [Locker, Locker];
    for (let turn = 0; turn < 10; turn++) {
      const [writer, reader] = turn % 2 === 0 ? [one, two] : [two, one];
      t.equal(await writer.tell('set w 0 0'), 'ok');
      t.equal(await reader.tell('set r 5 5'), 'EAGAIN');
      t.equal(await writer.tell(`write turn-${turn}`), 'ok');
      t.equal(await writer.tell('set u 0 0'), 'ok');
      t.equal(await reader.tell('set r 0 0'), 'ok');
      t.equal(await reader.tell('read'), `turn-${turn}`);
      t.equal(await reader.tell('set u 0 0'), 'ok');
    }
    const paths = mounts.map(({ target }) => join(target, 'db'));
    await sqliteWriters(t, paths, 20);
    for (const locker of lockers) await locker.end();
    for (const mount of mounts) await unmount(t, mount);
  },
);
