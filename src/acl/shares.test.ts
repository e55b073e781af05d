import t from 'tap';
import type { Logger } from '../base/logger.ts';
import { seededRandom } from '../base/random.ts';
import { type ManualClock, manualClock } from '../base/testing/manual-clock.ts';
import { FlareError } from '../flare/errors.ts';
import { MemoryNotes } from '../flare/testing/memory-notes.ts';
import { MemoryService } from '../flare/testing/memory-service.ts';
import { type Attributes, FlareType } from '../flare/types.ts';
import { REFUSAL_QUIET_MS } from './refusals.ts';
import { HOSTS_MAX, RESOLVE_TIMEOUT_MS } from './resolve.ts';
import { Shares } from './shares.ts';
import { parseShares } from './shares-file.ts';
import { walk, walkAndMake } from './walk.ts';

const HOSTS: Record<string, string[]> = { crate7: ['10.0.0.7', 'fd00::7'], empty: [], alias7: ['10.0.0.7'] };

function recorder(lines: [object, string][]): Logger {
  const line = (fields: object, message: string) => void lines.push([fields, message]);
  return { debug: line, info: line, warn: line, error: line, fatal: line, child: () => recorder(lines) };
}

class House {
  readonly clock: ManualClock = manualClock();
  readonly service = new MemoryService({ clock: this.clock, random: seededRandom(1) });
  readonly notes = new MemoryNotes();
  readonly lines: [object, string][] = [];
  readonly logger = recorder(this.lines);
  readonly resolver = {
    resolve: async (name: string) => HOSTS[name] ?? Promise.reject(new Error(`getaddrinfo ENOTFOUND ${name}`)),
  };

  make(path: string): Promise<Attributes> {
    return walkAndMake(this.service, path.split('/').filter(Boolean));
  }
  at(path: string): Promise<Attributes> {
    return walk(this.service, path.split('/').filter(Boolean)).then((found) => found.directory);
  }
  file(directory: Attributes, name: string, type: FlareType = FlareType.file): Attributes {
    const birth = type === FlareType.symlink ? { type, mode: 0o777, target: Buffer.from('/a') } : { type, mode: 0o644 };
    return this.service.create(root, directory, name, birth);
  }
  open(text: string): Promise<Shares> {
    return Shares.open(parseShares(text, 'shares').rules, this);
  }
  refusals(): object[] {
    return this.lines.filter(([, message]) => message === 'Refused').map(([fields]) => fields);
  }
}

const root = { uid: 0, gid: 0, gids: [] };
const from = (address: string, port = 700) => ({ address, port });

async function permission(shares: Shares, address: string, flare: Attributes, port?: number): Promise<string> {
  const access = await shares.access(from(address, port), flare);
  return access.permission + (access.rule === null ? '' : ` ${access.rule.where.split(':')[1]}`);
}

const MANUAL = `/            *                 r
/home        192.168.1.0/24    w   no_root_squash,tsize=1024
/home/john   fd00:1::/64       n`;

t.test('missing directories are made: root’s, 0755, with a log line', async (t) => {
  const house = new House();
  await house.open(MANUAL);
  t.match(await house.at('/home/john'), { uid: 0, gid: 0, mode: 0o755, type: FlareType.directory });
  t.same(
    house.lines.map(([fields, message]) => [(fields as { path: string }).path, message]),
    [
      ['/home', 'Made the directory of a rule'],
      ['/home/john', 'Made the directory of a rule'],
    ],
  );
});

t.test('longest path, then the most specific network wins; then the next area up; then nobody', async (t) => {
  const house = new House();
  const shares = await house.open(MANUAL);
  const john = house.file(await house.at('/home/john'), 'letter');
  const home = await house.at('/home');
  const top = house.service.getattr(house.service.root());
  t.equal(await permission(shares, 'fd00:1::5', john), 'n 3');
  t.equal(await permission(shares, '192.168.1.9', john), 'w 2', 'john’s rule does not match: home’s does');
  t.equal(await permission(shares, '192.168.2.9', john), 'r 1', 'nor does home’s: the root’s does');
  t.equal(await permission(shares, 'fd00:1::5', home), 'r 1');
  t.equal(await permission(shares, '192.168.1.9', top), 'r 1');
  t.equal((await shares.access(from('192.168.1.9'), john)).options.tsize, 1024);

  const nested = await house.open('/a * n\n/a 10.0.0.0/8 r\n/a 10.1.0.0/16 n\n/a 10.1.2.3 w\n/a crate7 w');
  const a = await house.at('/a');
  t.equal(await permission(nested, '10.9.9.9', a), 'r 2');
  t.equal(await permission(nested, '10.1.9.9', a), 'n 3');
  t.equal(await permission(nested, '10.1.2.3', a), 'w 4');
  t.equal(await permission(nested, '10.0.0.7', a), 'w 5', 'a host is its address');
  t.equal(await permission(nested, 'fd00::7', a), 'w 5', 'each of them');
  t.equal(await permission(nested, 'fd00::8', a), 'n 1');
  t.equal(await permission(nested, '10.1.2.3', top), 'n', 'default is deny');
});

