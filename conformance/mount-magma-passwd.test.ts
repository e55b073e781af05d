import * as fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { gocryptfs, TREES, trees } from './lib/magma-trees.ts';
import { unmet } from './lib/requirements.ts';
import type { Ran } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';

/* mount.magma --passwd: by passphrase, by master key, over and beside gocryptfs's own. */

const options = { skip: unmet(TREES), timeout: TEST_TIMEOUT };

t.test('another passphrase: the file stays who it is; the old one does not open it any more', options, async (t) => {
  const { plain, command, secretFile } = await trees(t, 'a');
  t.equal((await command('init', 'a', 'first\n', '--longnamemax=100')).status, 0);
  const conf = join(plain, 'a/gocryptfs.conf');
  fs.chownSync(conf, 1000, 100);
  const before = fs.statSync(conf);
  const theirs = gocryptfs(t, join(plain, 'a'));
  const master = theirs.masterKey('first');

  const wrong = await command('passwd', 'a', 'guess\nsecond\n');
  t.equal(wrong.status, 1);
  t.match(wrong.stderr, /wrong passphrase/);
  const changed = await command('passwd', 'a', 'first\nsecond\n');
  t.equal(changed.status, 0, changed.stderr);
  t.equal(theirs.fsckCopy('second'), 0);
  t.equal(theirs.fsckCopy('first'), 12);
  t.match(fs.statSync(conf), { mode: before.mode, uid: 1000, gid: 100, ino: before.ino });

  const files = [`--passfile=${secretFile('old', 'second\n')}`, `--new-passfile=${secretFile('new', 'third\n')}`];
  t.equal((await command('passwd', 'a', '', ...files)).status, 0);
  t.equal(theirs.masterKey('third'), master);
  theirs.changePassphrase('third', 'by gocryptfs');
  t.equal((await command('passwd', 'a', 'by gocryptfs\nlast\n')).status, 0);
  t.equal(theirs.masterKey('last'), master);
  t.match((await command('info', 'a', '')).stdout, /LongNameMax: +100\n/);

  // At once: one of them, whole.
  const both = await Promise.all(['x', 'y'].map((pass) => command('passwd', 'a', `last\n${pass}\n`)));
  for (const [at, pass] of ['x', 'y'].entries()) {
    if (both[at]!.status !== 0) t.match(both[at]!.stderr, /changed by somebody else just now|wrong passphrase/);
    else t.comment(`${pass} was set`);
  }
  t.ok([theirs.fsckCopy('x'), theirs.fsckCopy('y')].includes(0));
});

t.test('with the master key: a forgotten passphrase, and a gocryptfs.conf that is gone', options, async (t) => {
  const { plain, command, secretFile } = await trees(t, 'a', 'b');
  for (const name of ['a', 'b']) t.equal((await command('init', name, 'forgotten\n')).status, 0);
  const theirs = gocryptfs(t, join(plain, 'a'));
  await theirs.mounted('forgotten', (path) => {
    fs.writeFileSync(join(path, 'n'.repeat(200)), 'text');
    fs.writeFileSync(join(path, 'short'), 'text');
  });
  const keyFile = secretFile('master', `${theirs.masterKey('forgotten')}\n`);
  const other = secretFile('other', gocryptfs(t, join(plain, 'b')).masterKey('forgotten'));
  const by = (file: string, ...more: string[]): Promise<Ran> =>
    command('passwd', 'a', 'remembered\n', `--masterkeyfile=${file}`, ...more);

  const conf = join(plain, 'a/gocryptfs.conf');
  const before = fs.readFileSync(conf);
  const refused = await by(other);
  t.equal(refused.status, 1);
  t.match(refused.stderr, /masterkeyfile .*other: no name here comes out with it\. Cure: look for/);
  t.match(await by(secretFile('none', 'beef')), { status: 1, stderr: /a master key is 64 hexadecimal digits/ });
  t.match(await by(keyFile, '--longnamemax=100'), { status: 1, stderr: /longnamemax: gocryptfs\.conf says it/ });
  t.same(fs.readFileSync(conf), before);
  t.match(await by(keyFile), { status: 0 });
  t.equal(theirs.fsckCopy('remembered'), 0);

  fs.rmSync(conf);
  t.match(await by(other), { status: 1 });
  t.notOk(fs.existsSync(conf));
  t.match(await by(keyFile), { status: 0, stdout: /has a new gocryptfs\.conf/ });
  await theirs.mounted('remembered', (path) => t.same(fs.readdirSync(path).sort(), ['n'.repeat(200), 'short']));

  fs.rmSync(conf);
  fs.writeFileSync(conf, 'damaged');
  t.match(await by(keyFile), {
    status: 32,
    stderr: /gocryptfs\.conf: it is no JSON.*remove it through a --plain mount/,
  });
});
