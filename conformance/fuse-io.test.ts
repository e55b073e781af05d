import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import t from 'tap';
import { compiled, FUSE, fuseMounts } from './lib/fuse-mounts.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { long, seeded, TEST_TIMEOUT } from './lib/seed.ts';

/* Reads and writes on a real mount against what they should give. */

const options = { skip: unmet(FUSE), timeout: TEST_TIMEOUT };

t.test('random reads, writes, mapped ones, cuts and appends against a twin in memory', options, async (t) => {
  const fsx = await compiled(t, 'fsx');
  const { seed } = seeded((line) => t.comment(line));
  const { at, said } = await fuseMounts(t);
  // On a local file first: the twin is right.
  for (const directory of [t.testdirName, at[0]!]) {
    const count = directory === at[0] ? (long ? 30_000 : 3000) : 1000;
    const ran = await run(fsx, [join(directory, 'file'), String(seed), String(count)], { timeoutMs: TEST_TIMEOUT });
    t.equal(ran.status, 0, `${directory === at[0] ? 'mounted' : 'local'}: ${ran.stderr}`);
  }
  t.equal(said(), 'ready\n');
});

/** A process that adds 1 to a number in an SQLite file, so many times. */
const ADDER = `
const Database = require(process.argv[1]);
const database = new Database(process.argv[2], { timeout: 60000 });
const add = database.transaction(() => {
  const { n } = database.prepare('SELECT n FROM counter').get();
  database.prepare('UPDATE counter SET n = ?').run(n + 1);
  database.prepare('INSERT INTO line (text) VALUES (?)').run('x'.repeat(n * 7 % 3000));
});
for (let count = 0; count < Number(process.argv[3]); count++) add.immediate();
database.close();
`;

for (const mode of ['delete', 'wal'] as const) {
  t.test(`SQLite with its own locking, several processes, journal mode ${mode}`, options, async (t) => {
    const { at, said } = await fuseMounts(t);
    const file = join(at[0]!, 'db');
    const database = new Database(file);
    t.equal(database.pragma(`journal_mode = ${mode}`, { simple: true }), mode);
    database.exec('CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0); CREATE TABLE line (text TEXT)');
    database.close();
    const sqlite = createRequire(import.meta.url).resolve('better-sqlite3');
    const [processes, each] = [3, 40];
    const adders = Array.from({ length: processes }, async () => {
      const env = { PATH: process.env.PATH };
      const child = spawn(process.execPath, ['-e', ADDER, sqlite, file, String(each)], { env, stdio: 'inherit' });
      return (await once(child, 'close'))[0];
    });
    t.same(await Promise.all(adders), [0, 0, 0]);
    const after = new Database(file);
    t.same(after.prepare('SELECT n FROM counter').get(), { n: processes * each });
    t.same(after.prepare('SELECT count(*) AS n FROM line').get(), { n: processes * each });
    t.equal(after.pragma('integrity_check', { simple: true }), 'ok');
    after.close();
    t.equal(said(), 'ready\n');
  });
}

t.test(
  'a project is cloned, built, committed to and packed there',
  { ...options, skip: options.skip || (!long && 'only in test:long') },
  async (t) => {
    const { at, said } = await fuseMounts(t);
    const root = fileURLToPath(new URL('..', import.meta.url));
    const script = `
      set -e; unset NODE_OPTIONS
      git -c safe.directory='*' clone -q --no-hardlinks "file://${root}" repo && cd repo
      git config user.name t && git config user.email t@example.org
      ln -s "${root}node_modules" node_modules
      node_modules/.bin/tsc -p .
      for i in 1 2 3 4 5; do echo $i >> README.md; git commit -qam "change $i"; done
      git rebase -q HEAD~3 && git gc -q --prune=now && git fsck --strict
      test -z "$(git status --porcelain --untracked-files=no)"
      tar cf ../all.tar . && tar df ../all.tar && cd .. && rm -r repo`;
    const ran = await run('sh', ['-c', script], { cwd: at[0]!, timeoutMs: TEST_TIMEOUT });
    t.equal(ran.status, 0, ran.stdout + ran.stderr);
    t.same(fs.readdirSync(at[0]!), ['all.tar']);
    t.equal(said(), 'ready\n');
  },
);

t.test('two mounts at once on the same files', options, async (t) => {
  const { at, said } = await fuseMounts(t, { count: 2 });
  const [one, other] = at as [string, string];
  // Close to open: what was written before the one closed is there when the other opens, whatever was cached.
  for (let count = 0; count < 20; count++) {
    // Sometimes as long as before, sometimes not; and he who reads has not written just now.
    const text = `${'y'.repeat(100 * (count >> 1))} ${count + 10}`;
    const [from, to] = count < 10 ? [one, other] : [other, one];
    fs.writeFileSync(join(from, 'a'), text);
    t.equal(fs.readFileSync(join(to, 'a'), 'utf8'), text, String(count));
  }
  // Both append at once; each line is there, whole.
  const append = (directory: string, who: string): Promise<unknown> => {
    const script = `i=0; while [ $i -lt 150 ]; do echo "${who} $i"; i=$((i+1)); done >> "${directory}/log"`;
    return run('sh', ['-c', script]);
  };
  fs.writeFileSync(join(one, 'log'), '');
  await Promise.all([append(one, 'one'), append(other, 'other'), append(other, 'third')]);
  const lines = fs.readFileSync(join(one, 'log'), 'utf8').trim().split('\n');
  const wanted = ['one', 'other', 'third'].flatMap((who) => Array.from({ length: 150 }, (_, at) => `${who} ${at}`));
  t.same(lines.sort(), wanted.sort());
  // Removed by the other while it is open here: an honest error.
  const fd = fs.openSync(join(one, 'a'), 'r+');
  fs.unlinkSync(join(other, 'a'));
  const stale = t.throws(() => fs.writeSync(fd, 'x')) as NodeJS.ErrnoException;
  t.equal(stale.errno, -constants.errno.ESTALE);
  fs.closeSync(fd);
  t.equal(said(), 'ready\n');
});
