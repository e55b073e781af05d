import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

const RULES = ['/ * w no_root_squash', '/one * w no_root_squash', '/two * w no_root_squash,tsize=512'];

t.test('RFC 1094 §2.2.12: RENAME moves a name; handles stay good', async (t) => {
  const { root, top } = await makeWorld();
  const d = must(await root.mkdir(top, 'd', {}));
  const f = must(await root.create(top, 'f', {}));
  must(await root.rename(top, 'f', d.handle, 'g'));
  t.equal((await root.getattr(f.handle)).status, 0);
  t.same(must(await root.lookup(d.handle, 'g')).handle, f.handle);
  t.equal((await root.rename(top, 'f', top, 'x')).status, STAT.NOENT);
  t.equal((await root.rename(top, 'd', d.handle, 'x')).status, STAT.INVAL, 'into itself');
  for (const name of ['', '.', '..']) t.equal((await root.rename(top, 'd', top, name)).status, STAT.INVAL);
});

t.test('RFC 1094 §2.2.13: LINK gives one more name', async (t) => {
  const { root, top } = await makeWorld();
  const f = must(await root.create(top, 'f', {}));
  must(await root.link(f.handle, top, 'g'));
  t.match(must(await root.lookup(top, 'g')), { handle: f.handle, attributes: { nlink: 2 } });
  t.equal((await root.link(f.handle, top, 'g')).status, STAT.EXIST);
  t.equal((await root.link(top, top, 'h')).status, STAT.PERM);
});

t.test('from under one rule to under another: RENAME and LINK are 18 (EXDEV)', async (t) => {
  const { root, top } = await makeWorld({ rules: RULES });
  const one = must(await root.lookup(top, 'one')).handle;
  const two = must(await root.lookup(top, 'two')).handle;
  const f = must(await root.create(one, 'f', {})).handle;
  t.equal((await root.rename(one, 'f', two, 'f')).status, STAT.XDEV);
  t.equal((await root.rename(one, 'f', top, 'f')).status, STAT.XDEV);
  t.equal((await root.link(f, two, 'f')).status, STAT.XDEV);
  t.equal((await root.rename(one, 'f', one, 'g')).status, 0);
});

t.test('a directory with rules of its own is neither moved nor replaced', async (t) => {
  const { root, top } = await makeWorld({ rules: RULES });
  must(await root.mkdir(top, 'd', {}));
  t.equal((await root.rename(top, 'one', top, 'three')).status, STAT.XDEV);
  t.equal((await root.rename(top, 'd', top, 'one')).status, STAT.XDEV);
});

t.test('retransmissions of RENAME and LINK are answered as the first call was', async (t) => {
  const { as, root, top } = await makeWorld();
  const f = must(await root.create(top, 'f', {})).handle;
  const once = as({ xid: 8 });
  must(await once.rename(top, 'f', top, 'g'));
  must(await once.rename(top, 'f', top, 'g'));
  must(await once.link(f, top, 'h'));
  must(await once.link(f, top, 'h'));
  t.equal(must(await root.getattr(f)).nlink, 2);
});
