import t from 'tap';
import { FlareType } from '../../src/flare/types.ts';
import { STAT } from '../../src/nfs2/errors.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.14, §2.2.6: SYMLINK makes what READLINK reads, with the mode of its attributes', async (t) => {
  const { root, top } = await makeWorld();
  must(await root.symlink(top, 's', '../\xff/x', { mode: 0o120755 }));
  const { handle, attributes } = must(await root.lookup(top, 's'));
  t.match(attributes, { type: 5, mode: 0o120755, size: 6 });
  t.same(must(await root.readlink(handle)), Buffer.from('../\xff/x', 'latin1'));
  t.equal((await root.symlink(top, 's', 'x')).status, STAT.EXIST);
  t.equal((await root.symlink(top, 'long', 'x'.repeat(1025))).status, STAT.NAMETOOLONG);
  t.equal((await root.symlink(top, 'longest', 'x'.repeat(1024))).status, 0);
});

t.test(
  'RFC 1094 §2.2: a longer target, of another kind of client, is NAMETOOLONG; its attributes can be had',
  async (t) => {
    const { root, top, store } = await makeWorld();
    for (const [name, length] of [
      ['longest', 1024],
      ['longer', 1025],
      ['long', 4095],
    ] as const) {
      const birth = { type: FlareType.symlink, mode: 0o777, target: Buffer.alloc(length, 'x') };
      store.create({ uid: 0, gid: 0, gids: [] }, store.root(), name, birth);
      const { handle, attributes } = must(await root.lookup(top, name));
      t.equal(attributes.size, length);
      t.equal((await root.readlink(handle)).status, length === 1024 ? 0 : STAT.NAMETOOLONG);
    }
  },
);

t.test('READLINK of what is no symlink is refused', async (t) => {
  const { root, top } = await makeWorld();
  t.equal((await root.readlink(top)).status, STAT.INVAL);
});
