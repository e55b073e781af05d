import t, { type Test } from 'tap';
import { seededRandom } from '../../base/random.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import type { Caller } from '../types.ts';
import { FlareType, SIZE_MAX } from '../types.ts';
import { MemoryService } from './memory-service.ts';
import { REPLAY_MS } from './replay-memory.ts';

const root: Caller = { uid: 0, gid: 0, gids: [] };
const ann: Caller = { uid: 1, gid: 10, gids: [11] };
const bob: Caller = { uid: 2, gid: 20, gids: [] };
const file = { type: FlareType.file, mode: 0o644 } as const;
const folder = { type: FlareType.directory, mode: 0o777 } as const;

function world() {
  const clock = manualClock();
  const store = new MemoryService({ clock, random: seededRandom(1), root: { mode: 0o777 } });
  return { clock, store, top: store.root() };
}

const refuses = (t: Test, status: string, run: () => unknown) => t.throws(run, { name: 'FlareError', status });

t.test('holes read as zeros and are not counted as used; a cut forgets what was there', async (t) => {
  const { store, top } = world();
  const id = store.create(ann, top, 'f', file);
  store.write(ann, id, 10_000, Buffer.from('abc'));
  t.same(store.getattr(id), { ...store.getattr(id), size: 10_003, used: 3 });
  t.same(store.read(bob, id, 9_998, 100).data, Buffer.from('\0\0abc'));
  store.setattr(ann, id, { size: 10_001 });
  store.setattr(ann, id, { size: 10_004 });
  t.same(store.read(bob, id, 10_000, 100).data, Buffer.from('a\0\0\0'));
  t.equal(store.getattr(id).used, 1);
  refuses(t, 'FBIG', () => store.write(ann, id, SIZE_MAX, Buffer.from('x')));
});

t.test('permissions: owner, group, others; the owner reads and writes always; execute is enough to read', async (t) => {
  const { store, top } = world();
  const id = store.create(ann, top, 'f', { type: FlareType.file, mode: 0o010 });
  t.ok(store.read(ann, id, 0, 1));
  t.ok(store.read({ uid: 3, gid: 99, gids: [10] }, id, 0, 1));
  refuses(t, 'ACCES', () => store.read(bob, id, 0, 1));
  refuses(t, 'ACCES', () => store.write(bob, id, 0, Buffer.from('x')));
  refuses(t, 'PERM', () => store.setattr(bob, id, { mode: 0 }));
  refuses(t, 'PERM', () => store.setattr(ann, id, { uid: 2 }));
  t.equal(store.setattr(ann, id, { gid: 11 }).gid, 11);
  refuses(t, 'PERM', () => store.setattr(ann, id, { gid: 20 }));
});

t.test('a writer who does not own the file may set both times to now, nothing else', async (t) => {
  const { store, top, clock } = world();
  const id = store.create(ann, top, 'f', { type: FlareType.file, mode: 0o666 });
  clock.advance(5000);
  const after = store.setattr(bob, id, { atime: 'now', mtime: 'now' });
  t.same(after.mtime, { seconds: 1_600_000_005, nanoseconds: 0 });
  refuses(t, 'PERM', () => store.setattr(bob, id, { mtime: { seconds: 0, nanoseconds: 0 } }));
});

t.test('writes and chown by others than uid 0 clear setuid and setgid', async (t) => {
  const { store, top } = world();
  const id = store.create(ann, top, 'f', { type: FlareType.file, mode: 0o6755 });
  t.equal(store.write(root, id, 0, Buffer.from('x')).mode, 0o6755);
  t.equal(store.write(ann, id, 0, Buffer.from('x')).mode, 0o755);
  store.setattr(ann, id, { mode: 0o6755 });
  t.equal(store.setattr(ann, id, { gid: 11 }).mode, 0o755);
});

t.test('sticky directories: only the owner of either takes names away', async (t) => {
  const { store, top } = world();
  const tmp = store.create(root, top, 'tmp', { ...folder, mode: 0o1777 });
  store.create(ann, tmp, 'f', file);
  store.create(bob, tmp, 'g', file);
  refuses(t, 'PERM', () => store.remove(bob, tmp, 'f'));
  refuses(t, 'PERM', () => store.rename(bob, tmp, 'g', tmp, 'f'));
  store.remove(ann, tmp, 'f');
});

t.test('setgid directories give their group, and setgid to directories born there', async (t) => {
  const { store, top } = world();
  const team = store.create(root, top, 'team', { ...folder, mode: 0o2777, gid: 77 });
  t.match(store.create(ann, team, 'f', file), { gid: 77, mode: 0o644, uid: 1 });
  t.match(store.create(ann, team, 'd', folder), { gid: 77, mode: 0o2777 });
});