t.test(
  'a cached decision is the decision, port by port: secure wants ports below 1024 (FIELD.md row 24)',
  async (t) => {
    const house = new House();
    const shares = await house.open('/ 10.0.0.0/8 w secure\n/ * r');
    const top = house.service.getattr(house.service.root());
    for (let again = 0; again < 2; again++) {
      t.equal(await permission(shares, '10.0.0.1', top, 1023), 'w 1');
      t.equal(await permission(shares, '10.0.0.1', top, 1024), 'n 1');
      t.equal(await permission(shares, '11.0.0.1', top, 60_000), 'r 2', 'insecure is the default');
    }
  },
);

t.test('answers come at once when they are known', async (t) => {
  const house = new House();
  const shares = await house.open('/ * r');
  const deep = await house.make('/a/b/c');
  t.notOk(shares.access(from('10.0.0.1'), house.file(deep, 'f')) instanceof Promise);
  t.equal(shares.access(from('10.0.0.1'), deep), shares.access(from('10.0.0.1'), deep), 'and are the same object');
});

t.test('rules follow renames: they are bound to directories, not to names', async (t) => {
  const house = new House();
  const shares = await house.open('/a/b * w\n/ * r');
  const file = house.file(await house.make('/a/b/c'), 'f');
  t.equal(await permission(shares, '10.0.0.1', file), 'w 1');
  const top = house.service.root();
  house.service.rename(root, top, 'a', top, 'moved');
  await house.make('/a/b');
  t.equal(await permission(shares, '10.0.0.1', house.service.getattr(file)), 'w 1');
  t.equal(await permission(shares, '10.0.0.1', await house.at('/moved/b')), 'w 1');
  t.equal(
    await permission(shares, '10.0.0.1', await house.at('/a/b')),
    'r 2',
    'the new holder of the name has no rule',
  );
});

t.test('rules follow renames over a reload and a restart, and forget what is gone', async (t) => {
  const house = new House();
  const text = '/a/b * n\n/ * w';
  const shares = await house.open(text);
  const file = house.file(await house.at('/a/b'), 'f');
  const top = house.service.root();
  house.service.rename(root, top, 'a', top, 'moved');
  await shares.reload(parseShares(text, 'shares').rules);
  t.equal(await permission(shares, '10.0.0.1', house.service.getattr(file)), 'n 1', 'a reload');
  t.equal((await walk(house.service, ['a'])).stopped, 'NOENT', 'no other directory was made in its place');
  const again = await house.open(text);
  t.equal(await permission(again, '10.0.0.1', house.service.getattr(file)), 'n 1', 'a restart');
  await house.make('/a/b');
  const both = await house.open(text);
  t.equal(await permission(both, '10.0.0.1', house.service.getattr(file)), 'n 1', 'the one that was moved');
  t.equal(await permission(both, '10.0.0.1', await house.at('/a/b')), 'n 1', 'and the one that the path leads to now');
  t.same(
    both.exports().map(({ path }) => path),
    ['/'],
  );
  house.service.remove(root, await house.at('/moved/b'), 'f');
  house.service.rmdir(root, await house.at('/moved'), 'b');
  t.equal((await house.open(text)).rules().length, 2, 'one that is gone is forgotten');
  await house.open('/ * w');
  t.equal(house.notes.notes('rule/').size, 1, 'as is a path without rules');
});

