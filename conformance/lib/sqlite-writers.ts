import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import Database from 'better-sqlite3';
import type { Test } from 'tap';

/** Adds rows to an SQLite file, each in a transaction of its own, with how many there were before. */
const WRITER = `
  const [module, file, name, count] = process.argv.slice(1);
  const Database = require(module);
  const db = new Database(file, { timeout: 60000 });
  const insert = db.prepare('INSERT INTO rows VALUES (?, ?, ?)');
  for (let at = 0; at < Number(count); at++) {
    db.transaction(() => {
      const before = db.prepare('SELECT count(*) FROM rows').pluck().get();
      insert.run(name, at, before);
    }).immediate();
  }`;

/**
 * One SQLite file, by its paths on several mounts: a process on each adds so many rows, all at once. Whatever the mounts, all rows are there afterwards, each was added to all that were before it, and the
 * file is sound.
 */
export async function sqliteWriters(t: Test, paths: readonly string[], rows: number): Promise<void> {
  const setup = new Database(paths[0]!);
  setup.exec('CREATE TABLE rows (name TEXT, at INTEGER, before INTEGER UNIQUE)');
  setup.close();
  const sqlite = createRequire(import.meta.url).resolve('better-sqlite3');
  const writers = paths.map((file, number) => {
    const words = ['-e', WRITER, sqlite, file, `writer ${number}`, String(rows)];
    const child = spawn(process.execPath, words, { env: { PATH: process.env.PATH }, stdio: 'inherit' });
    t.teardown(() => child.kill('SIGKILL'));
    return once(child, 'exit');
  });
  for (const ended of await Promise.all(writers)) t.same(ended, [0, null]);
  for (const file of paths) {
    const found = new Database(file);
    t.equal(found.pragma('integrity_check', { simple: true }), 'ok');
    t.same(
      found.prepare('SELECT name, count(*), max(at) FROM rows GROUP BY name ORDER BY name').raw().all(),
      paths.map((_, number) => [`writer ${number}`, rows, rows - 1]),
    );
    const all = paths.length * rows;
    t.equal(found.prepare('SELECT max(before) FROM rows').pluck().get(), all - 1, 'each saw all that were before it');
    found.close();
  }
}