t.test('ctime never runs backwards, whatever the clock does', async (t) => {
  const { store, top, clock } = world();
  const id = store.create(ann, top, 'f', file);
  clock.setWall(0);
  t.same(store.setattr(ann, id, { mode: 0 }).ctime, { seconds: 1_600_000_000, nanoseconds: 1000 });
});

t.test('a change with a replay is done once and refused once; it is forgotten after its time', async (t) => {
  const { store, top, clock } = world();
  const again = { ...ann, replay: 'a' };
  const born = store.create(again, top, 'f', file);
  t.equal(store.create(again, top, 'f', file), born);
  refuses(t, 'NOENT', () => store.remove({ ...ann, replay: 'b' }, top, 'g'));
  store.create(ann, top, 'g', file);
  refuses(t, 'NOENT', () => store.remove({ ...ann, replay: 'b' }, top, 'g'));
  t.equal(store.recall('a'), born);
  refuses(t, 'NOENT', () => store.recall('b'));
  store.remove({ ...ann, replay: 'c' }, top, 'g');
  t.equal(store.recall('c'), null);
  t.equal(store.recall('d'), undefined);
  clock.advance(REPLAY_MS + 1);
  t.equal(store.recall('a'), undefined);
  refuses(t, 'EXIST', () => store.create(again, top, 'f', file));
});

t.test('create with existing: open cuts a file, touches nothing else, and refuses a directory', async (t) => {
  const { store, top } = world();
  const id = store.create(ann, top, 'f', file);
  store.write(ann, id, 0, Buffer.from('abc'));
  const open = { existing: 'open' } as const;
  t.equal(store.create(bob, top, 'f', file, open).size, 3);
  refuses(t, 'ACCES', () => store.create(bob, top, 'f', { ...file, size: 0 }, open));
  t.equal(store.create(ann, top, 'f', { ...file, size: 1 }, open).size, 1);
  store.create(ann, top, 'd', folder);
  refuses(t, 'EXIST', () => store.create(ann, top, 'd', file, open));
});

t.test('rename: in place of others, never into itself, and handles stay', async (t) => {
  const { store, top } = world();
  const a = store.create(ann, top, 'a', folder);
  const b = store.create(ann, a, 'b', folder);
  const f = store.create(ann, b, 'f', file);
  refuses(t, 'INVAL', () => store.rename(ann, top, 'a', b, 'x'));
  refuses(t, 'NOTEMPTY', () => store.rename(ann, top, 'a', top, 'a2') ?? store.rename(ann, a, 'b', top, 'a2'));
  refuses(t, 'ISDIR', () => store.rename(ann, b, 'f', a, 'b'));
  store.create(ann, top, 'g', file);
  refuses(t, 'NOTDIR', () => store.rename(ann, a, 'b', top, 'g'));
  store.rename(ann, b, 'f', top, 'g');
  t.same(store.getattr(f).parent, top);
  t.equal(store.lookup(ann, top, 'g').key, f.key);
  t.equal(store.getattr(top).nlink, 3);
  store.rename(ann, a, 'b', top, 'b');
  t.match([store.getattr(top).nlink, store.getattr(a).nlink], [4, 2]);
});

t.test('hard links end the flare with the last name; two names of one flare rename to nothing', async (t) => {
  const { store, top } = world();
  const f = store.create(ann, top, 'f', file);
  store.link(ann, f, top, 'g');
  store.rename(ann, top, 'f', top, 'g');
  t.equal(store.getattr(f).nlink, 2);
  store.remove(ann, top, 'f');
  store.remove(ann, top, 'g');
  refuses(t, 'STALE', () => store.getattr(f));
  const next = store.create(ann, top, 'f', file);
  t.equal(next.key, f.key);
  t.not(next.generation, f.generation);
  t.not(next.fileid, f.fileid);
  t.equal(store.find(f.key).generation, next.generation);
});

t.test('a key that is taken is born with a salt', async (t) => {
  const { store, top } = world();
  const f = store.create(ann, top, 'f', file);
  store.rename(ann, top, 'f', top, 'g');
  const next = store.create(ann, top, 'f', file);
  t.not(next.key, f.key);
});

t.test('listings go on from a cookie, whatever comes and goes', async (t) => {
  const { store, top } = world();
  for (const name of ['a', 'b', 'c', 'd']) store.create(ann, top, name, file);
  const first = store.readdir(ann, top, 0, 2);
  t.same(
    [first.entries.map((entry) => [entry.name, entry.cookie]), first.end],
    [
      [
        ['a', 3],
        ['b', 4],
      ],
      false,
    ],
  );
  store.remove(ann, top, 'b');
  store.rename(ann, top, 'd', top, 'a');
  const rest = store.readdir(ann, top, 4, 10);
  t.same([rest.entries.map((entry) => entry.name), rest.end], [['c'], true], 'the name a keeps its place');
});
