import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ALL_COMMANDS } from '../src/magma-commands.ts';
import { SETTINGS } from '../src/magmad/settings.ts';
import { SETTINGS as MOUNT_SETTINGS } from '../src/mount-magma/settings.ts';
import { unmet } from './lib/requirements.ts';
import { Tmux } from './lib/tmux.ts';

const BIN = fileURLToPath(new URL('../bin', import.meta.url));

function script(shell: string): string {
  const { status, stdout, stderr } = spawnSync(`${BIN}/magma`, ['completion', shell], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
  return stdout;
}

t.test('bash completes commands, flags, values and files, as a bash does that has read it', async (t) => {
  const dir = t.testdir({ 'a file': '', 'a directory': {}, 'magma.bash': script('bash') });
  /** What is proposed for the last word. */
  const proposed = (...words: string[]): string[] => {
    const code = `source magma.bash; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
      read -ra how < <(complete -p "$1"); \${how[2]} "$1"; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const ran = spawnSync('bash', ['--norc', '-c', code, 'bash', ...words], { cwd: dir, encoding: 'utf8' });
    t.equal(ran.stderr.replace(/.*compopt: not currently.*\n/g, ''), '');
    return ran.stdout.split('\n').filter((line) => line !== '');
  };
  t.same(proposed('magma', ''), [...ALL_COMMANDS.map(({ spec }) => spec.name), 'help']);
  t.same(proposed('magma', 'ta'), ['takeover']);
  t.same(proposed('magma', 'takeover', '--acc'), ['--accept-loss']);
  t.same(proposed('magma', 'ls', '--key-file', 'a').sort(), ['a directory', 'a file']);
  t.same(proposed('magma', 'ls', '--key-file', '=', 'a d'), ['a directory'], '--flag=value is three words');
  t.same(proposed('magma', 'check', 'a'), ['a directory']);
  t.same(proposed('magma', 'put', 'a').sort(), ['a directory', 'a file']);
  t.same(proposed('magma', 'ring', '--at', ''), [], 'nothing is made up');
  t.same(proposed('magma', 'key', ''), ['client', 'revoke', 'list', 'rotate']);
  t.same(proposed('magma', 'balance', '--p'), ['--pause']);
  t.same(proposed('magma', 'completion', 'b'), ['bash']);
  t.same(proposed('magma', 'nonsense', '-'), []);
  t.same(proposed('magmad', '--portmap', ''), ['own', 'system', 'auto', 'off']);
  t.same(proposed('magmad', '-d', 'a'), ['a directory']);
  t.same(
    proposed('magmad', '--'),
    Object.keys(SETTINGS).map((name) => `--${name}`),
  );
  const flags = proposed('mount.magma', '--');
  for (const name of Object.keys(MOUNT_SETTINGS)) t.ok(flags.includes(`--${name.replaceAll('_', '-')}`), name);
  t.same(proposed('mount.magma', '--keyfile', 'a').sort(), ['a directory', 'a file']);
  t.same(proposed('mount.magma', 'a'), ['a directory']);
});

t.test('at the prompt of a real bash, with TAB', { skip: unmet({ commands: { tmux: 'tmux' } }) }, async (t) => {
  const dir = t.testdir({ 'magma.bash': script('bash') });
  mkdirSync(`${dir}/data directory`);
  writeFileSync(`${dir}/data file`, '');
  const tmux = await Tmux.open(t, { PATH: `${BIN}:${process.env.PATH}` });
  await tmux.run(`cd '${dir}'; source magma.bash`);
  const typed = async (text: string, shown: RegExp): Promise<void> => {
    const from = tmux.written.length;
    tmux.type(text);
    tmux.key('Tab');
    await tmux.shows(shown, from);
    t.pass(text);
    tmux.key('C-u');
  };
  await typed('magma sup', /magma support-bundle /);
  await typed('magma takeover --acc', /--accept-loss /);
  await typed('magma check da', /magma check data\\ directory\//);
});

t.test('the scripts for zsh and fish name every command and flag', async (t) => {
  const zsh = script('zsh');
  const fish = script('fish');
  t.match(zsh, /^#compdef magma magmad mount\.magma\n/);
  for (const { spec } of ALL_COMMANDS) {
    t.ok(zsh.includes(`\n      ${spec.name}) _arguments`), spec.name);
    t.ok(fish.includes(`__fish_use_subcommand -a ${spec.name} `), spec.name);
    for (const name of Object.keys(spec.flags)) {
      t.match(zsh, new RegExp(`--${name}\\b`));
      t.ok(fish.includes(`__fish_seen_subcommand_from ${spec.name}' -l ${name} `), `${spec.name} --${name}`);
    }
  }
  for (const name of Object.keys(SETTINGS)) t.ok(fish.includes(`complete -c magmad -l ${name} `), name);
});
