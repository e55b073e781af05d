import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { MOUNT_MAGMA } from './lib/magma-mounts.ts';
import { gocryptfs, TREES, trees } from './lib/magma-trees.ts';
import { unmet } from './lib/requirements.ts';
import { type Ran, run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { type Exchange, onTerminal } from './lib/terminal.ts';
import { KEY, scratch, startVolcano } from './ring-real/lib/ring.ts';

/* mount.magma --init and --info, and what it says to whom it does not open a tree; gocryptfs agrees about all of it. */

const options = { skip: unmet(TREES), timeout: TEST_TIMEOUT };

t.test('a tree is made once, of an empty directory, and described as gocryptfs does', options, async (t) => {
  const { plain, command } = await trees(t, 'a', 'full', 'both');
  const made = await command('init', 'a', 'sesame\n');
  t.equal(made.status, 0, made.stderr);
  t.equal(made.stdout, '127.0.0.1:/a is an encrypted tree now.\n', 'no master key where it could end up in a log');
  t.same(fs.readdirSync(join(plain, 'a')).sort(), ['gocryptfs.conf', 'gocryptfs.diriv']);
  t.equal(fs.statSync(join(plain, 'a/gocryptfs.conf')).mode & 0o7777, 0o400);
  t.equal(gocryptfs(t, join(plain, 'a')).fsckCopy('sesame'), 0, 'gocryptfs opens it');

  const info = await command('info', 'a', '');
  t.equal(info.status, 0, info.stderr);
  t.equal(info.stdout.replace(/^Version.*\n/m, ''), gocryptfs(t, join(plain, 'a')).info());
  t.match(info.stdout, /^Creator: +mount\.magma .*\nVersion: +2\n/);

  const before = fs.readFileSync(join(plain, 'a/gocryptfs.conf'));
  fs.writeFileSync(join(plain, 'full/file'), '');
  const refused: readonly (readonly [number, RegExp, Ran])[] = [
    [32, /\/a: there is an encrypted tree already\. Cure: mount it/, await command('init', 'a', 'other\n')],
    [32, /\/full: the directory is not empty\. Cure: make an empty/, await command('init', 'full', 'x\n')],
    [32, /127\.0\.0\.1:\/: the directory is not empty/, await command('init', '', 'x\n')],
    [32, /\/none cannot be mounted: none there: NOENT/, await command('init', 'none', 'x\n')],
    [32, /\/full: there is no encrypted tree\. Cure: mount\.magma --init/, await command('info', 'full', '')],
    [32, /\/full: there is no encrypted tree\. Cure: mount\.magma --init/, await command('passwd', 'full', 'x\ny\n')],
  ];
  for (const [status, message, ran] of refused) {
    t.equal(ran.status, status);
    t.match(ran.stderr, message);
  }
  t.same(fs.readFileSync(join(plain, 'a/gocryptfs.conf')), before);

  const both = await Promise.all(['one', 'other'].map((pass) => command('init', 'both', `${pass}\n`)));
  t.same(both.map(({ status }) => status).sort(), [0, 32], 'one of two at once');
  t.match(both.find(({ status }) => status === 32)?.stderr, /tree already|not empty/);
  t.same(fs.readdirSync(join(plain, 'both')).sort(), ['gocryptfs.conf', 'gocryptfs.diriv']);
  const winner = both[0]!.status === 0 ? 'one' : 'other';
  t.equal(gocryptfs(t, join(plain, 'both')).fsckCopy(winner), 0);
});

t.test('on a terminal: asked twice, nothing shown, the master key told; broken off by Ctrl-C', options, async (t) => {
  const { plain, words, volcano, keyFile, directory } = await trees(t, 'a');
  const type = (command: readonly string[], ...exchanges: Exchange[]) =>
    onTerminal([MOUNT_MAGMA, ...command], exchanges, {});
  const different = await type(words('init', 'a'), [/New passphrase.*: /, 'one\r'], [/Once more: /, 'two\r']);
  t.equal(different.status, 1);
  t.match(different.shown, /the two passphrases are not the same; nothing was changed/);
  const broken = await type(words('init', 'a'), [/New passphrase.*: /, 'one\x03']);
  t.equal(broken.status, 8);
  t.same(fs.readdirSync(join(plain, 'a')), []);

  const typed = 's3samX\x7fe\r';
  const made = await type(words('init', 'a'), [/New passphrase.*: /, typed], [/Once more: /, 's3same\r']);
  t.equal(made.status, 0, made.shown);
  t.notMatch(made.shown, /s3sam/);
  const key = /^ +((?:[0-9a-f]{8}-){7}[0-9a-f]{8})\r?$/m.exec(made.shown)?.[1];
  const theirs = gocryptfs(t, join(plain, 'a'));
  t.equal(key?.replaceAll('-', ''), theirs.masterKey('s3same'));

  const changed = await type(
    words('passwd', 'a'),
    [/Passphrase of .*: /, 's3same\r'],
    [/New passphrase.*: /, 'o\u00f6\r'],
    [/Once more: /, 'o\u00f6\r'],
  );
  t.equal(changed.status, 0, changed.shown);
  t.equal(theirs.fsckCopy('o\u00f6'), 0);
  t.equal(theirs.fsckCopy('s3same'), 12);

  const point = join(directory, 'point');
  fs.mkdirSync(point);
  const spec = ['127.0.0.1:/a', point, '-o', `port=${volcano.flarePort},keyfile=${keyFile}`];
  const wrong = await type(spec, [/Passphrase of .*: /, 'wrong\r']);
  t.equal(wrong.status, 1);
  t.match(wrong.shown, /127\.0\.0\.1:\/a: wrong passphrase/);
});

t.test('what cannot be opened: each its own message, and a status as in mount(8)', options, async (t) => {
  const { plain, directory, command, secretFile, volcano, keyFile } = await trees(
    t,
    'a',
    'empty',
    'damaged',
    'strange',
  );
  for (const name of ['a', 'damaged', 'strange']) t.equal((await command('init', name, 'sesame\n')).status, 0);
  fs.rmSync(join(plain, 'damaged/gocryptfs.diriv'));
  const conf = fs.readFileSync(join(plain, 'strange/gocryptfs.conf'), 'utf8');
  const change = (text: string): void => {
    fs.rmSync(join(plain, 'strange/gocryptfs.conf'));
    fs.writeFileSync(join(plain, 'strange/gocryptfs.conf'), text);
  };
  const point = join(directory, 'point');
  fs.mkdirSync(point);
  const ours = `port=${volcano.flarePort},keyfile=${keyFile}`;
  const pass = secretFile('pass', 'sesame\n');
  const wide = secretFile('wide', 'sesame\n');
  fs.chmodSync(wide, 0o644);
  const empty = secretFile('empty', '\nsesame\n');
  const cases: readonly (readonly [number, RegExp, string, string, string?, (() => void)?])[] = [
    [1, /^mount\.magma: 127\.0\.0\.1:\/a: wrong passphrase/, 'a', ours, 'guess\n'],
    [1, /there is no passphrase: standard input is at its end\. Cure: passfile=FILE/, 'a', ours],
    [1, /there is no passphrase: the first line is empty/, 'a', ours, '\nsesame\n'],
    [1, /a passphrase has 1 to 2000 bytes, not 3000/, 'a', ours, `${'x'.repeat(3000)}\n`],
    [1, /passfile .*wide: its mode is 0644, so others can use it\. Cure: chmod 600/, 'a', `${ours},passfile=${wide}`],
    [1, /passfile .*nowhere: ENOENT/, 'a', `${ours},passfile=${directory}/nowhere`],
    [1, /passfile .*empty: there is no passphrase: the first line is empty/, 'a', `${ours},passfile=${empty}`],
    [
      32,
      /\/empty: there is no encrypted tree\. Cure: mount\.magma --init 127\.0\.0\.1:\/empty .*--plain/,
      'empty',
      ours,
    ],
    [32, /\/damaged: there is no gocryptfs\.diriv\. Cure: put a copy/, 'damaged', `${ours},passfile=${pass}`],
    [
      ...[32, /gocryptfs\.conf has version 1 of the format; only 2 is known/, 'strange', ours, ''],
      () => change(conf.replace('"Version": 2', '"Version": 1')),
    ],
    [
      ...[32, /gocryptfs\.conf has the feature flag "AESSIV", which is not known here/, 'strange', ours, ''],
      () => change(conf.replace('"Raw64"', '"Raw64", "AESSIV"')),
    ],
    [32, /gocryptfs\.conf: it is no JSON\. Put a copy of it back/, 'strange', ours, '', () => change('{')],
  ] as const;
  for (const [number, [status, message, name, list, input, prepare]] of cases.entries()) {
    prepare?.();
    const words = [`127.0.0.1:/${name}`, point, '-o', list];
    const ran = await run(MOUNT_MAGMA, number % 4 === 1 ? ['--foreground', ...words] : words, { input: input ?? '' });
    t.equal(ran.status, status, ran.stderr);
    t.match(ran.stderr, message);
  }
  t.same(fs.readdirSync(point), []);
});

t.test('no FUSE, rules that forbid it, and a signal while it asks', options, async (t) => {
  const { command, directory, volcano, keyFile, secretFile } = await trees(t, 'a');
  t.equal((await command('init', 'a', 'sesame\n')).status, 0);
  const point = join(directory, 'point');
  fs.mkdirSync(point);
  const list = `port=${volcano.flarePort},keyfile=${keyFile}`;
  // In a mount namespace of its own there is no driver behind the device; nobody is asked for a passphrase.
  const device = join(directory, 'fuse');
  const script = `mknod ${device} c 10 254 && mount --bind ${device} /dev/fuse && exec "$@"`;
  for (const more of [list, `plain,${list}`, `foreground,passfile=${secretFile('pass', 'sesame\n')},${list}`]) {
    const ran = await run('unshare', [
      ...['--mount', 'sh', '-c', `rm -f ${device}; ${script}`, 'sh'],
      ...[MOUNT_MAGMA, '127.0.0.1:/a', point, '-o', more],
    ]);
    t.equal(ran.status, 2, ran.stderr);
    t.match(ran.stderr, /^mount\.magma: FUSE is not to be had: .*Cure: modprobe fuse\n$/);
  }

  for (const [share, why] of [
    ['/ * r', /it may only be read\. Cure: a share that this machine may write to/],
    ['/ * w root_squash', /its rules, or the permissions there, do not let this user in/],
  ] as const) {
    const other = await startVolcano(t, scratch(t), { nickname: 'gromit', shares: [share] });
    const there = ['--init', '127.0.0.1:/', `--port=${other.flarePort}`, `--node-port=${other.nodePort}`];
    const ran = await run(MOUNT_MAGMA, [...there, '--scryptn=10'], { input: 'sesame\n', env: { MAGMA_KEY: KEY } });
    t.equal(ran.status, 32, ran.stderr);
    t.match(ran.stderr, why);
  }

  // Whoever is there says nothing.
  const silent = createServer().listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await once(silent, 'listening');
  const to = ['127.0.0.1:/', `--port=${(silent.address() as AddressInfo).port}`, `--keyfile=${keyFile}`];
  for (const words of [
    ['--init', ...to],
    [...to, point],
  ]) {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      const waiting = spawn(MOUNT_MAGMA, words, { stdio: ['ignore', 'ignore', 'pipe'] });
      t.teardown(() => waiting.kill('SIGKILL'));
      let said = '';
      waiting.stderr.on('data', (bytes) => {
        said += bytes;
      });
      const [socket] = await once(silent, 'connection');
      waiting.kill(signal);
      const [status] = await once(waiting, 'close');
      socket.destroy();
      t.equal(status, 8, `${words[0]} ${signal}`);
      t.equal(said, 'mount.magma: broken off\n');
    }
  }
});
