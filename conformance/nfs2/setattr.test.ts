import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

const ann = { uid: 1, gid: 1 };

async function withFile() {
  const world = await makeWorld();
  const { handle } = must(await world.as(ann).create(world.top, 'f', { mode: 0o666 }));
  world.clock.advance(60_000);
  return { ...world, handle };
}

t.test('RFC 1094 §2.2.3: SETATTR sets what is not -1, and nothing else', async (t) => {
  const { root, handle } = await withFile();
  const before = must(await root.getattr(handle));
  t.match(must(await root.setattr(handle, { mode: 0o600 })), { ...before, mode: 0o100600, ctime: Object });
  t.match(must(await root.setattr(handle, { uid: 7, gid: 8 })), { uid: 7, gid: 8, mode: 0o100600 });
  const atime = { seconds: 1000, useconds: 5 };
  t.match(must(await root.setattr(handle, { atime })), { atime, mtime: before.mtime });
});

t.test('a size cuts the file, or grows it with zeros', async (t) => {
  const { root, handle } = await withFile();
  must(await root.write(handle, 0, 'abcdef'));
  must(await root.setattr(handle, { size: 3 }));
  must(await root.setattr(handle, { size: 5 }));
  t.same(must(await root.read(handle, 0, 100)).data, Buffer.from('abc\0\0'));
});

t.test("quirk 4: useconds = 1000000 in mtime means the server's time, for both", async (t) => {
  const { as, handle, clock } = await withFile();
  const now = { seconds: clock.now() / 1e6, useconds: 0 };
  const mtime = { seconds: 5, useconds: 1_000_000 };
  const after = must(await as({ uid: 2, gid: 2 }).setattr(handle, { mtime }));
  t.match(after, { atime: now, mtime: now }, 'a writer may, not only the owner');
  const exact = await as({ uid: 2, gid: 2 }).setattr(handle, { mtime: { seconds: 5, useconds: 0 } });
  t.equal(exact.status, STAT.PERM, "other times are the owner's to set");
});

t.test('quirk 5: a mode of 0xffff is unset, as Ultrix writes it', async (t) => {
  const { root, handle } = await withFile();
  t.match(must(await root.setattr(handle, { mode: 0xffff, uid: 9 })), { mode: 0o100666, uid: 9 });
});

t.test("permissions: chmod is the owner's", async (t) => {
  const { as, handle } = await withFile();
  t.equal((await as({ uid: 2 }).setattr(handle, { mode: 0 })).status, STAT.PERM);
  t.equal((await as(ann).setattr(handle, { mode: 0 })).status, 0);
});

t.test('a late duplicate of a truncate destroys nothing', async (t) => {
  const { as, root, handle } = await withFile();
  const once = as({ ...ann, xid: 77 });
  must(await once.setattr(handle, { size: 0 }));
  must(await root.write(handle, 0, 'new'));
  t.equal(must(await once.setattr(handle, { size: 0 })).size, 0, 'the first answer');
  t.equal(must(await root.getattr(handle)).size, 3);
});
