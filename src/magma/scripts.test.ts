import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { flagsOf } from './command.ts';
import { COMMANDS } from './commands.ts';

const DOCS = readFileSync(new URL('../../docs/magma.md', import.meta.url), 'utf8');
const MAGMA = fileURLToPath(new URL('../magma.ts', import.meta.url));

t.test('docs/magma.md says of each command what its JSON and its exit statuses are, as its help does', async (t) => {
  for (const { spec } of COMMANDS) {
    const json = flagsOf(spec).get('json')?.help ?? '-';
    const row = `| \`${spec.name}\` | ${json} | ${spec.status} |`.replaceAll('`|`', '`\\|`');
    t.ok(DOCS.includes(`\n${row}\n`), row);
  }
});

t.test('with --json what is wrong is JSON as well, whatever it is, and the status is the same', async (t) => {
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAGMA, ...words], {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, MAGMA_KEY: 'secret' },
    });
    return { status, stdout, stderr };
  };
  const mistaken = run('shares', '--json', 'astray');
  t.match(mistaken, { status: 2, stderr: '' });
  t.match(JSON.parse(mistaken.stdout), { error: /^shares: "astray" is too much/ });
  t.match(run('shares', 'astray'), { status: 2, stdout: '', stderr: /^magma: shares: "astray" is too much/ });
  const away = run('clients', '--json', '--at', '127.0.0.1:1');
  t.match(away, { status: 1, stderr: '' });
  t.match(JSON.parse(away.stdout), { error: /no volcano of the network could be reached/ });
  const none = run('key', 'client', '--json', '--data', '/nonexistent');
  t.match(none, { status: 1, stderr: '' });
  t.match(JSON.parse(none.stdout), { error: '/nonexistent: there is no such directory' });
});
