import fc from 'fast-check';
import t from 'tap';
import { OK, STAT } from '../../src/nfs2/errors.ts';
import type { Nfs2Client } from '../lib/nfs2-client.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

async function listAll(client: Nfs2Client, directory: Buffer, count: number): Promise<string[]> {
  const names: string[] = [];
  let cookie = 0;
  for (;;) {
    const { entries, eof } = must(await client.readdir(directory, cookie, count));
    names.push(...entries.map((entry) => entry.name));
    if (eof) return names;
    cookie = entries.at(-1)!.cookie;
  }
}

t.test('RFC 1094 §2.2.17: READDIR lists ., .. and every name, with their fileids', async (t) => {
  const { root, top } = await makeWorld();
  const d = must(await root.mkdir(top, 'd', {}));
  const f = must(await root.create(d.handle, 'f', {}));
  const topId = must(await root.getattr(top)).fileid;
  const { entries, eof } = must(await root.readdir(d.handle, 0, 8192));
  t.same(
    entries.map(({ name, fileid }) => [name, fileid]),
    [
      ['.', d.attributes.fileid],
      ['..', topId],
      ['f', f.attributes.fileid],
    ],
  );
  t.equal(eof, true);
  t.equal(must(await root.readdir(top, 0, 8192)).entries[1]!.fileid, topId, '.. of the top is the top');
  t.equal((await root.readdir(f.handle, 0, 8192)).status, STAT.NOTDIR);
});

t.test('quirk 1: the whole result is never longer than count, XDR words included', async (t) => {
  const { root, top } = await makeWorld();
  const lengths = fc.array(fc.integer({ min: 1, max: 255 }), { minLength: 1, maxLength: 60 });
  let directories = 0;
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 300, max: 9000 }), async (all, count) => {
      const { handle } = must(await root.mkdir(top, `d${directories++}`, {}));
      const names = all.map((length, at) => `${at}`.padStart(length, 'x'));
      const distinct = [...new Set(names)];
      for (const name of distinct) must(await root.create(handle, name, {}));
      const { bytes } = must(await root.readdir(handle, 0, count));
      if (bytes > Math.min(count, 8192)) throw new Error(`${bytes} bytes for a count of ${count}`);
      t.same(await listAll(root, handle, count), ['.', '..', ...distinct]);
    }),
    { numRuns: 15 },
  );
});

t.test('quirk 1: a count that is just enough is used to the last byte', async (t) => {
  const { root, top } = await makeWorld();
  for (const name of ['a', 'bcd', 'efghi']) must(await root.create(top, name, {}));
  const whole = must(await root.readdir(top, 0, 8192));
  t.match(must(await root.readdir(top, 0, whole.bytes)), { eof: true, bytes: whole.bytes });
  const less = must(await root.readdir(top, 0, whole.bytes - 1));
  t.match(less, { eof: false });
  t.equal(less.entries.length, whole.entries.length - 1);
});

t.test('quirk 2: one entry is always there, and counts of 512 and 1024 are served', async (t) => {
  const { root, top } = await makeWorld();
  const names = Array.from({ length: 20 }, (_, at) => `${at}`.padStart(255, 'n'));
  for (const name of names) must(await root.create(top, name, {}));
  for (const count of [0, 1, 40, 512, 1024]) t.same(await listAll(root, top, count), ['.', '..', ...names]);
});

t.test('quirk 3: cookies are below 2^31, and those of entries that stay do not change when others go', async (t) => {
  const { root, top } = await makeWorld();
  for (let at = 0; at < 30; at++) must(await root.create(top, `f${at}`, {}));
  const first = must(await root.readdir(top, 0, 400)).entries;
  t.ok(first.every(({ cookie }) => cookie > 0 && cookie < 2 ** 31));
  for (const { name } of first.slice(2)) must(await root.remove(top, name));
  const rest = must(await root.readdir(top, first.at(-1)!.cookie, 8192)).entries.map((entry) => entry.name);
  t.same(rest, Array.from({ length: 30 }, (_, at) => `f${at}`).slice(first.length - 2));
});

t.test('read permission is needed', async (t) => {
  const { root, as, top } = await makeWorld();
  const { handle } = must(await root.mkdir(top, 'd', { mode: 0o711 }));
  t.equal((await as({ uid: 1 }).readdir(handle, 0, 1000)).status, STAT.ACCES);
});

const namesIn = async (client: Nfs2Client, directory: Buffer) =>
  must(await client.readdir(directory, 0, 8192)).entries.map((entry) => entry.name);

