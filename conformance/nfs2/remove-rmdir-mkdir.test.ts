import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.11: REMOVE takes a name away; a directory is NFSERR_ISDIR', async (t) => {
  const { root, top } = await makeWorld();
  must(await root.create(top, 'f', {}));
  must(await root.remove(top, 'f'));
  t.equal((await root.remove(top, 'f')).status, STAT.NOENT);
  must(await root.mkdir(top, 'd', {}));
  t.equal((await root.remove(top, 'd')).status, STAT.ISDIR);
});

t.test('RFC 1094 §2.2.15, §2.2.16: MKDIR makes what RMDIR ends when it is empty', async (t) => {
  const { root, top } = await makeWorld();
  const { handle, attributes } = must(await root.mkdir(top, 'd', { mode: 0o40750 }));
  t.match(attributes, { type: 2, mode: 0o40750, nlink: 2 });
  t.equal(must(await root.getattr(top)).nlink, 3);
  t.equal((await root.mkdir(top, 'd', {})).status, STAT.EXIST);
  must(await root.create(handle, 'f', {}));
  t.equal((await root.rmdir(top, 'd')).status, STAT.NOTEMPTY);
  t.equal((await root.rmdir(handle, 'f')).status, STAT.NOTDIR);
  must(await root.remove(handle, 'f'));
  must(await root.rmdir(top, 'd'));
  t.equal(must(await root.getattr(top)).nlink, 2);
});

t.test('RMDIR of a directory with rules of its own is 18 (EXDEV)', async (t) => {
  const { root, top } = await makeWorld({ rules: ['/ * w no_root_squash', '/a/b * w no_root_squash'] });
  const { handle } = must(await root.lookup(top, 'a'));
  t.equal((await root.rmdir(handle, 'b')).status, STAT.XDEV);
});

t.test('retransmissions of REMOVE and RMDIR are answered as the first call was', async (t) => {
  const { as, root, top } = await makeWorld();
  must(await root.mkdir(top, 'd', {}));
  const once = as({ xid: 4 });
  must(await once.rmdir(top, 'd'));
  must(await root.mkdir(top, 'd', {}));
  must(await once.rmdir(top, 'd'));
  t.equal((await root.lookup(top, 'd')).status, 0);
});

t.test('sticky directories: only the owners take names away', async (t) => {
  const { root, as, top } = await makeWorld();
  const { handle } = must(await root.mkdir(top, 'tmp', { mode: 0o1777 }));
  must(await as({ uid: 1 }).create(handle, 'f', {}));
  t.equal((await as({ uid: 2 }).remove(handle, 'f')).status, STAT.PERM);
  t.equal((await as({ uid: 1 }).remove(handle, 'f')).status, 0);
});
