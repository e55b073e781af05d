import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';

const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '');
const COMMANDS = ['magmad', 'mount.magma', 'magma'] as const;
const manifest = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8')) as {
  version: string;
  dependencies: Record<string, string>;
};
/** A PATH without any Node. */
const BARE = '/usr/bin:/bin';
const NODE = dirname(process.execPath);

/** Runs a command with nothing in its environment but PATH: what tap adds to it would be loaded into every Node. */
function call(command: string, args: readonly string[], path: string, cwd = '/'): SpawnSyncReturns<string> {
  const clean = ['-i', `PATH=${path}`, 'HOME=/nonexistent', command, ...args];
  return spawnSync('/usr/bin/env', clean, { encoding: 'utf8', timeout: 60_000, cwd });
}

/** A directory with a `node` that says it is of that version, and tells when it is asked to run something. */
function fakeNode(directory: string, version: string): string {
  mkdirSync(directory, { recursive: true });
  const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo ${version}; else echo "ran $*"; fi\n`;
  writeFileSync(`${directory}/node`, script);
  chmodSync(`${directory}/node`, 0o755);
  return directory;
}

/** The commands as an installed package has them, without what npm installs beside it. */
function install(t: Test): string {
  const modules = `${t.testdir()}/lib/node_modules`;
  mkdirSync(`${modules}/magma/dist`, { recursive: true });
  cpSync(`${ROOT}/bin`, `${modules}/magma/bin`, { recursive: true });
  for (const command of COMMANDS) writeFileSync(`${modules}/magma/dist/${command}.js`, '');
  return `${modules}/magma`;
}

t.test(
  'the commands run from a clone, from any directory, through symlinks, whatever Node the system has',
  async (t) => {
    const dir = t.testdir();
    const old = fakeNode(`${dir}/old`, 'v20.20.2');
    mkdirSync(`${dir}/links`);
    for (const command of COMMANDS) {
      const said = `${command} ${manifest.version}\n`;
      t.equal(call(`${ROOT}/bin/${command}`, ['--version'], [old, BARE].join(delimiter)).stdout, said);
      symlinkSync(`${ROOT}/bin/${command}`, `${dir}/links/first`);
      symlinkSync('links/first', `${dir}/${command}`);
      t.equal(call(`${dir}/${command}`, ['--version'], BARE).stdout, said, 'through an absolute and a relative link');
      t.equal(call(`./${command}`, ['--version'], BARE, dir).stdout, said);
      t.equal(call('sh', ['-c', `${command} --version`], `${dir}${delimiter}${BARE}`).stdout, said, 'from PATH');
      spawnSync('rm', [`${dir}/links/first`]);
    }
  },
);

t.test('an installed package takes the Node in PATH if it is new enough, and runs what was compiled', async (t) => {
  const root = install(t);
  const node = fakeNode(`${t.testdirName}/new`, 'v24.0.0');
  for (const command of COMMANDS) {
    const { stdout, status } = call(`${root}/bin/${command}`, ['a b', ''], `${node}${delimiter}${BARE}`);
    // Options of Node's own may stand before it.
    t.equal(stdout.replace(/ --\S+(?=.* \/)/, ''), `ran ${root}/dist/${command}.js a b \n`);
    t.equal(status, 0);
  }
});

t.test('too old a Node, or none, is said clearly', async (t) => {
  const root = install(t);
  const bare = `${t.testdirName}/bare`;
  mkdirSync(bare);
  for (const tool of ['sh', 'readlink', 'dirname']) symlinkSync(`/usr/bin/${tool}`, `${bare}/${tool}`);
  const old = fakeNode(`${t.testdirName}/old`, 'v20.20.2');
  for (const command of COMMANDS) {
    const tooOld = call(`${root}/bin/${command}`, ['--version'], `${old}${delimiter}${bare}`);
    t.equal(tooOld.status, 1);
    t.equal(
      tooOld.stderr,
      `${command}: needs Node.js 24 or later, but found version v20.20.2 at ${old}/node. ` +
        'Cure: install a Node.js of version 24 or later and put it first in PATH.\n',
    );
    const none = call(`${root}/bin/${command}`, ['--version'], bare);
    t.equal(none.status, 1);
    t.match(none.stderr, /needs Node.js 24 or later, but found none in PATH\. Cure: install/);
  }
});

t.test('the package that npm makes has commands that work', { timeout: 120_000 }, async (t) => {
  const dir = t.testdir();
  const tools = `${ROOT}/node_modules/.bin${delimiter}${BARE}`;
  const packed = call('npm', ['pack', '--cache', `${dir}/cache`, '--pack-destination', dir], tools, ROOT);
  t.equal(packed.status, 0, packed.stderr);
  const modules = `${dir}/lib/node_modules`;
  mkdirSync(`${modules}/magma`, { recursive: true });
  spawnSync('tar', ['xzf', `${dir}/magma-${manifest.version}.tgz`, '-C', `${modules}/magma`, '--strip-components=1']);
  for (const name of Object.keys(manifest.dependencies)) {
    mkdirSync(dirname(`${modules}/${name}`), { recursive: true });
    symlinkSync(`${ROOT}/node_modules/${name}`, `${modules}/${name}`);
  }
  const path = `${NODE}${delimiter}${BARE}`;
  for (const command of COMMANDS) {
    const { stdout, stderr } = call(`${modules}/magma/bin/${command}`, ['--version'], path);
    t.equal(stdout, `${command} ${manifest.version}\n`, stderr);
  }
  const checked = call(`${modules}/magma/bin/magmad`, ['--check-config', '-n', 'packed'], path);
  t.match(checked.stdout, /^nickname +packed +set by -n$/m, checked.stderr);
});

t.test('mount.magma needs no other packages to say what is wrong, and does not repeat the key', async (t) => {
  const words = ['--host=no-such-volcano.invalid', '--key=s3cret', '/mnt'];
  const { status, stderr } = call(`${ROOT}/bin/mount.magma`, words, BARE);
  t.equal(status, 32);
  t.match(stderr, /^mount\.magma: no-such-volcano\.invalid: no such host is known\. Cure: .*\n$/);
  t.notMatch(stderr, /s3cret/);
  t.match(call(`${ROOT}/bin/mount.magma`, ['--help'], BARE).stdout, /--init HOST/);
});

t.test('magma refuses what it does not know', async (t) => {
  const close = call(`${ROOT}/bin/magma`, ['rung'], BARE);
  t.match(close, { status: 2, stderr: 'magma: "rung" is not a command; did you mean ring? See magma --help\n' });
  t.match(call(`${ROOT}/bin/magma`, ['frobnicate-it'], BARE), {
    status: 2,
    stderr: /it has: ring, status, .*\. See magma --help\n$/,
  });
  t.match(call(`${ROOT}/bin/magma`, ['ring', '--jsn'], BARE), {
    status: 2,
    stderr: /^magma: ring: --jsn .*mean --json\? Usage: /,
  });
  t.match(call(`${ROOT}/bin/magma`, ['--help'], BARE).stdout, /magma check/);
});

t.test('magmad refuses bad flags with status 2, and teaches with --help', async (t) => {
  const { status, stderr } = call(`${ROOT}/bin/magmad`, ['--nfs-prot', '1'], BARE);
  t.equal(status, 2);
  t.equal(stderr, 'magmad: --nfs-prot is not a flag of magmad; did you mean --nfs-port?\n');
  const rule = call(`${ROOT}/bin/magmad`, ['--check-config', '--share', '/ * x', '--share', 'home * r'], BARE);
  t.equal(rule.status, 2);
  t.match(rule.stderr, /^magmad: --share: "x": is no permission/m);
  t.match(rule.stderr, /^magmad: --share: "home": is no absolute path/m, 'all that is wrong is told at once');
  t.match(call(`${ROOT}/bin/magmad`, ['--help'], BARE).stdout, /First steps/);
});