t.test('a directory that is born again under the same key is placed anew', async (t) => {
  const house = new House();
  const shares = await house.open('/in * w');
  const inside = await house.at('/in');
  const first = await house.make('/in/x');
  t.equal(await permission(shares, '10.0.0.1', first), 'w 1');
  const again = { ...first, generation: first.generation + 1, parent: house.service.root() };
  t.equal(await permission(shares, '10.0.0.1', again), 'n', 'another generation is another directory');
  t.equal(await permission(shares, '10.0.0.1', inside), 'w 1');
});

t.test('sameArea and carriesRule answer what may be moved', async (t) => {
  const house = new House();
  const shares = await house.open(MANUAL);
  const [home, john, deep, top] = [
    await house.at('/home'),
    await house.at('/home/john'),
    await house.make('/home/x/y'),
    house.service.getattr(house.service.root()),
  ];
  t.ok(await shares.sameArea(home, deep));
  t.notOk(await shares.sameArea(home, john));
  t.notOk(await shares.sameArea(top, deep));
  t.ok(shares.carriesRule(john.key));
  t.notOk(shares.carriesRule(deep.key));
});

t.test('what is wrong with rules is told with file and line, all of it, and nothing is made', async (t) => {
  const house = new House();
  house.file(house.service.getattr(house.service.root()), 'file');
  house.file(house.service.getattr(house.service.root()), 'link', FlareType.symlink);
  const rules = [
    '/file/x * r',
    '/link * r',
    '/new nowhere r',
    '/new2 empty r',
    '/c crate7 r',
    '/c 10.0.0.7 w',
    '/c alias7 n',
  ];
  await t.rejects(house.open(rules.join('\n')), {
    message: [
      'shares:3: "nowhere": the host cannot be resolved (getaddrinfo ENOTFOUND nowhere); correct the name, or write its address',
      'shares:4: "empty": the host cannot be resolved (it has no address); correct the name, or write its address',
      'shares:6: "/c 10.0.0.7 w": means 10.0.0.7/32, as the rule at shares:5 for this path does; keep one of the two',
      'shares:7: "/c alias7 n": means 10.0.0.7/32, as the rule at shares:5 for this path does; keep one of the two',
      'shares:1: "/file/x": /file is no directory; rules are for directories, and symlinks are not followed',
      'shares:2: "/link": /link is no directory; rules are for directories, and symlinks are not followed',
    ].join('\n'),
  });
  t.equal((await walk(house.service, ['c'])).stopped, 'NOENT');
});

t.test('a resolver that does not answer is given up; host names are bounded', async (t) => {
  const house = new House();
  const slow = { ...house, clock: house.clock, resolver: { resolve: () => new Promise<string[]>(() => {}) } };
  const opened = Shares.open(parseShares('/ slow r', 'shares').rules, slow);
  await null;
  house.clock.advance(RESOLVE_TIMEOUT_MS);
  await t.rejects(opened, { message: /^shares:1: "slow": .*no answer in time/ });
  const many = Array.from({ length: HOSTS_MAX + 1 }, (_, at) => `/ h${at} r`).join('\n');
  let asked = 0;
  const counting = { ...slow, resolver: { resolve: async () => [`10.0.${asked >> 8}.${asked++ & 255}`] } };
  await t.rejects(Shares.open(parseShares(many, 'shares').rules, counting), {
    message: /^shares:257: .*more than 256 host names/,
  });
  t.equal(asked, HOSTS_MAX);
});

t.test('reload: all or nothing, and the caches of the old rules are gone', async (t) => {
  const house = new House();
  const shares = await house.open('/a * w');
  const file = house.file(await house.make('/a/b'), 'f');
  t.equal(await permission(shares, '10.0.0.1', file), 'w 1');
  await t.rejects(shares.reload(parseShares('/a * r\n/b nowhere r', 'shares').rules), { name: 'RulesError' });
  t.equal(await permission(shares, '10.0.0.1', file), 'w 1', 'a bad file changes nothing');
  await shares.reload(parseShares('/a * w\n/a/b * n', 'shares').rules);
  t.equal(await permission(shares, '10.0.0.1', file), 'n 2');
  await Promise.all([
    shares.reload(parseShares('/a * n', 'shares').rules),
    shares.reload(parseShares('/a * r', 'shares').rules),
  ]);
  t.equal(await permission(shares, '10.0.0.1', file), 'r 1', 'the last one asked for counts');
});

