import t from 'tap';
import { silentLogger } from '../base/logger.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import { MemoryNotes } from '../flare/testing/memory-notes.ts';
import { MOUNTS_MAX, MOUNTS_PER_CLIENT_MAX, MountList } from './mount-list.ts';

function open(notes = new MemoryNotes(), clock = manualClock(), logger = silentLogger) {
  return { list: new MountList(notes, clock, logger), notes, clock };
}

t.test('the list survives a restart, in its order', async (t) => {
  const { list, notes, clock } = open();
  for (const [client, path] of [
    ['fd00::1', '/b'],
    ['10.0.0.1', '/a b/\xff'],
    ['10.0.0.1', `/${'\xfe'.repeat(1000)}`],
  ] as const) {
    clock.advance(5);
    await list.add({ client, path });
  }
  t.same(open(notes).list.list(), list.list());
  t.equal(list.list().length, 3);
});

t.test('a known mount costs no write', async (t) => {
  const { list, notes } = open();
  await list.add({ client: '10.0.0.1', path: '/a' });
  notes.setNote = () => Promise.reject(new Error('a write'));
  await list.add({ client: '10.0.0.1', path: '/a' });
  t.equal(list.list().length, 1);
});

t.test('removing takes away one entry, or all of a client, for good', async (t) => {
  const { list, notes } = open();
  for (const [client, path] of [
    ['10.0.0.1', '/a'],
    ['10.0.0.1', '/b'],
    ['10.0.0.2', '/a'],
  ] as const)
    await list.add({ client, path });
  t.equal(await list.remove({ client: '10.0.0.1', path: '/c' }), false);
  t.equal(await list.remove({ client: '10.0.0.1', path: '/a' }), true);
  t.same(open(notes).list.list().length, 2);
  t.equal(await list.removeAll('10.0.0.1'), 1);
  t.same(open(notes).list.list(), [{ client: '10.0.0.2', path: '/a' }]);
});

t.test('bounds: entries in all and of one client, the oldest goes (MOUNTS_MAX, MOUNTS_PER_CLIENT_MAX)', async (t) => {
  const { list, notes } = open();
  await list.add({ client: 'first', path: '/' });
  for (let at = 0; at <= MOUNTS_PER_CLIENT_MAX; at++) await list.add({ client: 'greedy', path: `/${at}` });
  t.equal(list.list().length, MOUNTS_PER_CLIENT_MAX + 1);
  t.same(list.list()[0], { client: 'first', path: '/' }, 'a greedy client pushes out none but its own');
  t.same(list.list()[1], { client: 'greedy', path: '/1' });
  for (let at = 0; at < MOUNTS_MAX; at++) await list.add({ client: `c${at}`, path: '/' });
  t.equal(list.list().length, MOUNTS_MAX);
  t.same(list.list()[0], { client: 'c0', path: '/' });
  t.equal(notes.notes('mount/').size, MOUNTS_MAX, 'the notes are bounded too');
});

t.test('when notes cannot be written the list lives in memory, and the log says so', async (t) => {
  const lines: string[] = [];
  const notes = new MemoryNotes();
  notes.setNote = () => Promise.reject(new Error('NOSPC'));
  const logger = { ...silentLogger, warn: (_: object, line: string) => void lines.push(line) };
  const { list } = open(notes, manualClock(), logger);
  await list.add({ client: '10.0.0.1', path: '/a' });
  t.equal(list.list().length, 1);
  t.match(lines, [/mount list was not written/]);
});
