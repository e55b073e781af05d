import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type BackupShare, BackupWriter, type Cut } from '../../dht/backup/format.ts';
import { SLICES } from '../../flare/keys.ts';
import { checkSound, DIRECTORY, FILE, ROOT, testStore } from '../../flare/store/testing/harness.ts';
import { type Attributes, FlareType, type Key } from '../../flare/types.ts';
import { backupFile, backupName, backupsIn, chainOf } from './directory.ts';
import { putTree } from './put-tree.ts';
import { sameShare } from './share.ts';
import { fileTarget } from './target.ts';

const BAR = { add() {}, expect() {}, known() {}, say() {}, end() {} };
const AT: Cut = Array.from({ length: SLICES }, () => ({ number: 1, epoch: 1 }));

/** A file that holds a backup of no records. */
async function written(
  directory: string,
  id: string,
  follows: string | null,
  minute: number,
  share: BackupShare | null = null,
): Promise<string> {
  const begun = new Date(Date.UTC(2026, 10, 22, 3, minute)).toISOString();
  const target = await fileTarget(directory, backupName(begun, follows === null));
  const writer = new BackupWriter((bytes) => target.write(bytes));
  const before = follows === null ? null : { id: follows, at: AT };
  await writer.begin({ id, network: 'n', begun, version: '0', share, follows: before });
  await writer.end({ taken: begun, epoch: 1, at: AT, shares: share && [1], whole: [] });
  return target.done();
}

t.test(
  'chainOf: the newest backup with all that it needs, found by what is in them; what is none is passed over, what is missing is said',
  async (t) => {
    const directory = join(t.testdir(), 'made');
    await written(directory, 'a', null, 1);
    const second = await written(directory, 'b', 'a', 2);
    await written(directory, 'c', null, 3);
    await written(directory, 'd', 'b', 4);
    const ids = async (path: string): Promise<string[]> => (await chainOf(path, null)).map(({ header }) => header.id);
    t.same(await ids(directory), ['a', 'b', 'd']);
    t.same(await ids(second), ['a', 'b'], 'up to that one');
    t.equal(statSync(second).mode & 0o777, 0o600);
    t.equal(statSync(directory).mode & 0o777, 0o700);

    const odd: string[] = [];
    writeFileSync(join(directory, 'magma-20261122T040000.000Z-full.backup'), 'MAGMABAK and no more');
    writeFileSync(join(directory, 'magma-20261122T040100.000Z-full.backup'), '');
    t.same((await backupsIn(directory, (problem) => odd.push(problem))).length, 4);
    t.match(odd, [/ends in the middle|is damaged/, /is no backup/]);
    t.same(
      (await chainOf(directory, null, () => {})).map(({ header }) => header.id),
      ['a', 'b', 'd'],
    );

    const lonely = join(directory, 'lonely');
    await written(lonely, 'e', 'gone', 5);
    await t.rejects(chainOf(lonely, null), {
      message: /only what has changed since another backup \(gone\), which is not beside it/,
    });
    mkdirSync(join(directory, 'empty'));
    await t.rejects(chainOf(join(directory, 'empty'), null), { message: /there is no complete backup in it/ });
    await t.rejects(chainOf(join(directory, 'nowhere'), null), { message: /nowhere: there is no such file/ });
  },
);

t.test(
  'chainOf, lacks: of backups of the network and of directories those are taken that have all that is wanted; else it is said what they have',
  async (t) => {
    const directory = t.testdir();
    const home = { path: '/home', top: { key: 'h'.repeat(20) as Key, generation: 7 } };
    const single = await written(directory, 'h', null, 1, home);
    t.match(await backupFile(single), { header: { share: home }, end: { shares: [1] } });
    await t.rejects(chainOf(directory, null), {
      message: /backup: it is a backup of \/home alone, and no network can be made of it: --share \/home --into PATH/,
    });
    await written(directory, 'a', null, 2);
    await written(directory, 'b', 'a', 3);
    await written(directory, 'i', 'h', 4, home);
    const ids = async (path: string, wanted: string | null): Promise<string[]> =>
      (await chainOf(path, wanted)).map(({ header }) => header.id);
    t.same(await ids(directory, null), ['a', 'b']);
    t.same(await ids(directory, '/home'), ['h', 'i']);
    t.same(await ids(directory, 'home/wallace/'), ['h', 'i'], 'what lies below');
    t.same(await ids(directory, '/homes'), ['a', 'b'], 'what has a name alike does not');
    t.same(await ids(directory, '/'), ['a', 'b']);
    await t.rejects(ids(single, '/etc'), { message: /a backup of \/home alone, and has not what \/etc holds/ });
    t.ok(sameShare(home, { ...home, path: '/elsewhere' }), 'it is the same one under another name');
    t.notOk(sameShare(home, { ...home, top: { ...home.top, generation: 8 } }), 'and another one under the same');
    t.notOk(sameShare(home, null));
    t.ok(sameShare(null, null));
  },
);

