import t from 'tap';
import { FlareError } from '../../src/flare/errors.ts';
import type { FlareService } from '../../src/flare/service.ts';
import { OK, STAT } from '../../src/nfs2/errors.ts';
import { NameFinder } from '../../src/nfs2/find-name.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

/* What clients are shown by the options of their network: FIELD.md. */

const ROOT = { uid: 0, gid: 0, gids: [] };

t.test('Two networks of one share: each client sees it by the options of its own', async (t) => {
  const { as, store, top } = await makeWorld({
    rules: [
      '/ 192.0.2.0/24 w no_root_squash',
      '/ 198.51.100.0/24 w all_squash,anonuid=77,tsize=512,size=1M,noclamp,report_uid,fold_case,dos_names',
      '/ 203.0.113.0/24 r',
    ],
  });
  const [plain, odd, reader] = ['192.0.2.1', '198.51.100.1', '203.0.113.1'].map((address) =>
    as({ address, uid: 5, gid: 6 }),
  );
  store.create(ROOT, store.root(), 'Long Name.text', { type: 1, mode: 0o666, size: 3 * 2 ** 30 });
  t.equal((await plain!.lookup(top, 'LONG NAME.TEXT')).status, STAT.NOENT);
  const file = must(await odd!.lookup(top, 'LONG NAME.TEXT'));
  t.equal(file.attributes.size, 3 * 2 ** 30, 'noclamp');
  t.equal(must(await plain!.getattr(file.handle)).size, 2 ** 31 - 1, 'clamp');
  t.equal(must(await odd!.read(file.handle, 0, 8192)).data.length, 512);
  t.equal(must(await plain!.read(file.handle, 0, 8192)).data.length, 8192);
  t.match(must(await odd!.statfs(top)), { tsize: 512 });
  t.match(must(await plain!.statfs(top)), { tsize: 8192 });
  const [oddRoom, room] = [must(await odd!.statfs(top)), must(await plain!.statfs(top))];
  t.ok(oddRoom.blocks * oddRoom.bsize <= 2 ** 20 && room.blocks * room.bsize > 2 ** 20, 'a pretended size');
  t.match(must(await odd!.create(top, 'o', {})).attributes, { uid: 5, gid: 6 }, 'squashed, and shown as his own');
  t.match(must(await plain!.lookup(top, 'o')).attributes, { uid: 77, gid: 65_534 });
  t.match(must(await plain!.create(top, 'p', {})).attributes, { uid: 5, gid: 6 });
  t.equal((await reader!.create(top, 'r', {})).status, STAT.ROFS);
});

t.test(
  'FIELD.md row 23: who names 16 groups has all that he is in on the server, where the rule says so',
  async (t) => {
    const groupsOf = (uid: number) => (uid === 1000 ? [100, 4242] : null);
    const sixteen = Array.from({ length: 16 }, (_, at) => 900 + at);
    const tried = async (options: string, gids: readonly number[]): Promise<number> => {
      const { as, store, top } = await makeWorld({ rules: [`/ * w${options}`], groupsOf });
      const file = store.create(ROOT, store.root(), 'f', { type: 1, mode: 0o060, gid: 4242 });
      t.equal(file.gid, 4242);
      const user = as({ uid: 1000, gid: 100, gids });
      return (await user.read(must(await user.lookup(top, 'f')).handle, 0, 1)).status;
    };
    t.equal(await tried(' host_groups', sixteen), OK);
    t.equal(await tried('', sixteen), STAT.ACCES);
    t.equal(await tried(' host_groups', sixteen.slice(1)), STAT.ACCES, 'fifteen are all that he has');
  },
);

t.test('FIELD.md row 27: a sparse file of the full size is made for swap, and costs what is written', async (t) => {
  const { root, top, store } = await makeWorld();
  const swap = must(await root.create(top, 'swap', { mode: 0o600, size: 0 }));
  const size = 2 ** 30;
  t.match(must(await root.setattr(swap.handle, { size })), { size, blocks: 0 }, 'a GiB, of nothing');
  const page = Buffer.alloc(8192, 7);
  for (const at of [size - 8192, 4096 * 1000]) t.match(must(await root.write(swap.handle, at, page)), { size });
  t.equal(store.lookup(ROOT, store.root(), 'swap').used, 2 * 8192);
  t.same(must(await root.read(swap.handle, 4096 * 1000, 8192)).data, page);
  t.same(must(await root.read(swap.handle, 8192, 8192)).data, Buffer.alloc(8192), 'what was never written is zeros');
});

