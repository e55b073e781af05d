import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import Database from 'better-sqlite3';
import t from 'tap';
import { openDisk } from '../src/base/system-disk.ts';
import { openStore } from '../src/flare/store/open.ts';
import { type Caller, FlareType } from '../src/flare/types.ts';

const MAGMA = fileURLToPath(new URL('../bin/magma', import.meta.url));
const root: Caller = { uid: 0, gid: 0, gids: [] };

/** `magma check`. */
function check(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(MAGMA, ['check', ...args], { encoding: 'utf8' });
}

/** A data directory with a small tree in it that has seen every kind of change. */
async function fill(path: string): Promise<void> {
  const store = await openStore({ disk: await openDisk(path), boot: true });
  const top = store.root();
  const one = await store.create(root, top, 'one', { type: FlareType.directory, mode: 0o755 });
  const two = await store.create(root, one, 'two', { type: FlareType.directory, mode: 0o755 });
  const data = await store.create(root, two, 'data', { type: FlareType.file, mode: 0o644 });
  await store.write(root, data, 100_000, Buffer.alloc(5000, 1));
  await store.link(root, data, top, 'again');
  await store.rename(root, one, 'two', top, 'moved');
  await store.create(root, top, 'gone', { type: FlareType.file, mode: 0o644 });
  await store.remove(root, top, 'gone');
  await store.close();
}

t.test('a directory that was used and closed is sound, and stays so', async (t) => {
  const path = t.testdir();
  await fill(path);
  const first = check('--json', path);
  t.equal(first.status, 0, first.stdout + first.stderr);
  t.match(JSON.parse(first.stdout), { sound: true, flares: 4, differences: [], faults: [], notices: [] });
  t.notOk(
    readdirSync(path).some((name) => name.startsWith('check')),
    'it leaves nothing behind',
  );
  t.match(check(path), { status: 0, stdout: /^4 flares, .*\nsound\n$/ });
});

t.test('what cannot be checked is said, and nothing is made', async (t) => {
  const path = t.testdir({ empty: {}, file: '' });
  t.match(check(`${path}/nowhere`), { status: 1, stderr: /nowhere: there is no such directory/ });
  t.notOk(existsSync(`${path}/nowhere`));
  t.match(check(`${path}/empty`), { status: 1, stderr: /there is no network/ });
  t.match(check(`${path}/file`), { status: 1, stderr: /it is not a directory/ });
  t.match(check(), { status: 2, stderr: /it takes one data directory\. Usage/ });
  t.match(check('--jsno', path), { status: 2, stderr: /--jsno.*Usage/s });
  const inUse = await openStore({ disk: await openDisk(`${path}/used`), boot: true });
  t.match(check(`${path}/used`), { status: 1, stderr: /is in use/ });
  await inUse.close();
});

t.test('an index that does not say what the log does is a problem', async (t) => {
  const path = t.testdir();
  await fill(path);
  const index = new Database(join(path, 'index.sqlite'));
  index.exec("UPDATE entries SET name = x'6f7468' WHERE name = CAST('again' AS BLOB)");
  index.close();
  t.match(check(path), { status: 1, stdout: /^PROBLEM: the index does not say what the log does, in entries: /m });
});

t.test('rot in the log is named with its place', async (t) => {
  const path = t.testdir();
  await fill(path);
  const segment = join(path, 'kml', readdirSync(join(path, 'kml')).sort()[0]!);
  const bytes = readFileSync(segment);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(segment, bytes);
  t.match(check(path), { status: 1, stderr: /00000001\.seg is damaged at byte \d+/ });
});

t.test('the help says that a check writes, and it does as it says: a new segment is begun', async (t) => {
  const path = t.testdir();
  await fill(path);
  const segments = (): number => readdirSync(join(path, 'kml')).length;
  const before = segments();
  t.equal(check(path).status, 0);
  t.equal(segments(), before + 1);
  t.match(check('--help').stdout, /not opened read-only, but as a start opens it/);
});
