import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.7: READ gives bytes and attributes, fewer at the end', async (t) => {
  const { root, top } = await makeWorld();
  const { handle } = must(await root.create(top, 'f', {}));
  must(await root.write(handle, 0, 'hello'));
  t.match(must(await root.read(handle, 1, 3)), { data: Buffer.from('ell'), attributes: { size: 5 } });
  t.same(must(await root.read(handle, 3, 100)).data, Buffer.from('lo'));
  t.same(must(await root.read(handle, 5, 100)).data, Buffer.alloc(0));
  t.same(must(await root.read(handle, 4_000_000_000, 100)).data, Buffer.alloc(0));
});

t.test('quirk 14: READ of a symlink or directory is NFSERR_ISDIR', async (t) => {
  const { root, top } = await makeWorld();
  must(await root.symlink(top, 's', 'f'));
  t.equal((await root.read(must(await root.lookup(top, 's')).handle, 0, 10)).status, STAT.ISDIR);
  t.equal((await root.read(top, 0, 10)).status, STAT.ISDIR);
});

t.test("quirk 18: replies are as short as the rule's tsize; STATFS says it", async (t) => {
  const { root, top } = await makeWorld({ rules: ['/ * w no_root_squash,tsize=1024'] });
  const { handle } = must(await root.create(top, 'f', {}));
  must(await root.write(handle, 0, Buffer.alloc(8192, 1)));
  t.equal(must(await root.read(handle, 0, 8192)).data.length, 1024);
  t.equal(must(await root.statfs(top)).tsize, 1024);
});

t.test('quirk 19: 8192 bytes are the ceiling, whatever is asked', async (t) => {
  const { root, top } = await makeWorld();
  const { handle } = must(await root.create(top, 'f', { size: 40_000 }));
  t.equal(must(await root.read(handle, 0, 32_768)).data.length, 8192);
  t.equal(must(await root.read(handle, 0, 0xffffffff)).data.length, 8192);
  t.equal(must(await root.statfs(top)).tsize, 8192);
});

t.test('quirk 22: files above 4 GiB are read up to the last offset that 32 bits can name', async (t) => {
  const { root, top, store } = await makeWorld();
  const { handle, attributes } = must(await root.create(top, 'f', {}));
  const id = store.lookup({ uid: 0, gid: 0, gids: [] }, store.root(), 'f');
  store.write({ uid: 0, gid: 0, gids: [] }, id, 2 ** 32 - 2, Buffer.from('abcd'));
  t.equal(must(await root.getattr(handle)).size, 2 ** 31 - 1);
  t.same(must(await root.read(handle, 2 ** 32 - 2, 8192)).data, Buffer.from('ab'));
  t.equal(attributes.size, 0);
});

t.test('permissions: the owner reads always; execute is enough; else NFSERR_ACCES', async (t) => {
  const { as, top } = await makeWorld();
  const { handle } = must(await as({ uid: 1, gid: 1 }).create(top, 'f', { mode: 0o010 }));
  t.equal((await as({ uid: 1 }).read(handle, 0, 1)).status, 0);
  t.equal((await as({ uid: 2, gid: 9, gids: [1] }).read(handle, 0, 1)).status, 0);
  t.equal((await as({ uid: 2, gid: 9 }).read(handle, 0, 1)).status, STAT.ACCES);
});
