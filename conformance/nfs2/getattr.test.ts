import t from 'tap';
import { FlareType } from '../../src/flare/types.ts';
import { toFattr } from '../../src/nfs2/attributes.ts';
import { STAT } from '../../src/nfs2/errors.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.2: GETATTR shows type, mode, owner, times and size', async (t) => {
  const { root, top } = await makeWorld();
  const { handle } = must(await root.create(top, 'f', { mode: 0o100640, uid: 5, gid: 6 }));
  must(await root.write(handle, 0, Buffer.alloc(1000)));
  const found = must(await root.getattr(handle));
  t.match(found, { type: 1, mode: 0o100640, nlink: 1, uid: 5, gid: 6, size: 1000, blocks: 2, rdev: 0 });
  t.match(found.mtime, { seconds: 1_600_000_000 });
  const directory = must(await root.getattr(top));
  t.match(directory, { type: 2, mode: 0o40777, nlink: 2, fsid: found.fsid });
  t.ok(found.fsid > 0 && found.fsid < 2 ** 31);
});

t.test('a handle that outlives its flare is NFSERR_STALE, also when the name is given again', async (t) => {
  const { root, top } = await makeWorld();
  const { handle } = must(await root.mkdir(top, 'd', {}));
  must(await root.rmdir(top, 'd'));
  t.equal((await root.getattr(handle)).status, STAT.STALE);
  const again = must(await root.mkdir(top, 'd', {}));
  t.notSame(again.handle, handle);
  t.equal((await root.getattr(handle)).status, STAT.STALE);
});

const time = { seconds: 0, nanoseconds: 0 };
const attributes = {
  ...({ key: '', generation: 1, version: 1, parent: { key: '', generation: 1 } } as any),
  ...{ type: FlareType.file, mode: 0o644, nlink: 1, uid: 0, gid: 0, size: 0, used: 0, major: 0, minor: 0, fileid: 1 },
  ...{ atime: time, mtime: time, ctime: time },
};

t.test('quirk 22: sizes are clamped to 2^31 - 1, or to 32 bits where the rule says noclamp', async (t) => {
  const big = { ...attributes, size: 2 ** 33, used: 2 ** 45 };
  t.match(toFattr(big, 1, true, null), { size: 2 ** 31 - 1, blocks: 2 ** 31 - 1 });
  t.match(toFattr(big, 1, false, null), { size: 2 ** 32 - 1 });
  t.match(toFattr({ ...attributes, size: 2 ** 31 }, 1, false, null), { size: 2 ** 31 });
});

t.test('quirk 32: times are unsigned 32-bit seconds, to 2106, cut at both ends', async (t) => {
  const at = (seconds: number) =>
    toFattr({ ...attributes, mtime: { seconds, nanoseconds: 999_999_999 } }, 1, true, null).mtime;
  t.same(at(2 ** 31 + 5), { seconds: 2 ** 31 + 5, useconds: 999_999 });
  t.equal(at(2 ** 32 + 5).seconds, 2 ** 32 - 1);
  t.equal(at(-1).seconds, 0);
});

t.test('link counts that 16 signed bits cannot hold: cut for files, "not counted" for directories', async (t) => {
  t.equal(toFattr({ ...attributes, nlink: 40_000 }, 1, true, null).nlink, 32_767);
  t.equal(toFattr({ ...attributes, type: FlareType.directory, nlink: 40_000 }, 1, true, null).nlink, 1);
});

t.test('RFC 1094 §2.3.5: a socket is NFNON with its format bits in the mode', async (t) => {
  t.match(toFattr({ ...attributes, type: FlareType.socket }, 1, true, null), { type: 0, mode: 0o140644 });
});

t.test('an error that is no refusal is NFSERR_IO and a line in the log', async (t) => {
  const broken = await makeWorld({
    around: (store) =>
      new Proxy(store, {
        get(target, name) {
          if (name === 'statfs') return () => Promise.reject(new Error('the disk is gone'));
          const value = Reflect.get(target, name);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      }),
  });
  t.equal((await broken.root.statfs(broken.top)).status, STAT.IO);
  t.match(broken.errors, [{ procedure: 'STATFS', client: '192.0.2.1' }]);
});
