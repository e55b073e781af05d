import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { PassThrough } from 'node:stream';
import t, { type Test } from 'tap';
import { FlareError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import { FlareType } from '../../flare/types.ts';
import { DEPTH_MAX, ROOT } from '../../operator/paths.ts';
import { PIECE_BYTES } from './content.ts';
import { get } from './get.ts';
import { makeDirectories } from './mkdir.ts';
import { move } from './mv.ts';
import { need, remotePath } from './paths.ts';
import { Interrupted } from './problem.ts';
import { put } from './put.ts';
import { remove } from './rm.ts';
import { dataRuns, HOLE_BYTES } from './runs.ts';
import { World } from './testing/world.ts';

const LARGE = Buffer.alloc(3 * PIECE_BYTES + 17, 'magma');

/** The world's tree, with some of its methods in place of its own. */
function replaced(world: World, methods: Partial<FlareService>): FlareService {
  return new Proxy(world.tree as FlareService, {
    get: (tree, name) => {
      const found = (methods as Record<PropertyKey, unknown>)[name] ?? (tree as never)[name];
      return typeof found === 'function' ? found.bind(tree) : found;
    },
  });
}

function local(t: Test): string {
  return t.testdir({ in: {}, out: {} });
}

t.test(
  'what is put and got is the same: trees, links, odd names, empty files, holes, permissions and times',
  async (t) => {
    const dir = local(t);
    const world = new World();
    mkdirSync(`${dir}/in/a/b`, { recursive: true });
    writeFileSync(`${dir}/in/a/large`, LARGE);
    writeFileSync(`${dir}/in/a/b/empty`, '');
    const odd = Buffer.concat([Buffer.from(`${dir}/in/a/b/`), Buffer.from([0xff, 0x0a, 0x5c])]);
    writeFileSync(odd, 'odd');
    symlinkSync('../nowhere', `${dir}/in/a/link`);
    spawnSync('truncate', ['-s', '5M', `${dir}/in/a/holes`]);
    chmodSync(`${dir}/in/a/large`, 0o4640);
    chmodSync(`${dir}/in/a/b`, 0o550);
    for (const path of ['a/large', 'a/b', 'a']) utimesSync(`${dir}/in/${path}`, 1e9, 1e9 + 0.5);

    const putting = world.work({ recursive: true, preserve: true });
    await put([`${dir}/in/a`, '/'], putting);
    t.same(world.said, []);
    const { files, directories, links, bytes } = putting.report;
    t.same(
      { files, directories, links, bytes },
      { files: 4, directories: 2, links: 1, bytes: LARGE.length + 3 + 5 * PIECE_BYTES },
    );
    t.same(await world.names('/a'), ['b', 'holes', 'large', 'link'], 'no temporary name is left');
    t.same(await world.names('/a/b'), ['empty', '\xff\n\\']);
    t.match(await need(world.tree, ['a', 'holes']), { size: 5 * PIECE_BYTES, used: 0 });
    t.match(await need(world.tree, ['a', 'large']), { mode: 0o640, mtime: { seconds: 1e9, nanoseconds: 5e8 } });
    t.match(await need(world.tree, ['a']), { mtime: { seconds: 1e9, nanoseconds: 5e8 } }, 'also of what holds others');

    await get(['/a', `${dir}/out`], world.work({ recursive: true, preserve: true }));
    t.same(world.said, []);
    const diff = spawnSync('diff', ['-r', '--no-dereference', `${dir}/in`, `${dir}/out`], { encoding: 'latin1' });
    t.equal(diff.stdout + diff.stderr, '');
    t.equal(statSync(`${dir}/out/a/holes`).size, 5 * PIECE_BYTES);
    t.ok(statSync(`${dir}/out/a/holes`).blocks < 16, 'holes are holes');
    t.equal(statSync(`${dir}/out/a/b`).mode & 0o7777, 0o550);
    t.equal(statSync(`${dir}/out/a`).mtimeMs, 1e12 + 500);
    t.equal(readlinkSync(`${dir}/out/a/link`), '../nowhere');
    chmodSync(`${dir}/in/a/b`, 0o750);
    chmodSync(`${dir}/out/a/b`, 0o750);
  },
);

t.test('what is there is not replaced unless -f says so; what is of another kind never', async (t) => {
  const dir = local(t);
  const world = new World();
  await world.file('/one', Buffer.from('old'));
  writeFileSync(`${dir}/in/one`, 'new');
  await put([`${dir}/in/one`, '/'], world.work());
  t.same(world.said, ['magma: test: /one: is there already. Cure: -f replaces it']);
  t.equal(`${await world.content('/one')}`, 'old');
  await put([`${dir}/in/one`, '/one'], world.work({ force: true }));
  t.equal(`${await world.content('/one')}`, 'new');
  writeFileSync(`${dir}/out/one`, 'mine');
  await get(['/one', `${dir}/out`], world.work());
  t.match(world.said, [/out\/one: is there already\. Cure: -f replaces it/]);
  t.equal(readFileSync(`${dir}/out/one`, 'utf8'), 'mine');
  await get(['/one', `${dir}/out`], world.work({ force: true }));
  t.equal(readFileSync(`${dir}/out/one`, 'utf8'), 'new');
  mkdirSync(`${dir}/out/d/one`, { recursive: true });
  await get(['/one', `${dir}/out/d`], world.work({ force: true }));
  t.match(world.said, [/d\/one: is a directory/]);
  await makeDirectories(['/d/one'], world.work({ parents: true }));
  await put([`${dir}/in/one`, '/d'], world.work({ force: true }));
  t.same(world.said, ['magma: test: /d/one: is a directory']);
  t.same([await world.names('/d'), readdirSync(`${dir}/out/d`)], [['one'], ['one']], 'and nothing is left behind');
  spawnSync('mkfifo', [`${dir}/out/fifo`]);
  await get(['/one', `${dir}/out/fifo`], world.work({ force: true }));
  t.match(world.said, [/out\/fifo: is a device, fifo or socket, and stays\. Cure: -/]);
  t.ok(statSync(`${dir}/out/fifo`).isFIFO());
});

t.test('what came while it was copied is not replaced either, and nothing is sent for what is there', async (t) => {
  const dir = local(t);
  const world = new World();
  await world.file('/f', Buffer.from('theirs'));
  const coming = replaced(world, {
    read: (...asked) => {
      writeFileSync(`${dir}/out/f`, 'mine');
      return world.tree.read(...asked);
    },
  });
  await get(['/f', `${dir}/out`], world.work({}, coming));
  t.match(world.said, [/out\/f: is there already/]);
  t.same([readdirSync(`${dir}/out`), readFileSync(`${dir}/out/f`, 'utf8')], [['f'], 'mine']);
  writeFileSync(`${dir}/in/g`, 'mine');
  let writes = 0;
  const there = replaced(world, {
    write: async (...asked) => {
      writes += 1;
      await world.file('/g', Buffer.from('theirs')).catch(() => {});
      return world.tree.write(...asked);
    },
  });
  await put([`${dir}/in/g`, '/'], world.work({}, there));
  t.match(world.said, [/: \/g: is there already/]);
  t.equal(`${await world.content('/g')}`, 'theirs');
  await put([`${dir}/in/g`, '/'], world.work({}, there));
  t.equal(writes, 1);
  t.same(await world.names('/'), ['f', 'g']);
});

t.test('a link in place of a directory is not gone through, here', async (t) => {
  const dir = local(t);
  const world = new World();
  await makeDirectories(['/d/e'], world.work({ parents: true }));
  await world.file('/d/e/f', Buffer.from('x'));
  mkdirSync(`${dir}/out/d`);
  symlinkSync(`${dir}/in`, `${dir}/out/d/e`);
  await get(['/d', `${dir}/out`], world.work({ recursive: true, force: true }));
  t.match(world.said, [/out\/d\/e: is no directory/]);
  t.same(readdirSync(`${dir}/in`), []);
});

t.test('broken off, nothing is left of a file that was under way, and no name is given', async (t) => {
  const dir = local(t);
  writeFileSync(`${dir}/in/large`, LARGE);
  const down = new World();
  await down.file('/large', LARGE);
  let reads = 0;
  const reading = replaced(down, {
    read: (...asked) => {
      if (++reads === 2) down.controller.abort();
      return down.tree.read(...asked);
    },
  });
  await t.rejects(get(['/large', `${dir}/out`], down.work({}, reading)), Interrupted);
  t.same(readdirSync(`${dir}/out`), []);
  const up = new World();
  let writes = 0;
  const writing = replaced(up, {
    write: (...asked) => {
      if (++writes === 2) up.controller.abort();
      return up.tree.write(...asked);
    },
  });
  await t.rejects(put([`${dir}/in/large`, '/'], up.work({}, writing)), Interrupted);
  t.same(await up.names('/'), []);
});

t.test('what fails in the middle leaves nothing behind, and the others go on', async (t) => {
  const dir = local(t);
  const world = new World();
  writeFileSync(`${dir}/in/large`, LARGE);
  writeFileSync(`${dir}/in/small`, 'small');
  const full = replaced(world, {
    write: (caller, id, offset, data) => {
      if (offset > PIECE_BYTES) throw FlareError.of('NOSPC');
      return world.tree.write(caller, id, offset, data);
    },
  });
  const work = world.work({}, full);
  await put([`${dir}/in/large`, `${dir}/in/nowhere`, `${dir}/in/small`, '/'], work);
  const [absent, ...others] = world.said.sort(
    (one, other) => Number(other.includes('nowhere')) - Number(one.includes('nowhere')),
  );
  t.match(absent, /nowhere: no such file or directory on this machine/);
  t.match(others, [/^magma: test: \/large: there is no space left in the network\. Cure: /]);
  t.equal(work.report.failed, 2);
  t.same(await world.names('/'), ['small']);
});

t.test('a file that changes while it is copied is begun anew, and given up if it always does', async (t) => {
  const dir = local(t);
  const world = new World();
  await world.file('/f', LARGE);
  let changes = 1;
  const changing = replaced(world, {
    read: async (caller, id, offset, count) => {
      if (offset === PIECE_BYTES && changes-- > 0) await world.tree.write(ROOT, id, 0, Buffer.from('changed'));
      return world.tree.read(caller, id, offset, count);
    },
  });
  await get(['/f', `${dir}/out`], world.work({}, changing));
  t.same(world.said, []);
  t.ok(readFileSync(`${dir}/out/f`).equals(await world.content('/f')), 'one moment of it');
  changes = Number.POSITIVE_INFINITY;
  await get(['/f', `${dir}/out/again`], world.work({}, changing));
  t.match(world.said, [/^magma: test: \/f: changed while it was copied: nothing was kept of it\. Cure: magma cat/]);
  t.same(readdirSync(`${dir}/out`), ['f']);
});

t.test('standard input, in pieces as it comes', async (t) => {
  const world = new World();
  const input = new PassThrough();
  const putting = put(['-', '/stream'], world.work(), input);
  for (let at = 0; at < LARGE.length; at += 70_000) input.write(LARGE.subarray(at, at + 70_000));
  input.end();
  await putting;
  t.ok((await world.content('/stream')).equals(LARGE));
  await t.rejects(put(['-', '/nowhere/x'], world.work(), input), { place: '/nowhere', message: /no such file/ });
});

t.test('where it is to go must be there: several into what is no directory, a slash behind no directory', async (t) => {
  const dir = local(t);
  const world = new World();
  await world.file('/f', Buffer.from('f'));
  writeFileSync(`${dir}/in/f`, '');
  await t.rejects(get(['/f', '/f', `${dir}/out/none`], world.work()), { message: /no such directory/ });
  await t.rejects(put([`${dir}/in/f`, `${dir}/in/f`, '/none'], world.work()), { message: /no such directory/ });
  await put([`${dir}/in/f`, '/none/'], world.work());
  t.match(world.said, [/: \/none: there is no such directory\. Cure: magma mkdir/]);
  await t.rejects(put([`${dir}/in/f`, '/f/'], world.work()), { place: '/f', message: 'is no directory' });
  await t.rejects(put([`${dir}/in/f`, '/f/g'], world.work()), { place: '/f', message: 'is no directory' });
  await get(['/f/g', dir], world.work());
  t.match(world.said, [/: \/f: is no directory/]);
  await put([`${dir}/in`, '/'], world.work());
  t.match(world.said, [/in: is a directory\. Cure: -r/]);
});

t.test('the contents of . and of the root go into what is named', async (t) => {
  const dir = local(t);
  const world = new World();
  mkdirSync(`${dir}/in/sub`);
  writeFileSync(`${dir}/in/sub/f`, 'f');
  await put([`${dir}/in/.`, '/'], world.work({ recursive: true }));
  t.same(await world.names('/sub'), ['f']);
  await get(['/', `${dir}/out`], world.work({ recursive: true }));
  t.same(world.said, []);
  t.equal(readFileSync(`${dir}/out/sub/f`, 'utf8'), 'f');
});

t.test('rm: files, trees with -r only, what is not there with -f only, never the root', async (t) => {
  const world = new World();
  await makeDirectories(['/d/e/f', '/g'], world.work({ parents: true }));
  for (const name of ['/d/1', '/d/e/2', '/d/e/f/3', '/g/4']) await world.file(name, Buffer.from(name));
  await world.tree.create(ROOT, await need(world.tree, ['d']), 's', {
    type: FlareType.symlink,
    mode: 0o777,
    target: Buffer.from('/g'),
  });
  await remove(['/d', '/g/4', '/none', '/'], world.work());
  t.match(world.said, [/: \/d: is a directory\. Cure: -r/, /: \/none: no such file/, /: \/: is the root, and stays/]);
  const work = world.work({ recursive: true, force: true });
  await remove(['/d', '/none', '/none/deeper'], work);
  t.same(world.said, []);
  t.match(work.report, { files: 4, directories: 3 });
  t.same([await world.names('/'), await world.names('/g')], [['g'], []], 'a link is removed, not what it points to');
});

t.test('rm -r tells what it cannot remove, and leaves the directories above it', async (t) => {
  const world = new World();
  await makeDirectories(['/d/e'], world.work({ parents: true }));
  for (const name of ['/d/1', '/d/e/2', '/d/e/3']) await world.file(name, Buffer.from(name));
  const tree = replaced(world, {
    remove: (caller, id, name) => {
      if (name === '2') throw FlareError.of('IO');
      return world.tree.remove(caller, id, name);
    },
  });
  const work = world.work({ recursive: true }, tree);
  await remove(['/d'], work);
  t.match(world.said, [/: \/d\/e\/2: the disk of its volcano cannot give it/]);
  t.equal(world.said.length, 1, 'the directories above it are no problems of their own');
  t.same([await world.names('/d'), await world.names('/d/e')], [['e'], ['2']]);
});

t.test('mkdir and mv', async (t) => {
  const world = new World();
  await makeDirectories(['/a', '/b/c'], world.work());
  t.match(world.said, [/: \/b: no such file/]);
  await makeDirectories(['/a'], world.work());
  t.match(world.said, [/: \/a: is there already/]);
  await makeDirectories(['/a', '/b/c'], world.work({ parents: true }));
  await world.file('/f', Buffer.from('f'));
  await world.file('/g', Buffer.from('g'));
  await makeDirectories(['/f/x'], world.work({ parents: true }));
  t.match(world.said, [/: \/f: is no directory/]);
  await move(['/f', '/g'], world.work());
  t.match(world.said, [/: \/g: is there already/]);
  await move(['/f', '/g'], world.work({ force: true }));
  t.equal(`${await world.content('/g')}`, 'f');
  await move(['/g', '/a', '/b'], world.work());
  t.same([world.said, await world.names('/b')], [[], ['a', 'c', 'g']]);
  await move(['/b', '/b/c/b'], world.work());
  t.match(world.said, [/: \/b\/c\/b: a directory cannot be moved into itself/]);
  await move(['/b/g', '/b/c'], world.work({ force: true }));
  await t.rejects(move(['/b/a', '/b/c/g/'], world.work()), { place: '/b/c/g', message: /is no directory/ });
});

t.test('depth is bounded', async (t) => {
  t.throws(() => remotePath('/x'.repeat(DEPTH_MAX + 1)), { message: /at most 512 names/ });
  t.equal(remotePath('/x'.repeat(DEPTH_MAX)).names.length, DEPTH_MAX);
  t.same(remotePath('a/./b/../c/'), { names: ['a', 'c'], directory: true });
});

t.test('what is no hole is found in pieces that begin anywhere', async (t) => {
  const piece = Buffer.alloc(4 * HOLE_BYTES);
  const runs = (at: number) => [...dataRuns(piece, at)].map(({ from, to }) => [from, to]);
  t.same(runs(0), []);
  piece[HOLE_BYTES] = 1;
  t.same(runs(0), [[HOLE_BYTES, 2 * HOLE_BYTES]]);
  t.same(runs(10), [[HOLE_BYTES - 10, 2 * HOLE_BYTES - 10]]);
  piece[piece.length - 1] = 1;
  t.same(runs(0), [
    [HOLE_BYTES, 2 * HOLE_BYTES],
    [3 * HOLE_BYTES, 4 * HOLE_BYTES],
  ]);
});
