import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
import { XdrError } from '../../src/rpc/xdr.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.9: WRITE writes at the offset and answers with the attributes', async (t) => {
  const { root, top } = await makeWorld();
  const { handle } = must(await root.create(top, 'f', {}));
  t.equal(must(await root.write(handle, 3, 'abc')).size, 6);
  t.same(must(await root.read(handle, 0, 10)).data, Buffer.from('\0\0\0abc'));
});

t.test('quirk 19: more than 8192 bytes are no arguments of WRITE', async (t) => {
  const { root, top } = await makeWorld();
  const { handle } = must(await root.create(top, 'f', {}));
  t.equal((await root.write(handle, 0, Buffer.alloc(8192))).status, 0);
  await t.rejects(root.write(handle, 0, Buffer.alloc(8193)), XdrError);
});

t.test('quirk 22: nothing is written beyond 4 GiB - 1: NFSERR_FBIG', async (t) => {
  const { root, top } = await makeWorld();
  const { handle } = must(await root.create(top, 'f', {}));
  t.equal((await root.write(handle, 2 ** 32 - 3, 'abc')).status, STAT.FBIG);
  t.equal((await root.write(handle, 2 ** 32 - 4, 'abc')).status, 0);
});

t.test('a write that cannot be stored is NFSERR_NOSPC and leaves the file as it was', async (t) => {
  const { root, top } = await makeWorld({ store: { totalBytes: 10_000 } });
  const { handle } = must(await root.create(top, 'f', {}));
  must(await root.write(handle, 0, Buffer.alloc(8000)));
  t.equal((await root.write(handle, 8000, Buffer.alloc(8000))).status, STAT.NOSPC);
  t.equal(must(await root.getattr(handle)).size, 8000);
  t.equal((await root.read(handle, 0, 1)).status, 0);
});

t.test('a retransmitted WRITE is not done again', async (t) => {
  const { as, root, top } = await makeWorld();
  const { handle } = must(await root.create(top, 'f', {}));
  const once = as({ xid: 5 });
  must(await once.write(handle, 0, 'old'));
  must(await root.write(handle, 0, 'new'));
  must(await once.write(handle, 0, 'old'));
  t.same(must(await root.read(handle, 0, 10)).data, Buffer.from('new'));
});

t.test('directories are NFSERR_ISDIR; those without write permission get NFSERR_ACCES', async (t) => {
  const { root, as, top } = await makeWorld();
  t.equal((await root.write(top, 0, 'x')).status, STAT.ISDIR);
  const { handle } = must(await root.create(top, 'f', { mode: 0o644 }));
  t.equal((await as({ uid: 1 }).write(handle, 0, 'x')).status, STAT.ACCES);
});

t.test(
  'what is waited for does not spoil the data: they are copied before the receive buffer is used again',
  async (t) => {
    const { root, top } = await makeWorld({
      around: (store) =>
        new Proxy(store, {
          get(target, name) {
            const value = Reflect.get(target, name);
            if (typeof value !== 'function') return value;
            if (name === 'getattr') return async (...args: unknown[]) => value.apply(target, args);
            return value.bind(target);
          },
        }),
    });
    const { handle } = must(await root.create(top, 'f', {}));
    must(await root.write(handle, 0, 'hello'));
    t.same(must(await root.read(handle, 0, 10)).data, Buffer.from('hello'));
    must(await root.mkdir(top, 'd', {}));
    must(await root.rename(top, 'f', must(await root.lookup(top, 'd')).handle, 'g'));
    must(await root.link(handle, top, 'h'));
  },
);