t.test('a page that was listed before is as new after every kind of change', async (t) => {
  const { root, top } = await makeWorld();
  const d = must(await root.mkdir(top, 'd', {})).handle;
  const other = must(await root.mkdir(top, 'other', {})).handle;
  const shows = async (names: string[], after: string) => {
    t.same((await namesIn(root, d)).slice(2).toSorted(), names, after);
    t.same((await namesIn(root, d)).slice(2).toSorted(), names, `${after}, asked again`);
  };
  await shows([], 'MKDIR');
  const a = must(await root.create(d, 'a', {})).handle;
  await shows(['a'], 'CREATE');
  t.equal((await root.link(a, d, 'b')).status, OK);
  await shows(['a', 'b'], 'LINK');
  t.equal((await root.rename(d, 'a', d, 'c')).status, OK);
  await shows(['b', 'c'], 'RENAME within');
  t.equal((await root.rename(d, 'b', other, 'b')).status, OK);
  await shows(['c'], 'RENAME out');
  t.equal((await root.rename(other, 'b', d, 'x')).status, OK);
  await shows(['c', 'x'], 'RENAME in');
  t.equal((await root.symlink(d, 's', 'x', {})).status, OK);
  await shows(['c', 's', 'x'], 'SYMLINK');
  must(await root.mkdir(d, 'e', {}));
  await shows(['c', 'e', 's', 'x'], 'MKDIR below');
  t.equal((await root.rmdir(d, 'e')).status, OK);
  await shows(['c', 's', 'x'], 'RMDIR');
  t.equal((await root.remove(d, 'c')).status, OK);
  await shows(['s', 'x'], 'REMOVE');
});

t.test(
  'a name that another file takes has the fileid of that one, in a page that was listed before, too',
  async (t) => {
    const { root, top } = await makeWorld();
    const d = must(await root.mkdir(top, 'd', {})).handle;
    must(await root.create(d, 'a', {}));
    const b = must(await root.create(top, 'b', {})).attributes;
    const fileid = async () => must(await root.readdir(d, 0, 8192)).entries.find(({ name }) => name === 'a')!.fileid;
    t.not(await fileid(), b.fileid);
    t.equal((await root.rename(top, 'b', d, 'a')).status, OK);
    t.equal(await fileid(), b.fileid);
  },
);

t.test('.. of a directory that moved is its new parent, in a page that was listed before, too', async (t) => {
  const { root, top } = await makeWorld();
  const d = must(await root.mkdir(top, 'd', {})).handle;
  const above = must(await root.mkdir(top, 'above', {}));
  const parent = async () => must(await root.readdir(d, 0, 8192)).entries[1]!.fileid;
  t.equal(await parent(), must(await root.getattr(top)).fileid);
  t.equal((await root.rename(top, 'd', above.handle, 'd')).status, OK);
  t.equal(await parent(), above.attributes.fileid);
});

t.test('a page that one user may list is not shown to another who may not, nor after chmod', async (t) => {
  const { root, as, top } = await makeWorld();
  const { handle } = must(await root.mkdir(top, 'd', { mode: 0o700, uid: 1 }));
  t.equal((await as({ uid: 1 }).readdir(handle, 0, 8192)).status, OK);
  t.equal((await as({ uid: 2 }).readdir(handle, 0, 8192)).status, STAT.ACCES);
  const group = as({ uid: 2, gids: [7] });
  must(await root.setattr(handle, { mode: 0o750, gid: 7 }));
  t.equal((await group.readdir(handle, 0, 8192)).status, OK);
  t.equal((await as({ uid: 2 }).readdir(handle, 0, 8192)).status, STAT.ACCES);
  must(await root.setattr(handle, { mode: 0o700 }));
  t.equal((await group.readdir(handle, 0, 8192)).status, STAT.ACCES);
});

t.test('the store is asked once for a page that does not change; a change while it lists keeps nothing', async (t) => {
  let asked = 0;
  let meanwhile = () => {};
  const { root, top, store } = await makeWorld({
    around: (service) =>
      new Proxy(service, {
        get(target, name) {
          const member = Reflect.get(target, name);
          if (name !== 'readdir') return typeof member === 'function' ? member.bind(target) : member;
          return async (...args: Parameters<typeof target.readdir>) => {
            asked += 1;
            const page = await target.readdir(...args);
            meanwhile();
            return page;
          };
        },
      }),
  });
  t.same(await namesIn(root, top), ['.', '..']);
  t.same(await namesIn(root, top), ['.', '..']);
  t.equal(asked, 1);
  t.same(
    must(await root.readdir(top, 1, 8192)).entries.map(({ name }) => name),
    ['..'],
    'another cookie is another page',
  );
  t.equal(asked, 2);
  must(await root.create(top, 'a', {}));
  meanwhile = () => {
    meanwhile = () => {};
    store.create({ uid: 0, gid: 0, gids: [] }, store.root(), 'b', { type: 1, mode: 0o644 });
  };
  t.same(await namesIn(root, top), ['.', '..', 'a']);
  t.same(await namesIn(root, top), ['.', '..', 'a', 'b']);
});
