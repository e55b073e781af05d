import t from 'tap';
import { bannerOf } from './banner.ts';
import { readAppliance } from './settings.ts';
import { ASKED_MAX, setUp } from './setup.ts';

/** Answers questions by what they begin with; the rest with Enter. */
function person(answers: Record<string, string | string[]>) {
  const heard: string[] = [];
  const asked: string[] = [];
  return {
    heard,
    asked,
    say: (text: string) => void heard.push(text),
    ask: async (question: string): Promise<string | null> => {
      asked.push(question);
      const found = Object.entries(answers).find(([begin]) => question.startsWith(begin));
      const answer = found?.[1] ?? '';
      return typeof answer === 'string' ? answer : (answer.shift() ?? null);
    },
  };
}

t.test('a name is enough: DHCP, a network of its own', async (t) => {
  const who = person({ Name: 'wallace', Write: 'yes' });
  t.match(readAppliance((await setUp(who))!, 'magma.toml'), { nickname: 'wallace', shares: [], join: [] });
  t.notOk(
    who.asked.some((question) => question.startsWith('Gateway')),
    'DHCP says the gateway',
  );
});

t.test('all answers are in the magma.toml that is written', async (t) => {
  const written = await setUp(
    person({
      Name: 'gromit',
      Address: '192.168.1.21/24',
      Gateway: '192.168.1.1',
      DNS: '192.168.1.2, 192.168.1.3',
      'Join the': '192.168.1.20',
      'Key of that': 'a "long" secret',
      'Who may write': '192.168.1.0/24; /home 10.0.0.0/8 r',
      'ssh key': 'ssh-ed25519 AAAA john',
      Write: 'y',
    }),
  );
  t.match(readAppliance(written!, 'magma.toml'), {
    nickname: 'gromit',
    address: '192.168.1.21/24',
    gateway: '192.168.1.1',
    dns: ['192.168.1.2', '192.168.1.3'],
    join: ['192.168.1.20'],
    key: 'a "long" secret',
    shares: ['/ 192.168.1.0/24 w no_root_squash', '/home 10.0.0.0/8 r'],
    'ssh-keys': ['ssh-ed25519 AAAA john'],
  });
});

t.test('a wrong answer is told and asked for again; after too many the dialog ends', async (t) => {
  const who = person({ Name: ['', 'two words', 'wallace'], Write: 'yes' });
  t.match(await setUp(who), 'nickname = "wallace"');
  t.equal(who.asked.filter((question) => question.startsWith('Name')).length, 3);
  t.match(who.heard.join(''), /nickname: "two words" must begin with/);
  const stubborn = person({ Name: 'two words' });
  t.equal(await setUp(stubborn), null);
  t.equal(stubborn.asked.length, ASKED_MAX);
});

t.test('who joins must say the key; "new" makes one that nobody can guess', async (t) => {
  const who = person({ Name: 'a', 'Join the': '192.168.1.20', 'Key of that': ['', 's3cr3t'], Write: 'yes' });
  t.match(readAppliance((await setUp(who))!, 'magma.toml'), { key: 's3cr3t' });
  const keys = [1, 2].map(
    async () => readAppliance((await setUp(person({ Name: 'a', Key: 'new', Write: 'yes' })))!, 'm')!,
  );
  const [first, second] = await Promise.all(keys);
  t.match(first!.key, /^[A-Za-z0-9_-]{32}$/);
  t.not(first!.key, second!.key);
});

t.test('nothing is written without a yes, nor when the input ends', async (t) => {
  t.equal(await setUp(person({ Name: 'a', Write: 'no' })), null);
  t.equal(await setUp(person({ Name: 'a', Write: '' })), null);
  t.equal(await setUp(person({ Name: [] })), null);
});

t.test('the banner says who this is, and what to type on a client', async (t) => {
  const facts = { version: '0.1.0', addresses: ['192.168.1.20'], shares: ['/'], serves: true, slot: 'a' };
  t.match(bannerOf({ ...facts, nickname: 'wallace' }), /magma 0\.1\.0, volcano wallace, system a/);
  t.match(bannerOf({ ...facts, nickname: 'wallace' }), 'mount -t nfs -o nfsvers=2,proto=tcp 192.168.1.20:/ /mnt');
  t.match(bannerOf({ ...facts, nickname: 'a', addresses: ['fd00::1'] }), ' [fd00::1]:/ /mnt');
  t.match(bannerOf({ ...facts, nickname: 'a', shares: ['/a', '/b', '/c', '/d', '/e', '/f'] }), 'and 2 more shares');
  t.match(bannerOf(facts), 'not set up: press s');
  t.notMatch(bannerOf({ ...facts, nickname: 'a', serves: false }), 'mount -t nfs');
  t.match(bannerOf({ ...facts, addresses: [] }), 'no address');
  t.match(bannerOf({ ...facts, problem: 'magma.toml: key: wrong' }), /nothing is served:\n +magma\.toml: key: wrong/);
});
