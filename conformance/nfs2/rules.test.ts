import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('rules hold for every call: a handle is no pass', async (t) => {
  const { root, as, top } = await makeWorld({ rules: ['/ 192.0.2.0/24 w no_root_squash'] });
  const f = must(await root.create(top, 'f', {})).handle;
  const other = as({ address: '198.51.100.1' });
  const answers = await Promise.all([
    other.getattr(f),
    other.setattr(f, { mode: 0 }),
    other.lookup(top, 'f'),
    other.readlink(f),
    other.read(f, 0, 1),
    other.write(f, 0, 'x'),
    other.create(top, 'g', {}),
    other.remove(top, 'f'),
    other.rename(top, 'f', top, 'g'),
    other.link(f, top, 'g'),
    other.symlink(top, 's', 'x'),
    other.mkdir(top, 'd', {}),
    other.rmdir(top, 'd'),
    other.readdir(top, 0, 1000),
    other.statfs(top),
  ]);
  t.same(new Set(answers.map(({ status }) => status)), new Set([STAT.ACCES]));
  t.equal((await root.getattr(f)).status, 0);
});

t.test('under a rule to read only, every change is NFSERR_ROFS', async (t) => {
  const { root, store, top } = await makeWorld({ rules: ['/ * r no_root_squash'] });
  store.create({ uid: 0, gid: 0, gids: [] }, store.root(), 'f', { type: 1, mode: 0o666 });
  const f = must(await root.lookup(top, 'f')).handle;
  const answers = await Promise.all([
    root.setattr(f, { mode: 0 }),
    root.write(f, 0, 'x'),
    root.create(top, 'f', {}),
    root.remove(top, 'f'),
    root.rename(top, 'f', top, 'g'),
    root.link(f, top, 'g'),
    root.symlink(top, 's', 'x'),
    root.mkdir(top, 'd', {}),
    root.rmdir(top, 'd'),
  ]);
  t.same(new Set(answers.map(({ status }) => status)), new Set([STAT.ROFS]));
  t.equal((await root.read(f, 0, 1)).status, 0);
});

t.test('a directory under another rule is judged by its own: LOOKUP from above and .. from below', async (t) => {
  const { root, shares, handles, top } = await makeWorld({
    rules: ['/ 198.51.100.1/32 w', '/open * w no_root_squash', '/closed * n'],
  });
  t.equal((await root.getattr(top)).status, STAT.ACCES);
  const number = shares.list()[0]!.number;
  const open = handles.issue(shares.rules().length > 0 ? await openDirectory() : never(), number);
  t.equal((await root.lookup(open, '..')).status, STAT.ACCES);
  t.equal((await root.getattr(open)).status, 0);

  const wide = await makeWorld({ rules: ['/ * w no_root_squash', '/closed * n'] });
  t.equal((await wide.root.lookup(wide.top, 'closed')).status, STAT.ACCES);

  async function openDirectory() {
    const found = await shares.mountable('/open', { address: '192.0.2.1', port: 1 });
    return found.status === 'OK' ? found.directory : never();
  }
});

function never(): never {
  throw new Error('there is no such directory');
}

t.test('quirk 17: AUTH_NULL is accepted, as nobody', async (t) => {
  const { as, top } = await makeWorld({ rules: ['/ * w anonuid=77,anongid=78'] });
  t.match(must(await as({ nobody: true }).create(top, 'f', {})).attributes, { uid: 77, gid: 78 });
  t.match(must(await as({ uid: 0 }).create(top, 'g', {})).attributes, { uid: 77, gid: 78 }, 'root is squashed');
  t.match(must(await as({ uid: 5, gid: 6 }).create(top, 'h', {})).attributes, { uid: 5, gid: 6 });
});

t.test('quirk 24: high ports are served unless the rule says secure', async (t) => {
  const open = await makeWorld();
  t.equal((await open.as({ port: 40_000 }).getattr(open.top)).status, 0);
  const secure = await makeWorld({ rules: ['/ * w secure'] });
  t.equal((await secure.as({ port: 40_000 }).getattr(secure.top)).status, STAT.ACCES);
  t.equal((await secure.as({ port: 1023 }).getattr(secure.top)).status, 0);
});

t.test('quirk 11: report_uid shows a squashed caller his own numbers, and takes them back', async (t) => {
  const rules = (options: string) => ({ rules: [`/ * w all_squash,anonuid=65000,anongid=65001${options}`] });
  const caller = { uid: 1000, gid: 100, gids: [] };
  const shown = await makeWorld({ ...rules(',report_uid') });
  const user = shown.as({ ...caller });
  const file = must(await user.create(shown.top, 'f', { mode: 0o600 }));
  t.match(file.attributes, { uid: 1000, gid: 100 });
  t.match(must(await user.getattr(file.handle)), { uid: 1000, gid: 100 });
  t.match(must(await user.lookup(shown.top, 'f')).attributes, { uid: 1000, gid: 100 });
  t.match(must(await user.write(file.handle, 0, 'x')), { uid: 1000, gid: 100 });
  t.match(must(await user.read(file.handle, 0, 1)).attributes, { uid: 1000, gid: 100 });
  t.match(must(await user.setattr(file.handle, { uid: 1000, gid: 100 })), { uid: 1000, gid: 100 }, 'chown to himself');
  const stored = shown.store.lookup({ uid: 0, gid: 0, gids: [] }, shown.store.root(), 'f');
  t.match(stored, { uid: 65000, gid: 65001 }, 'what is stored is the rule’s');

  const plain = await makeWorld({ ...rules('') });
  const other = plain.as({ ...caller });
  t.match(must(await other.create(plain.top, 'f', {})).attributes, { uid: 65000, gid: 65001 }, 'without it he is not');
});
