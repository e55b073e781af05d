import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.5: LOOKUP finds names; NOENT, NOTDIR, NAMETOOLONG', async (t) => {
  const { root, top } = await makeWorld();
  const made = must(await root.create(top, 'f', {}));
  t.same(must(await root.lookup(top, 'f')), made);
  t.equal((await root.lookup(top, 'g')).status, STAT.NOENT);
  t.equal((await root.lookup(made.handle, 'x')).status, STAT.NOTDIR);
  t.equal((await root.lookup(made.handle, '..')).status, STAT.NOTDIR);
  t.equal((await root.lookup(top, 'x'.repeat(256))).status, STAT.NAMETOOLONG);
});

t.test('names with a slash lead nowhere', async (t) => {
  const { root, top } = await makeWorld();
  const { handle } = must(await root.mkdir(top, 'd', {}));
  must(await root.create(handle, 'f', {}));
  for (const name of ['d/f', '/d', '../d', 'd\0']) t.equal((await root.lookup(top, name)).status, STAT.INVAL);
});

t.test('quirk 6: the empty name is the directory itself, as is .', async (t) => {
  const { root, top } = await makeWorld();
  t.same(must(await root.lookup(top, '')).handle, top);
  t.same(must(await root.lookup(top, '.')).handle, top);
});

t.test('quirk 7: .. at the top of a share is the top itself, elsewhere the directory above', async (t) => {
  const { root, top } = await makeWorld();
  t.same(must(await root.lookup(top, '..')).handle, top);
  const a = must(await root.mkdir(top, 'a', {}));
  const b = must(await root.mkdir(a.handle, 'b', {}));
  t.same(must(await root.lookup(b.handle, '..')).handle, a.handle);
  t.same(must(await root.lookup(a.handle, '..')).handle, top);

  const shared = await makeWorld({ rules: ['/home * w no_root_squash'] });
  const { number, directory } = shared.shares.list()[0]!;
  const home = shared.handles.issue(directory, number);
  t.same(must(await shared.root.lookup(home, '..')).handle, home);
});

t.test('quirk 31: names are bytes, up to 255, and come back as they went', async (t) => {
  const { root, top } = await makeWorld();
  const names = ['\xff\xfe\x80', 'caf\xc3\xa9', 'cafe\xcc\x81', 'a\\b\n', 'x'.repeat(255)];
  for (const name of names) must(await root.create(top, name, {}));
  const listed = must(await root.readdir(top, 2, 8192)).entries.map((entry) => entry.name);
  t.same(listed, names);
  for (const name of names) t.equal((await root.lookup(top, name)).status, 0);
});

t.test('search permission is needed, for .. too', async (t) => {
  const { root, as, top } = await makeWorld();
  const { handle } = must(await root.mkdir(top, 'd', { mode: 0o744 }));
  must(await root.create(handle, 'f', {}));
  for (const name of ['f', '.', '..']) t.equal((await as({ uid: 1 }).lookup(handle, name)).status, STAT.ACCES);
});
