import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { clientSecret } from '../../dht/client-secret.ts';
import { NO_KEYS } from '../../dht/keys/standing.ts';
import { secretsFrom } from '../../dht/secrets.ts';
import { alone } from '../../dht/testing/members.ts';
import { readConfig } from '../../magmad/config.ts';
import { client, silent, told } from '../testing/seen.ts';
import { bundleEntries } from './contents.ts';
import { LEFT_OUT, redactedLine, SECRET_MIN, sharePath, withoutSecrets } from './redact.ts';
import { ENTRY_NAME_MAX } from './ustar.ts';

const SHARES = [
  { path: '/', rules: ['/ * r'] },
  { path: '/home', rules: [] },
];
const KEY = 'm4gm4 "s3cr3t"';
const figures = {
  ...{ load: 0, capacityBytes: 0, freeBytes: 0, availableBytes: 0, flares: 0, lagRecords: 0, uptimeSeconds: 0 },
  ...{ syncMs: 4, damaged: 0, repaired: 0, protocol: 1, keys: NO_KEYS },
};

t.test('no secret, no name and no path but those of shares is in a bundle; who is silent is named', async (t) => {
  const network = secretsFrom(Buffer.alloc(32, 1), Buffer.alloc(16, 2));
  const directory = t.testdir();
  const key = join(directory, 'key');
  const toml = join(directory, 'magmad.toml');
  writeFileSync(key, `${KEY}\n`, { mode: 0o600 });
  writeFileSync(toml, `key-file = "key"\nnickname = "wallace"\nshare = ["/ * r"]\n`);
  const request = readConfig(['--config', toml], {});
  if (!('config' in request)) throw new Error('no configuration');
  const lines = [
    { level: 'info', msg: 'Mounted', client: '192.0.2.1', path: '/home/hidden', rule: 'shares:1: /home * r' },
    { level: 'warn', msg: 'Refused', path: '/home', reason: '/home/hidden is no directory' },
    { level: 'debug', msg: 'LOOKUP hidden' },
    {
      level: 'error',
      msg: `gone: ${KEY}`,
      name: 'hidden',
      entry: ['hidden'],
      err: { message: 'EIO', stack: clientSecret(network) },
    },
  ].map((line) => JSON.stringify(line));
  const seen = told('w'.repeat(64), 0, {
    shares: SHARES,
    lines: [...lines, '{"msg":"hidden'],
    clients: [client('192.0.2.1', 7, { mounts: ['/home/hidden', '/home'], mountsInAll: 2 })],
  });
  if (!('answer' in seen)) throw new Error('nothing was told');
  const answered = { volcano: seen.volcano, member: seen.member, answer: { figures, observation: seen.answer } };
  const entries = bundleEntries({
    ...{ time: '2026-11-21T20:00:00.000Z', config: request.config, problem: null, checked: { sound: true } },
    ring: { projection: alone(), told: [answered, silent('gromit', 1, 'gromit did not answer') as never] },
    secrets: [KEY, clientSecret(network)],
  });
  t.ok(entries.every(({ name }) => name.length <= ENTRY_NAME_MAX));
  const all = entries.map(({ name, content }) => `${name}\n${content}`).join('\n');
  for (const never of ['hidden', KEY, JSON.stringify(KEY).slice(1, -1), clientSecret(network)])
    t.notOk(all.includes(never), never);
  t.match(all, '"path":"/home/..."');
  t.match(all, 'magma/check-ring.json\n{\n  "sound": true\n}\n');
  t.match(all, /^nickname +wallace/m);
  t.match(all, /^key +\(set\)/m);
  t.match(all, '"mounts": [\n        "/home/...",\n        "/home"\n      ]');
  t.match(all, 'volcanos/gromit/problem.txt\ngromit did not answer\n');
  t.match(all, /NOT THERE:\ngromit: gromit did not answer/);
  t.match(all, '"msg":"gone: (secret)"');
});

t.test('a secret is found as it is, in JSON and in URLs, and when one begins another one', async (t) => {
  const text = withoutSecrets('a p"ss/w b p\\"ss/w c p%22ss%2Fw d p"ss/w-more', ['p"ss/w', 'p"ss/w-more']);
  t.equal(text, 'a (secret) b (secret) c (secret) d (secret)');
  t.equal(withoutSecrets('an owl', ['ow']), 'an owl', 'what is too short to be told from chance');
  fc.assert(
    fc.property(fc.string({ minLength: SECRET_MIN }), fc.string(), fc.string(), (secret, before, after) => {
      fc.pre(!'(secret)'.includes(secret) && !before.includes(secret) && !after.includes(secret));
      t.notOk(withoutSecrets(`${before}|${secret}|${after}`, [secret]).includes(`|${secret}|`));
    }),
  );
});

t.test('of a path the share is told, and that it goes on', async (t) => {
  t.equal(sharePath('/home', SHARES), '/home');
  t.equal(sharePath('/home/a', SHARES), '/home/...');
  t.equal(sharePath('/homes', SHARES), '/...');
  t.equal(sharePath('/', SHARES), '/');
  t.equal(sharePath('/x', [{ path: '/home' }]), LEFT_OUT);
});

t.test('of a log line numbers stay, and texts that are known to name nothing', async (t) => {
  const line = redactedLine(JSON.stringify({ level: 'info', msg: 'x', fileid: 7, new: 'field', list: ['a'] }), []);
  t.same(JSON.parse(line!), { level: 'info', msg: 'x', fileid: 7, new: LEFT_OUT, list: LEFT_OUT });
  t.equal(redactedLine('7', []), '{}');
});
