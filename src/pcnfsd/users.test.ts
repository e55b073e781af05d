import t from 'tap';
import { seededRandom } from '../base/random.ts';
import { hashPassword, isPassword, LOG_N, LOG_N_MAX, parseHash } from './password.ts';
import { scrambled } from './scramble.ts';
import { parseUsers } from './users.ts';

const HASH = await hashPassword(Buffer.from('geheim'), seededRandom(1), 10);

t.test('a password has its hash, and no other one has; two hashes of one are not the same', async (t) => {
  const other = await hashPassword(Buffer.from('geheim'), seededRandom(2), 10);
  t.not(HASH, other);
  for (const text of [HASH, other]) {
    const hash = parseHash(text);
    if (typeof hash === 'string') throw new Error(hash);
    t.ok(await isPassword(Buffer.from('geheim'), hash));
    for (const wrong of ['', 'gehein', 'geheim ']) t.notOk(await isPassword(Buffer.from(wrong), hash), wrong);
  }
  t.match(await hashPassword(Buffer.from('x'), seededRandom(3)), new RegExp(`^\\$scrypt\\$ln=${LOG_N},r=8,p=1\\$`));
});

t.test('hashes that cost too much or too little, or are none, are refused (LOG_N_MAX)', async (t) => {
  const costing = (logN: number): string => HASH.replace('ln=10', `ln=${logN}`);
  t.type(parseHash(costing(LOG_N_MAX)), 'object');
  t.match(parseHash(costing(LOG_N_MAX + 1)), /must be 10 to 17/);
  t.match(parseHash(costing(9)), /must be 10 to 17/);
  t.match(parseHash(HASH.slice(0, -5)), /has a hash of \d+ bytes/);
  t.match(parseHash(HASH.replace(/1\$[^$]+\$/, '1$AAAA$')), /has a salt of 3 bytes/);
  for (const none of ['', 'x', '$6$salt$hash', 'geheim']) t.match(parseHash(none), /is no scrypt hash/);
});

t.test('a file of users: comments, groups, a home with colons, locked ones; by name and by uid', async (t) => {
  const users = parseUsers(
    `# PCs\n\njohn:${HASH}:1000:100\n mary:${HASH}:1001:100:5,6:volcano:/home/mary\nold:!${HASH}:1002:100\ntwin:*:1000:9::`,
    'users',
  );
  t.equal(users.size, 4);
  t.match(users.named('john'), { uid: 1000, gid: 100, gids: [], home: '' });
  t.match(users.named('mary'), { gids: [5, 6], home: 'volcano:/home/mary' });
  t.equal(users.named('old')?.hash, null);
  t.equal(users.ofUid(1000)?.name, 'john', 'the first one gives a uid its name');
  t.equal(users.named('root'), undefined);
});

t.test('all that is wrong with a file of users is told, with file and line', async (t) => {
  const wrong: [string, RegExp][] = [
    ['john', /a user is NAME:HASH:UID:GID/],
    [`${'x'.repeat(33)}:${HASH}:1:1`, /at most 32 bytes/],
    [`jöhn:${HASH}:1:1`, /printable ASCII/],
    ['john:plain:1:1', /password of john is no scrypt hash/],
    [`john:${HASH}:0:1`, /uid of john must be 1/],
    [`john:${HASH}:4294967294:1`, /uid of john/],
    [`john:${HASH}:1:x`, /gid of john/],
    [`john:${HASH}:1:1:${'7,'.repeat(16)}7`, /at most 16 gids/],
    [`john:${HASH}:1:1::nowhere`, /home of john must be HOST:PATH/],
    [`john:${HASH}:1:1::v:/${'x'.repeat(64)}`, /home of john must be at most 64/],
  ];
  for (const [line, what] of wrong) t.throws(() => parseUsers(`\n${line}`, 'users'), { message: what }, line);
  const all = wrong.map(([line]) => line).join('\n');
  t.throws(() => parseUsers(all, 'users'), { message: /^users:1: .*(\n.*){8}\nusers:10: / });
  t.throws(() => parseUsers(`a:*:1:1\na:*:2:2`, 'users'), { message: 'users:2: there is a a already' });
});

t.test('what is scrambled twice is as it was; the bytes are those of the protocol', async (t) => {
  t.equal(scrambled(Buffer.from('root')).toString('hex'), '29' + '34' + '34' + '2f');
  const ascii = Buffer.from(Array.from({ length: 128 }, (_, at) => at));
  t.same(scrambled(scrambled(ascii)), ascii);
});