const DOS = { rules: ['/ * w no_root_squash,dos_names,fold_case'] };

t.test('dos_names: listings are 8.3, and what they show means the entry in every call', async (t) => {
  const { root, top, store } = await makeWorld(DOS);
  const make = (name: string) => store.create(ROOT, store.root(), name, { type: 1, mode: 0o644 });
  for (const name of ['short.txt', 'a long name.text', 'another long name.text', 'UPPER.C']) make(name);
  const listed = async () =>
    must(await root.readdir(top, 0, 4096))
      .entries.map(({ name }) => name)
      .slice(2);
  t.same(await listed(), ['short.txt', 'alongn~4.tex', 'anothe~5.tex', 'UPPER.C']);
  t.same(
    must(await root.readdir(top, 4, 4096)).entries.map(({ name }) => name),
    ['anothe~5.tex', 'UPPER.C'],
    'from anywhere in it',
  );
  const long = must(await root.lookup(top, 'a long name.text'));
  t.same(must(await root.lookup(top, 'ALONGN~4.TEX')).handle, long.handle);
  t.equal((await root.lookup(top, 'other~4.tex')).status, STAT.NOENT, 'with other letters it is another name');
  t.same(must(await root.create(top, 'alongn~4.tex', {})).handle, long.handle, 'CREATE opens it');
  t.equal((await root.mkdir(top, 'alongn~4.tex', {})).status, STAT.EXIST);
  t.equal((await root.symlink(top, 'alongn~4.tex', 'x')).status, STAT.EXIST);
  t.equal((await root.link(long.handle, top, 'anothe~5.tex')).status, STAT.EXIST);
  t.equal((await root.rename(top, 'alongn~4.tex', top, 'new.txt')).status, OK);
  t.equal((await root.rename(top, 'new.txt', top, 'anothe~5.tex')).status, OK, 'over what that name means');
  t.same((await listed()).sort(), ['UPPER.C', 'anothe~5.tex', 'short.txt']);
  t.same(must(await root.lookup(top, 'another long name.text')).handle, long.handle);
  must(await root.mkdir(top, 'a directory', {}));
  const directory = (await listed()).find((name) => name.startsWith('adirec~'))!;
  t.equal((await root.rmdir(top, directory)).status, OK);
  t.equal((await root.remove(top, 'anothe~5.tex')).status, OK);
  t.equal((await root.remove(top, 'anothe~5.tex')).status, STAT.NOENT);
  t.equal((await root.lookup(top, 'another long name.text')).status, STAT.NOENT);
});

t.test('fold_case: a name that is not there means one in another case; an exact one means itself', async (t) => {
  const { root, top, as } = await makeWorld(DOS);
  const file = must(await root.create(top, 'ReadMe.Txt', {}));
  t.same(must(await root.lookup(top, 'README.TXT')).handle, file.handle);
  t.same(must(await root.create(top, 'readme.txt', {})).handle, file.handle, 'CREATE makes no second one');
  t.equal((await root.rename(top, 'readme.txt', top, 'README.TXT')).status, OK, 'another case is another name');
  t.same(
    must(await root.readdir(top, 0, 4096))
      .entries.map(({ name }) => name)
      .slice(2),
    ['README.TXT'],
  );
  t.equal((await root.remove(top, 'readme.txt')).status, OK);
  t.equal((await root.lookup(top, 'README.TXT')).status, STAT.NOENT, 'what is remembered is of another version');
  t.equal((await root.lookup(top, '\xe9')).status, STAT.NOENT);
  must(await root.create(top, '\xc9', {}));
  t.equal((await root.lookup(top, '\xe9')).status, STAT.NOENT, 'only of ASCII letters the case is known');
  t.equal((await root.create(top, '', {})).status, STAT.INVAL);
  t.equal((await root.lookup(top, 'y'.repeat(256))).status, STAT.NAMETOOLONG);

  const closed = must(await root.mkdir(top, 'closed', { mode: 0o700 })).handle;
  must(await root.create(closed, 'Secret', {}));
  t.equal((await as({ uid: 9, gid: 9 }).lookup(closed, 'secret')).status, STAT.ACCES, 'nobody finds more than he may');
});