t.test('topmost paths are shares; their numbers stay through reloads and restarts', async (t) => {
  const house = new House();
  const shares = await house.open('/b * r\n/a * r\n/a/x * w');
  const numbers = (of: Shares) => Object.fromEntries(of.list().map((share) => [share.path, share.number]));
  t.same(numbers(shares), { '/b': 1, '/a': 2 });
  await shares.reload(parseShares('/0 * r\n/a * r', 'shares').rules);
  t.same(numbers(shares), { '/0': 3, '/a': 2 });
  t.equal(shares.share(1), undefined);
  t.match(shares.share(2), { path: '/a', directory: { key: (await house.at('/a')).key } });
  t.same(numbers(await house.open('/b * r\n/new * r')), { '/b': 1, '/new': 4 }, 'opened again');
});

t.test('exports: topmost paths with whom they let in; null for everyone', async (t) => {
  const house = new House();
  const shares = await house.open('/a 10.0.0.0/8 r\n/a crate7 w\n/a fd00::/64 n\n/a/b * r\n/c * w\n/d * n');
  t.same(shares.exports(), [
    { path: '/a', networks: ['crate7', '10.0.0.0/8'] },
    { path: '/c', networks: null },
    { path: '/d', networks: [] },
  ]);
});

t.test('mountable: any directory below a share, however its path is spelt (FIELD.md row 13)', async (t) => {
  const house = new House();
  const shares = await house.open(MANUAL);
  const deep = await house.make('/home/x/y');
  for (const path of ['/home/x/y', '//home/./x//y/', '/home/x/y/.']) {
    const mount = await shares.mountable(path, from('192.168.1.9'));
    t.match(mount, { status: 'OK', path: '/home/x/y', directory: { key: deep.key } }, path);
    t.match(mount, { share: { path: '/' }, access: { permission: 'w' } });
  }
  t.match(await shares.mountable('/', from('1.2.3.4')), { status: 'OK', path: '/', access: { permission: 'r' } });
});

t.test('mountable refuses: rules first, so that nobody learns what is there', async (t) => {
  const house = new House();
  const shares = await house.open('/open * r secure\n/shut 10.0.0.0/8 r');
  const open = await house.at('/open');
  house.file(open, 'file');
  house.file(open, 'link', FlareType.symlink);
  const status = async (path: string, port?: number) => (await shares.mountable(path, from('11.0.0.1', port))).status;
  t.equal(await status('/open'), 'OK');
  t.equal(await status('/open', 5000), 'ACCES', 'FIELD.md row 24');
  t.equal(await status('/'), 'ACCES');
  t.equal(await status('/shut'), 'ACCES');
  t.equal(await status('/shut/nothing'), 'ACCES');
  t.equal(await status('/nothing'), 'ACCES');
  t.equal(await status('/open/nothing'), 'NOENT');
  t.equal(await status('/open/file'), 'NOTDIR');
  t.equal(await status('/open/link'), 'NOTDIR');
  t.equal(await status('/open/link/b'), 'NOTDIR');
  t.equal(await status('/open/../open'), 'ACCES');
  t.equal(await status('open'), 'INVAL');
  t.equal(await status(''), 'INVAL');
  t.equal(await status('/open/a\0b'), 'INVAL');
  t.equal(await status(`/open/${'x'.repeat(256)}`), 'NAMETOOLONG');
});

t.test('refusals are logged with client, path and rule, and no client can flood the log', async (t) => {
  const house = new House();
  const shares = await house.open('/a * n');
  const a = await house.at('/a');
  for (let call = 0; call < 5; call++) await shares.access(from('10.0.0.1'), a);
  const line = { client: '10.0.0.1', port: 700, path: '/a', rule: 'shares:1: /a * n', reason: 'the rule says n' };
  t.same(house.refusals(), [line]);
  await shares.access(from('10.0.0.1'), house.service.getattr(house.service.root()));
  t.match(house.refusals()[1], { path: '/', rule: 'none', reason: 'no rule matches' });
  house.clock.advance(REFUSAL_QUIET_MS);
  await shares.access(from('10.0.0.1'), a);
  t.same(house.refusals()[2], { ...line, unlogged: 4 });
});

t.test('a flare whose way up is gone is STALE', async (t) => {
  const house = new House();
  const shares = await house.open('/ * r');
  const child = await house.make('/x/y');
  house.service.rmdir(root, await house.at('/x'), 'y');
  house.service.rmdir(root, house.service.root(), 'x');
  t.throws(() => shares.access(from('10.0.0.1'), child), FlareError.of('STALE'));
});
