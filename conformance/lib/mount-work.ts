import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import type { Test } from 'tap';
import { compiled } from './fuse-mounts.ts';
import { run } from './run.ts';
import { seeded, TEST_TIMEOUT } from './seed.ts';

/* What is done on a mount, whatever is behind it, and what must come of it. */

/** Makes 40 directories with so many files each, all at once, and looks whether they are there, whole, once. */
export async function manyFiles(t: Test, root: string, each = 50): Promise<void> {
  const { random } = seeded((line) => t.comment(line));
  const made = new Map<string, Buffer>();
  for (let directory = 0; directory < 40; directory++) {
    const path = join(root, `d${directory % 8}`, `e${directory}`);
    fs.mkdirSync(path, { recursive: true });
    for (let file = 0; file < each; file++) {
      made.set(join(path, `f${file}`), random.bytes(random.below(random.below(10) === 0 ? 20_000 : 300)));
    }
  }
  await Promise.all([...made].map(([path, bytes]) => fs.promises.writeFile(path, bytes)));
  const found = fs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  t.same(found.map((entry) => join(entry.parentPath, entry.name)).sort(), [...made.keys()].sort());
  let different = 0;
  for (const [path, bytes] of made) if (!fs.readFileSync(path).equals(bytes)) different++;
  t.equal(different, 0);
  t.equal(fs.statSync(join(root, 'd0')).nlink, 2 + 5, 'a directory counts those in it');
  t.match(fs.statfsSync(root), { bsize: 4096 });
  t.equal(spawnSync('rm', ['-r', join(root, 'd3')]).status, 0);
  t.notOk(fs.existsSync(join(root, 'd3')));
}

/** Random reads, writes, mapped ones, cuts and appends against a twin in memory; first in a directory of this machine, where the twin is right. */
export async function randomIo(t: Test, root: string, count: number): Promise<void> {
  const fsx = await compiled(t, 'fsx');
  const { seed } = seeded((line) => t.comment(line));
  for (const directory of [t.testdirName, root]) {
    const changes = directory === root ? count : 1000;
    const ran = await run(fsx, [join(directory, 'file'), String(seed), String(changes)], { timeoutMs: TEST_TIMEOUT });
    t.equal(ran.status, 0, `${directory === root ? 'mounted' : 'local'}: ${ran.stderr}`);
  }
}

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

/** SQLite with its own locking: several processes on one mount, or on several of the same directory, that each take what they found for as long as they hold the lock. */
export async function sqliteAdders(t: Test, roots: readonly string[], mode: 'delete' | 'wal'): Promise<void> {
  const [root] = roots as [string];
  const file = join(root, 'db');
  const database = new Database(file);
  t.equal(database.pragma(`journal_mode = ${mode}`, { simple: true }), mode);
  database.exec('CREATE TABLE counter (n INTEGER); INSERT INTO counter VALUES (0); CREATE TABLE line (text TEXT)');
  database.close();
  const sqlite = createRequire(import.meta.url).resolve('better-sqlite3');
  const [processes, each] = [3, 40];
  const adders = Array.from({ length: processes }, async (_, number) => {
    const path = join(roots[number % roots.length]!, 'db');
    const env = { PATH: process.env.PATH };
    const child = spawn(process.execPath, ['-e', ADDER, sqlite, path, String(each)], { env, stdio: 'inherit' });
    return (await once(child, 'close'))[0];
  });
  t.same(await Promise.all(adders), [0, 0, 0]);
  for (const directory of roots) {
    const after = new Database(join(directory, 'db'));
    t.same(after.prepare('SELECT n FROM counter').get(), { n: processes * each }, directory);
    t.same(after.prepare('SELECT count(*) AS n FROM line').get(), { n: processes * each }, directory);
    t.equal(after.pragma('integrity_check', { simple: true }), 'ok');
    after.close();
  }
}

/** git and a build of this project. */
export async function cloneAndBuild(t: Test, directory: string): Promise<void> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
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
  const ran = await run('sh', ['-c', script], { cwd: directory, timeoutMs: TEST_TIMEOUT });
  t.equal(ran.status, 0, ran.stdout + ran.stderr);
  t.same(fs.readdirSync(directory), ['all.tar']);
}

/** Two mounts of the same files: what one closes the other opens, appends are all there, and what is gone is an honest error. */
export async function sharedFiles(t: Test, one: string, other: string): Promise<void> {
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
}

/** Two mounts write into the same blocks, each byte by one of them: none is lost. */
export async function sharedBlocks(t: Test, one: string, other: string): Promise<void> {
  const [bytes, step] = [9000, 61];
  fs.writeFileSync(join(one, 'blocks'), Buffer.alloc(bytes, '.'));
  const writer = async (directory: string, first: number, letter: string): Promise<void> => {
    const file = await fs.promises.open(join(directory, 'blocks'), 'r+');
    for (let at = first; at < bytes; at += 2 * step) await file.write(letter, at);
    await file.close();
  };
  await Promise.all([writer(one, 0, 'a'), writer(other, step, 'b'), writer(one, 1, 'c'), writer(other, step + 1, 'd')]);
  const wanted = Buffer.alloc(bytes, '.');
  for (let at = 0; at < bytes; at += 2 * step) {
    for (const [more, letter] of [
      [0, 'a'],
      [step, 'b'],
      [1, 'c'],
      [step + 1, 'd'],
    ] as const) {
      if (at + more < bytes) wanted.write(letter, at + more);
    }
  }
  for (const directory of [one, other]) t.ok(fs.readFileSync(join(directory, 'blocks')).equals(wanted), directory);
}