t.test('fold_case: what is remembered of directories, and looked through, is bounded', async (t) => {
  const names = (count: number) =>
    Array.from({ length: count }, (_, at) => ({ name: `N${at}`, cookie: at + 3, fileid: 1 }));
  let entries = names(16_384);
  const finder = new NameFinder({
    lookup: () => Promise.reject(FlareError.of('NOENT')),
    readdir: (_caller, _directory, cookie, limit) => {
      const from = Math.max(0, cookie - 2);
      return { entries: entries.slice(from, from + limit), end: from + limit >= entries.length };
    },
  });
  const place = (key: number) =>
    ({
      handle: { key: `k${key}`, generation: 1 },
      attributes: { version: 1 },
      caller: ROOT,
      options: { foldCase: true, dosNames: false },
    }) as unknown as Parameters<NameFinder['find']>[0];
  t.equal(await finder.find(place(0), 'n9'), 'N9');
  for (let key = 1; key < 8; key++) await finder.find(place(key), 'n9');
  t.same(finder.remembered, { directories: 4, names: 65_536 });
  entries = names(16_385);
  t.equal(await finder.find(place(99), 'n9'), 'n9', 'too large');
  entries = names(1);
  for (let key = 100; key < 500; key++) await finder.find(place(key), 'n0');
  t.same(finder.remembered, { directories: 256, names: 256 });
});

t.test('bulk: few calls of such clients are worked on at a time, in order; those of others do not wait', async (t) => {
  const begun: { readonly from: string; readonly end: () => void }[] = [];
  let slow = true;
  const around = (store: FlareService): FlareService =>
    new Proxy(store, {
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name !== 'write') return typeof value === 'function' ? value.bind(target) : value;
        return async (...asked: Parameters<FlareService['write']>) => {
          const own = Buffer.from(asked[3]);
          const { promise, resolve } = Promise.withResolvers<void>();
          begun.push({ from: own.toString('latin1', 0, 1), end: resolve });
          if (slow) await promise;
          return store.write(asked[0], asked[1], asked[2], own);
        };
      },
    });
  const { as, root, top } = await makeWorld({
    rules: ['/ 192.0.2.0/24 w no_root_squash', '/ 198.51.100.0/24 w no_root_squash,bulk'],
    around,
  });
  const bulk = as({ address: '198.51.100.1' });
  const { handle } = must(await root.create(top, 'f', { mode: 0o666 }));
  const writes = Array.from('abcdefgh', (letter, at) => bulk.write(handle, at * 10, Buffer.from(letter.repeat(10))));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  await turn();
  t.same(begun.map(({ from }) => from).join(''), 'abcd');
  const other = root.write(handle, 80, Buffer.from('z'.repeat(10)));
  await turn();
  t.equal(begun.at(-1)!.from, 'z', 'another client’s goes before those that wait');
  begun.at(-1)!.end();
  t.equal((await other).status, OK);
  begun[1]!.end();
  t.equal((await writes[1]!).status, OK);
  await turn();
  t.equal(begun.map(({ from }) => from).join(''), 'abcdze');
  t.equal(
    (await bulk.write(Buffer.alloc(32), 0, Buffer.from('x'))).status,
    STAT.STALE,
    'what is refused takes no turn',
  );
  slow = false;
  for (const { end } of begun) end();
  for (const write of writes) t.equal((await write).status, OK);
  const { data } = must(await root.read(handle, 0, 100));
  t.equal(data.toString(), Array.from('abcdefghz', (letter) => letter.repeat(10)).join(''));
});
