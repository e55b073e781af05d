import fc from 'fast-check';
import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
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
