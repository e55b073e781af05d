import { readFileSync } from 'node:fs';
import t from 'tap';
import { ALL_COMMANDS as COMMANDS } from '../magma-commands.ts';
import { flagsOf } from './command.ts';
import { HELP_WIDTH, helpOf, overview } from './help.ts';
import { readWords } from './options.ts';

t.test('every command has a help that names all its flags and statuses, and fits a terminal', async (t) => {
  const page = overview(COMMANDS.map(({ spec }) => spec));
  const table = readFileSync(new URL('../../docs/magma.md', import.meta.url), 'utf8');
  for (const { spec } of COMMANDS) {
    const help = helpOf(spec);
    t.match(table, new RegExp(`^\\| \`magma ${spec.name}\\b`, 'm'), `docs/magma.md has ${spec.name}`);
    t.ok(help.startsWith(`magma ${spec.name}: `), spec.name);
    t.match(help, /^Exit status: 0 .*2/ms, `${spec.name} says what its statuses mean`);
    for (const name of flagsOf(spec).keys()) t.match(help, new RegExp(`--${name}\\b`), `${spec.name} --${name}`);
    for (const line of help.split('\n')) {
      if (!/^(Usage: | {7}magma )/.test(line)) t.ok(line.length <= HELP_WIDTH, `${spec.name}: ${line}`);
    }
    t.match(page, new RegExp(`^  magma ${spec.name} +${spec.brief.slice(0, 8).replace(/\W/g, '.')}`, 'm'));
  }
  for (const line of page.split('\n')) t.ok(line.length <= HELP_WIDTH, line);
  t.equal(new Set(COMMANDS.map(({ spec }) => spec.name)).size, COMMANDS.length, 'no name twice');
});

t.test('no flag of a command has the letter of another one', async (t) => {
  for (const { spec } of COMMANDS) {
    const letters = [...flagsOf(spec).values()].flatMap(({ short }) => (short === undefined ? [] : [short]));
    t.equal(new Set(letters).size, letters.length, `${spec.name}: ${letters.join(' ')}`);
  }
});

t.test('a flag that nearly is one is told, one that is none is too, and no key is repeated', async (t) => {
  const { spec } = COMMANDS[0]!;
  t.throws(() => readWords(spec, ['--jsn']), {
    name: 'UsageError',
    message: /--jsn is not a flag of it; did you mean --json\?/,
  });
  t.throws(() => readWords(spec, ['-9']), {
    name: 'UsageError',
    message: /^ring: -9 is not a flag of it\. Usage: magma ring/,
  });
  t.throws(() => readWords(spec, ['--at']), { name: 'UsageError', message: /--at.*argument missing/ });
});
