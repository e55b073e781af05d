import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { compiled, FUSE, fuseMounts } from './lib/fuse-mounts.ts';
import { Locker } from './lib/lockers.ts';
import { unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { sqliteWriters } from './lib/sqlite-writers.ts';

/* flock(2) and fcntl(2) locks of two mounts of one tree (docs/mount.magma.md, "Locks"), by processes that lock as they are told, and by SQLite. */

const options = { skip: unmet(FUSE), timeout: TEST_TIMEOUT };

async function lockers(
  t: Test,
  places: readonly number[],
): Promise<{ at: readonly string[]; said: () => string; all: Locker[] }> {
  const program = await compiled(t, 'locker');
  const { at, said } = await fuseMounts(t, { count: 2 });
  const all: Locker[] = [];
  for (const place of places) all.push(await Locker.open(t, program, join(at[place]!, 'file')));
  return { at, said, all };
}

/** Whether a process waits for FUSE to answer. */
function waitsForFuse(pid: number): boolean {
  return readFileSync(`/proc/${pid}/wchan`, 'latin1') === 'request_wait_answer';
}

t.test('processes on two mounts exclude each other, by bytes and by whole files', options, async (t) => {
  const { all, said } = await lockers(t, [0, 0, 1]);
  const [one, two, three] = all as [Locker, Locker, Locker];
  t.equal(await one.tell('set w 10 10'), 'ok');
  t.equal(await two.tell('set r 0 11'), 'EAGAIN');
  t.equal(await three.tell('set r 0 11'), 'EAGAIN');
  t.equal(await two.tell('get w 0 0'), `w 10 10 ${one.child.pid}`);
  t.equal(await three.tell('get w 0 0'), 'w 10 10 0', 'a process of another machine has no number here');
  t.equal(await three.tell('set w 20 0'), 'ok');
  t.equal(await one.tell('set u 12 4'), 'ok');
  t.equal(await three.tell('set r 12 4'), 'ok', 'split');
  t.equal(await three.tell('set r 11 5'), 'EAGAIN');
  t.equal(await one.tell('set r 10 2'), 'ok');
  t.equal(await three.tell('set r 11 5'), 'ok', 'down');
  t.equal(await one.tell('set w 10 2'), 'EAGAIN', 'and not up again');
  t.equal(await one.tell('set r 4611686018427387904 8'), 'EAGAIN', 'far out');
  for (const locker of all) t.equal(await locker.tell('flock s'), 'ok');
  t.equal(await three.tell('flock x'), 'EAGAIN');
  for (const locker of [one, two]) t.equal(await locker.tell('flock u'), 'ok');
  t.equal(await three.tell('flock x'), 'ok');
  t.equal(await one.tell('flock s'), 'EAGAIN');
  t.equal(await three.tell('reopen'), 'ok', 'who closes the file has no locks of it');
  while ((await one.tell('flock s')) !== 'ok') t.comment('the kernel does not wait for the end of an open file');
  t.equal(await one.tell('set w 0 0'), 'ok');
  t.equal(said(), 'ready\n');
});

t.test('who waits gets the lock when it is given back, or when who had it is killed', options, async (t) => {
  const { all } = await lockers(t, [0, 1, 1]);
  const [one, two, three] = all as [Locker, Locker, Locker];
  for (const [take, wait] of [
    ['set w 0 0', 'wait w 0 0'],
    ['flock x', 'flockwait x'],
  ] as const) {
    t.equal(await one.tell(take), 'ok');
    const { answer } = await two.begin(wait, waitsForFuse);
    t.equal(await three.tell(take), 'EAGAIN');
    t.equal(await one.tell(take.startsWith('set') ? 'set u 0 0' : 'flock u'), 'ok');
    t.equal(await answer, 'ok');
    t.equal(await one.tell(take), 'EAGAIN');
    await two.tell(take.startsWith('set') ? 'set u 0 0' : 'flock u');
  }
  t.equal(await two.tell('set w 0 0'), 'ok');
  t.equal(await two.tell('flock x'), 'ok');
  const { answer } = await one.begin('wait w 5 5', waitsForFuse);
  await two.end();
  t.equal(await answer, 'ok');
  t.equal(await three.tell('flockwait x'), 'ok');
});

t.test('a signal ends the wait, and then there is no lock', options, async (t) => {
  const { all } = await lockers(t, [0, 1, 1]);
  const [one, two, three] = all as [Locker, Locker, Locker];
  t.equal(await one.tell('set w 0 10'), 'ok');
  const { answer } = await two.begin('wait w 0 10', waitsForFuse);
  two.signal();
  t.equal(await answer, 'EINTR');
  t.equal(await one.tell('set u 0 10'), 'ok');
  t.equal(await three.tell('wait w 0 10'), 'ok');
});

t.test('what was written under a lock is read under the next, on the other mount', options, async (t) => {
  const { all, said } = await lockers(t, [0, 1]);
  const [one, two] = all as [Locker, Locker];
  for (let turn = 0; turn < 40; turn++) {
    const [writer, reader] = turn % 2 === 0 ? [one, two] : [two, one];
    t.equal(await writer.tell('wait w 0 0'), 'ok');
    t.equal(await writer.tell(`write turn-${String(turn).padStart(3, '0')}`), 'ok');
    t.equal(await writer.tell('set u 0 0'), 'ok');
    t.equal(await reader.tell('wait r 0 0'), 'ok');
    t.equal(await reader.tell('read'), `turn-${String(turn).padStart(3, '0')}`);
    t.equal(await reader.tell('set u 0 0'), 'ok');
  }
  t.equal(said(), 'ready\n');
});

t.test('SQLite on both mounts at once: all rows of both are there, and the file is sound', options, async (t) => {
  const { at, said } = await fuseMounts(t, { count: 2 });
  await sqliteWriters(
    t,
    at.map((directory) => join(directory, 'db')),
    60,
  );
  t.equal(said(), 'ready\n');
});
