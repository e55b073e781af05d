import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { freePort } from './lib/ports.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Tmux } from './lib/tmux.ts';
import { Volcano } from './lib/volcano.ts';
import { type Client, client } from './ring-real/lib/client.ts';
import { at, KEY, magma, type RingVolcano, scratch, startVolcano, whole } from './ring-real/lib/ring.ts';

/* What `magma` asks all volcanos of a ring (issue 7): with all of them there, and with one dead. */

const MAGMA = fileURLToPath(new URL('../bin/magma', import.meta.url));
const FAILOVER = ['--failover', '2'];
const HIDDEN = 'hidden-name';

/** Has a volcano join as `magma join` says, which must change nothing itself. */
async function joined(t: Test, directory: string, first: RingVolcano): Promise<RingVolcano> {
  const keyFile = join(directory, 'key');
  writeFileSync(keyFile, `${KEY}\n`, { mode: 0o600 });
  const toml = join(directory, 'gromit.toml');
  const [flarePort, nodePort, nfsPort, mountPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const ports = [
    '--port',
    `${flarePort}`,
    '--node-port',
    `${nodePort}`,
    '--nfs-port',
    `${nfsPort}`,
    '--mount-port',
    `${mountPort}`,
  ];
  const words = [
    'join',
    '-i',
    '127.0.0.1',
    '-d',
    join(directory, 'gromit'),
    '--key-file',
    keyFile,
    ...ports,
    ...at(first),
  ];

  const taken = await magma([...words, '-n', 'wallace', '--write', toml]);
  t.equal(taken.status, 1);
  t.match(taken.stdout, /^NO +hello +the nickname wallace is in use/m);
  t.notOk(existsSync(toml), 'nothing is written when it cannot join');
  writeFileSync(join(directory, 'other-key'), 'another one\n', { mode: 0o600 });
  const wrong = await magma(['join', '--json', '--key-file', join(directory, 'other-key'), ...at(first)]);
  t.match(
    [wrong.status, JSON.parse(wrong.stdout)],
    [1, { joins: false, findings: [{ check: 'network', result: 'no' }] }],
  );
  t.match(JSON.parse(wrong.stdout).findings[0].text, /does not have the same key/);

  const { status, stdout } = await magma([...words, '-n', 'gromit', '--write', toml]);
  t.equal(status, 0, stdout);
  t.notMatch(stdout, /^NO/m);
  t.notOk(existsSync(join(directory, 'gromit')), 'the data directory is not made');
  const ring = JSON.parse((await magma(['ring', '--json', ...at(first)])).stdout);
  t.same([ring.epoch, ring.volcanos.length], [1, 1], 'nothing has changed in the network');
  const volcano = await Volcano.start(t, {
    ...{ directory: join(directory, 'gromit'), nickname: 'gromit', entry: [], nfsPort, mountPort },
    shares: ['/ * w no_root_squash', '/pub * r tsize=1024'],
    flags: ['--config', toml, ...FAILOVER],
  });
  return { volcano, nickname: 'gromit', address: '127.0.0.1', flarePort, nodePort };
}

/** Pauses between calls, in milliseconds: as many a second as can be would take a processor from all that is looked at. */
const CALL_EVERY_MS = 5;

/** Makes calls until it is told to end. */
function calling({ nfs, root }: Client): () => Promise<void> {
  let on = true;
  const done = (async () => {
    while (on) {
      await nfs.ok('GETATTR', root);
      await new Promise((resolve) => setTimeout(resolve, CALL_EVERY_MS));
    }
  })();
  // Seen by who ends it.
  done.catch(() => {});
  return () => {
    on = false;
    return done;
  };
}

/** The other screen is gone, and the cursor is there. */
function isRestored(tmux: Tmux): boolean {
  return !tmux.flag('alternate_on') && tmux.flag('cursor_flag');
}

async function onScreen(t: Test, tmux: Tmux, first: RingVolcano): Promise<void> {
  const top = tmux.start([MAGMA, 'top', '--interval', '0.3', ...at(first)].join(' '));
  await tmux.shows(/nfs GETATTR +[1-9]\d* /);
  const screen = tmux.screen();
  t.match(screen, /^2 volcanos, epoch \d+: [1-9]\d* calls\/s/);
  t.match(screen, /^127\.0\.0\.1 +wallace +[1-9]/m);
  t.match(screen, /\nq ends +c clients by rate +p procedures by rate$/);
  t.same([tmux.flag('alternate_on'), tmux.flag('cursor_flag')], [true, false]);
  const sorted = tmux.shows(/clients by loss +p procedures by p99/);
  tmux.type('cp');
  await sorted;
  const smaller = tmux.shows(/q ends +c clients by loss +p proce(?!d)/);
  tmux.resize(36, 10);
  await smaller;
  const small = tmux.screen().split('\n');
  t.ok(small.length === 10 && small.at(-1)?.length === 36, small.join('\n'));
  tmux.type('q');
  t.equal((await top).status, 0);
  t.ok(isRestored(tmux), 'the terminal is as it was');
  tmux.resize(90, 20);
}

async function endedBySignal(t: Test, tmux: Tmux, first: RingVolcano): Promise<void> {
  const shown = tmux.shows(/1 volcano|2 volcanos/);
  const top = tmux.start([MAGMA, 'top', ...at(first)].join(' '));
  await shown;
  process.kill(tmux.pid(), 'SIGTERM');
  t.equal((await top).status, 128 + 15);
  t.ok(isRestored(tmux), 'also after a signal');
}

/** The files of a bundle, and all that is in them. */
async function unpacked(t: Test, directory: string, file: string): Promise<{ names: string[]; text: string }> {
  t.equal(statSync(file).mode & 0o777, 0o600);
  const list = await run('tar', ['tzf', file]);
  t.same([list.status, list.stderr], [0, '']);
  const names = list.stdout.trimEnd().split('\n');
  await run('tar', ['xzf', file, '-C', directory]);
  return { names, text: names.map((name) => readFileSync(join(directory, name), 'utf8')).join('\n') };
}

t.test(
  'a ring of two: join, shares, clients, top on a terminal and in a pipe, bench, support-bundle; then with one of them dead',
  { timeout: TEST_TIMEOUT, skip: unmet({ commands: { tmux: 'tmux' } }) },
  async (t) => {
    const directory = scratch(t);
    const first = await startVolcano(t, directory, { nickname: 'wallace', more: FAILOVER });
    const second = await joined(t, directory, first);
    await whole(t, at(first), 2);
    const caller = await client(t, first);
    await caller.nfs.ok('CREATE', caller.root, HIDDEN, { mode: 0o644 });
    const stop = calling(caller);

    const shares = await magma(['shares', ...at(first)]);
    t.equal(shares.status, 1, 'the two differ');
    t.match(shares.stdout, /^ {2}read-write to \* \(no_root_squash\) {2}on wallace, gromit$/m);
    t.match(shares.stdout, /^ {2}\/pub read-only to \* \(tsize=1024\) {2}on gromit$/m);
    t.match(shares.stdout, /^The volcanos differ about \//m);
    const clients = await magma(['clients', ...at(second)]);
    t.equal(clients.status, 0, clients.stderr);
    t.match(clients.stdout, /^127\.0\.0\.1 +wallace +\d+ +0 +0 +0 +0 % +\d+ s +- +\/$/m);
    const once = await magma(['top', ...at(first)]);
    t.equal(once.status, 0, once.stderr);
    t.match(once.stdout, /^2 volcanos, epoch \d+: \d+ calls\/s over 1\.\d s /);
    t.match(once.stdout, /^nfs GETATTR +[1-9]\d* +\d+\.\d+ +\d/m);
    t.notMatch(once.stdout, '\x1b', 'a pipe gets no more than text');
    const tmux = await Tmux.open(t, { MAGMA_KEY: KEY }, { columns: 90, rows: 20 });
    await onScreen(t, tmux, first);

    await second.volcano.kill();
    const dead = /gromit did not answer|no answer within/;
    const file = join(directory, 'bundle.tar.gz');
    const [less, few, top, bundle, bench] = await Promise.all([
      magma(['shares', ...at(first)]),
      magma(['clients', '--json', ...at(first)]),
      magma(['top', '--json', '--interval', '0.2', ...at(first)]),
      magma(['support-bundle', file, ...at(first)]),
      magma(['bench', '--seconds', '0.1', '--size', '2', '--json', ...at(first)]),
    ]);
    t.same([less.status, few.status, top.status, bundle.status], [1, 1, 1, 1]);
    t.match(less.stdout, /^\/ {2}on wallace\n {2}read-write to \* \(no_root_squash\)\n/);
    t.match(less.stdout, dead);
    t.match(JSON.parse(few.stdout), {
      clients: [{ volcano: 'wallace', client: '127.0.0.1' }],
      problems: [{ volcano: 'gromit', problem: dead }],
    });
    t.match(JSON.parse(top.stdout), {
      volcanos: [{ volcano: 'wallace' }],
      problems: [{ volcano: 'gromit', problem: dead }],
    });
    t.match(bundle.stderr, dead);
    t.equal(bench.status, 0, bench.stdout);
    const steps = (JSON.parse(bench.stdout) as { results: { step: string }[] }).results.map(({ step }) => step);
    t.same(steps, ['create', 'getattr', 'write', 'read', 'write stream', 'read stream']);
    t.notMatch((await magma(['ls', ...at(first)])).stdout, 'magma-bench', 'nothing of it is left');
    const { names, text } = await unpacked(t, directory, file);
    t.ok(names.includes('magma/volcanos/wallace/log.jsonl') && names.includes('magma/volcanos/gromit/problem.txt'));
    t.match(text, /"msg":"Mounted"/);
    const secret = (await magma(['key', 'client', ...at(first)])).stdout.trim();
    for (const never of [KEY, secret, secret.split('/')[3]!, HIDDEN]) t.notOk(text.includes(never), never);
    await endedBySignal(t, tmux, first);
    await stop();
    t.equal(await first.volcano.stop(), 0);
  },
);
