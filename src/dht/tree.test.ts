import t from 'tap';
import { seededRandom } from '../base/random.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { FlareError } from '../flare/errors.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import { FlareType } from '../flare/types.ts';
import { DHT_COOKIE, DhtDirectory, TEXTS_MS } from './dht-directory.ts';
import { Tree } from './tree.ts';

const ROOT = { uid: 0, gid: 0, gids: [] };
const ANN = { uid: 1, gid: 1, gids: [] };
const FILE = { type: FlareType.file, mode: 0o644 } as const;

function world() {
  const clock = manualClock();
  const store = new MemoryService({ clock, random: seededRandom(1), root: { mode: 0o777 } });
  const texts = new Map([
    ['wallace', 'nickname = wallace\n'],
    ['ring', 'epoch = 1\n'],
  ]);
  const tree = new Tree(store, new DhtDirectory(clock, store.root().generation, () => texts));
  return { clock, store, texts, tree, root: store.root() };
}

async function statusOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'OK';
  } catch (error) {
    if (error instanceof FlareError) return error.status;
    throw error;
  }
}

t.test('/.dht/: one file a volcano, read only, in every tree', async (t) => {
  const { tree, root } = world();
  const dht = await tree.lookup(ANN, root, '.dht');
  t.match(dht, { type: FlareType.directory, mode: 0o555, parent: root });
  const { entries, end } = await tree.readdir(ANN, dht, 0, 10);
  t.same(entries.map(({ name }) => name).sort(), ['ring', 'wallace']);
  t.ok(end);
  const file = await tree.lookup(ANN, dht, 'wallace');
  t.same(await tree.getattr(file), file, 'found by its key, too');
  t.same(await tree.find(file.key), file);
  const { data } = await tree.read(ANN, file, 3, 100);
  t.equal(data.toString(), 'kname = wallace\n');
  t.equal(file.size, 19);
  t.equal(await statusOf(() => tree.lookup(ANN, dht, 'gromit')), 'NOENT');
});

t.test('/.dht/: whoever changes something of it is refused', async (t) => {
  const { tree, root } = world();
  const dht = await tree.lookup(ROOT, root, '.dht');
  const file = await tree.lookup(ROOT, dht, 'ring');
  await tree.create(ROOT, root, 'f', FILE);
  const cases: [string, () => unknown, string][] = [
    ['CREATE in it', () => tree.create(ROOT, dht, 'x', FILE), 'ROFS'],
    ['CREATE in its place', () => tree.create(ROOT, root, '.dht', FILE), 'EXIST'],
    ['WRITE', () => tree.write(ROOT, file, 0, Buffer.from('x')), 'ROFS'],
    ['SETATTR', () => tree.setattr(ROOT, file, { size: 0 }), 'ROFS'],
    ['REMOVE', () => tree.remove(ROOT, dht, 'ring'), 'ROFS'],
    ['RMDIR', () => tree.rmdir(ROOT, root, '.dht'), 'ROFS'],
    ['RENAME away', () => tree.rename(ROOT, root, '.dht', root, 'x'), 'ROFS'],
    ['RENAME into it', () => tree.rename(ROOT, root, 'f', dht, 'f'), 'ROFS'],
    ['RENAME over it', () => tree.rename(ROOT, root, 'f', root, '.dht'), 'ROFS'],
    ['LINK of it', () => tree.link(ROOT, file, root, 'x'), 'ROFS'],
    ['READLINK', () => tree.readlink(ROOT, file), 'INVAL'],
    ['READ of the directory', () => tree.read(ROOT, dht, 0, 10), 'ISDIR'],
    ['READDIR of a file', () => tree.readdir(ROOT, file, 0, 10), 'NOTDIR'],
  ];
  for (const [what, work, status] of cases) t.equal(await statusOf(work), status, what);
});

t.test('/.dht/ is the last entry of the root’s listing, however it is paged, and of no other', async (t) => {
  const { tree, root } = world();
  for (const name of ['a', 'b', 'c']) await tree.create(ROOT, root, name, FILE);
  for (const limit of [1, 2, 3, 4, 10]) {
    const names: string[] = [];
    for (let cookie = 0, end = false; !end; ) {
      const page = await tree.readdir(ROOT, root, cookie, limit);
      names.push(...page.entries.map(({ name }) => name));
      cookie = page.entries.at(-1)?.cookie ?? DHT_COOKIE;
      end = page.end;
    }
    t.same(names, ['a', 'b', 'c', '.dht'], `pages of ${limit}`);
  }
  const directory = await tree.create(ROOT, root, 'd', { type: FlareType.directory, mode: 0o755 });
  t.same((await tree.readdir(ROOT, directory, 0, 10)).entries, []);
});

t.test(
  '/.dht/: a text stays while it is read, and changes with its times; handles and cookies stay when others come',
  async (t) => {
    const { tree, root, texts, clock } = world();
    const dht = await tree.lookup(ROOT, root, '.dht');
    const before = await tree.lookup(ROOT, dht, 'wallace');
    const listed = (await tree.readdir(ROOT, dht, 0, 10)).entries;
    texts.set('wallace', 'nickname = wallace\nload = 7\n');
    texts.set('gromit', 'nickname = gromit\n');
    t.same(await tree.getattr(before), before);
    clock.advance(TEXTS_MS);
    const after = await tree.getattr(before);
    t.equal(after.size, 28);
    t.not(after.mtime.seconds * 1e9 + after.mtime.nanoseconds, before.mtime.seconds * 1e9 + before.mtime.nanoseconds);
    const again = (await tree.readdir(ROOT, dht, 0, 10)).entries;
    for (const { name, cookie, fileid } of listed)
      t.match(
        again.find((one) => one.name === name),
        { cookie, fileid },
      );
    const gone = await tree.lookup(ROOT, dht, 'gromit');
    texts.delete('gromit');
    clock.advance(TEXTS_MS);
    t.equal(await statusOf(() => tree.getattr(gone)), 'STALE');
  },
);

t.test('a thousand volcanos have a thousand fileids and cookies', async (t) => {
  const clock = manualClock();
  const texts = new Map(Array.from({ length: 1000 }, (_, at) => [`volcano${at}`, `nickname = volcano${at}\n`]));
  const dht = new DhtDirectory(clock, 1, () => texts);
  const { entries } = dht.entries(0, 10_000);
  t.equal(new Set(entries.map(({ fileid }) => fileid)).size, 1000);
  t.equal(new Set(entries.map(({ cookie }) => cookie)).size, 1000);
  t.ok(entries.every(({ cookie, fileid }) => cookie >= 3 && cookie < DHT_COOKIE && fileid > 2 && fileid < 4096));
});