t.test('fileTarget: what is not complete has no name, and what is there is not replaced', async (t) => {
  const directory = t.testdir();
  const broken = await fileTarget(directory, 'x');
  await broken.write(Buffer.from('half'));
  t.match(readdirSync(directory), [/^\.x\.\d+\.part$/]);
  await broken.broken();
  t.same(readdirSync(directory), []);
  writeFileSync(join(directory, 'x'), 'there');
  await t.rejects(fileTarget(directory, 'x'), { message: /is there already: nothing is replaced/ });
});

t.test(
  'putTree: a directory goes from one tree into another with all that it holds, under its name when all is there',
  async (t) => {
    const { store: from } = await testStore({ limits: { cacheBytes: 1_000_000 } });
    const home = await from.create(ROOT, from.root(), 'home', { ...DIRECTORY, uid: 7, gid: 8, mode: 0o750 });
    const file = await from.create(ROOT, home, 'f', { ...FILE, uid: 5, mode: 0o4755 });
    await from.write(ROOT, file, 0, Buffer.from('begin'));
    await from.setattr(ROOT, file, { size: 3_000_000, mtime: { seconds: 5, nanoseconds: 7000 } });
    await from.link(ROOT, file, home, 'g');
    const below = await from.create(ROOT, home, 'below', DIRECTORY);
    await from.create(ROOT, below, 'link', { type: FlareType.symlink, mode: 0o777, target: Buffer.from('../f') });
    await from.create(ROOT, below, 'tty', { type: FlareType.character, mode: 0o600, major: 4, minor: 64 });

    const { store: to, disk } = await testStore();
    const how = { signal: new AbortController().signal, bar: BAR };
    const put = await putTree(from, '/home', null, to, '/back', how);
    t.same(put, { files: 1, directories: 2, others: 3, bytes: 1024 * 1024 });
    const same = ({ type, mode, uid, gid, nlink, mtime }: Attributes) => ({ type, mode, uid, gid, nlink, mtime });
    const back = await to.lookup(ROOT, to.root(), 'back');
    t.same(same(back), same(await from.getattr(home)));
    const there = await to.lookup(ROOT, back, 'f');
    t.same(same(there), same(await from.getattr(file)));
    t.equal(there.size, 3_000_000);
    t.equal((await to.read(ROOT, there, 0, 100)).data.toString('latin1', 0, 5), 'begin');
    t.equal((await to.lookup(ROOT, back, 'g')).key, there.key, 'two names of one file');
    const deep = await to.lookup(ROOT, back, 'below');
    t.equal((await to.readlink(ROOT, await to.lookup(ROOT, deep, 'link'))).toString(), '../f');
    t.match(await to.lookup(ROOT, deep, 'tty'), { major: 4, minor: 64 });
    await t.rejects(putTree(from, '/home', null, to, '/back', how), {
      place: '/back',
      message: /is there already: nothing is replaced/,
    });
    await t.rejects(putTree(from, '/nowhere', null, to, '/b', how), { name: 'FileProblem', place: '/nowhere' });

    // Of a backup of that directory, wherever it was moved meanwhile, and what has its name by now.
    await from.rename(ROOT, from.root(), 'home', from.root(), 'moved');
    await from.create(ROOT, from.root(), 'home', DIRECTORY);
    const of = { path: '/home', top: { key: home.key, generation: home.generation } };
    t.match(await putTree(from, '/home', of, to, '/all', how), { files: 1, directories: 2 });
    t.match(await putTree(from, '/home/below', of, to, '/part', how), { files: 0, directories: 1, others: 2 });
    await t.rejects(putTree(from, '/home/f', of, to, '/b', how), { name: 'FileProblem', place: '/home/f' });
    const gone = { ...of, top: { ...of.top, generation: of.top.generation + 1 } };
    await t.rejects(putTree(from, '/home', gone, to, '/b', how), { name: 'FileProblem', place: '/home' });
    await from.rename(ROOT, from.root(), 'moved', from.root(), 'home');

    // One that is broken off leaves nothing.
    const ending = new AbortController();
    const bar = { ...BAR, add: () => ending.abort() };
    await t.rejects(putTree(from, '/home', null, to, '/half', { signal: ending.signal, bar }), { name: 'Interrupted' });
    t.same(
      (await to.readdir(ROOT, to.root(), 0, 10)).entries.map(({ name }) => name),
      ['back', 'all', 'part'],
    );
    await from.close();
    await to.close();
    await checkSound(t, disk, 'the tree is one');
  },
);
