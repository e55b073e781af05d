import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { pages } from '../man/build.ts';
import { escaped, prose } from '../man/mdoc.ts';
import { parseOptions } from '../src/acl/options.ts';
import { ALL_COMMANDS } from '../src/magma-commands.ts';
import { SETTINGS, type Setting } from '../src/magmad/settings.ts';
import { SETTINGS as MOUNT_SETTINGS } from '../src/mount-magma/settings.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';

const MAN = fileURLToPath(new URL('../man/', import.meta.url));

t.test('the pages are those that the tables and their sources give, and npm installs them', async (t) => {
  const all = pages();
  for (const [name, text] of all) {
    t.equal(readFileSync(`${MAN}${name}`, 'utf8'), text, `man/${name} is old. Cure: npm run man`);
    for (const title of ['NAME', 'DESCRIPTION', 'EXAMPLES', 'FILES', 'SEE ALSO'])
      t.ok(text.includes(`\n.Sh ${title}\n`), `${name} has ${title}`);
    if (/\.[18]$/.test(name)) t.ok(text.includes('\n.Sh EXIT STATUS\n'), `${name} has EXIT STATUS`);
  }
  const { man, files } = JSON.parse(readFileSync(`${MAN}../package.json`, 'utf8')) as Record<string, string[]>;
  t.same(man, [...all.keys()].map((name) => `man/${name}`).sort());
  for (const name of all.keys()) t.ok(files!.includes(`man/*.${name.at(-1)}`), name);
});

t.test(
  'man shows every page without a warning, as wide as a terminal is',
  {
    skip: unmet({ commands: { man: 'man-db', groff: 'groff-base' } }),
  },
  async (t) => {
    const shown = new Map<string, string>();
    for (const name of pages().keys()) {
      const env = { LC_ALL: 'C.UTF-8', MANROFFSEQ: '', MANWIDTH: '80', MAN_KEEP_FORMATTING: '' };
      const { status, stdout, stderr } = await run('man', ['--warnings', '-E', 'UTF-8', '-l', `${MAN}${name}`], {
        env,
      });
      t.equal(status, 0, name);
      t.equal(stderr, '', name);
      const text = Buffer.from(stdout, 'latin1').toString('utf8');
      shown.set(name, text);
      for (const line of text.split('\n')) if (line.length > 80) t.fail(`${name}: ${line}`);
      t.notMatch(text, /\\[(-]/, `${name}: nothing is shown of mdoc itself`);
    }
    const magma = shown.get('magma.1')!;
    for (const { spec } of ALL_COMMANDS) {
      t.match(magma, new RegExp(`^ {3}magma ${spec.name}$`, 'm'));
      for (const flag of Object.keys(spec.flags)) t.ok(magma.includes(`--${flag}`), `${spec.name} --${flag}`);
    }
    for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
      t.match(shown.get('magmad.8')!, new RegExp(`^ +(-., )?--${name}( |$)`, 'm'));
      if (setting.only !== 'flag') t.match(shown.get('magmad.toml.5')!, new RegExp(`^ {5}${name} \\(`, 'm'));
    }
    for (const name of Object.keys(MOUNT_SETTINGS))
      t.match(shown.get('mount.magma.8')!, new RegExp(`^ {5}${name}(=| |$)`, 'm'));
  },
);

t.test('the options of rules in magma-shares(5) are options', async (t) => {
  const lines = pages().get('magma-shares.5')!.split('\n.Ss Options\n')[1]!.split('\n.El\n')[0]!.split('\n');
  const named = lines
    .filter((line) => line.startsWith('.It Cm '))
    .flatMap((line) => line.slice(7).split(/ , (?:Cm )?/))
    .map((option) => option.replace(' Ns = Ns Ar ', '='));
  t.ok(named.length >= 18);
  const values: Readonly<Record<string, string>> = { N: '8192', 'A-B+C-D': '1-2+5-6' };
  for (const option of named) {
    const text = option.replace(/=(.*)/, (_, value: string) => `=${values[value]}`);
    t.notOk(Array.isArray(parseOptions(text, text === 'ro' ? 'r' : 'w')), text);
  }
});

t.test('text is shown as it is, whatever is in it', async (t) => {
  t.equal(escaped('a \\ b ^C `x` "y" ~'), 'a \\e b \\(haC \\(gax\\(ga \\(dqy\\(dq \\(ti');
  t.equal(escaped('say --no-wait, or -q, not half-way'), 'say \\-\\-no\\-wait, or \\-q, not half-way');
  t.same(prose('.dht is one. It ends.'), ['\\&.dht is one.', 'It ends.']);
});
