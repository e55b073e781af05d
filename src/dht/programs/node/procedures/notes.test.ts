import t from 'tap';
import { MemoryNotes } from '../../../../flare/testing/memory-notes.ts';
import { pageOfNotes } from '../notes.ts';
import { served } from '../testing/served.ts';
import { NOTES_BYTES_MAX, NOTES_MAX } from './notes.ts';

t.test('NOTES: all of them, in pages that are bounded by number and by bytes', async (t) => {
  const notes = new MemoryNotes();
  await notes.setNote('other', Buffer.from('x'));
  const large = 2 * Math.floor(NOTES_BYTES_MAX / 65_536);
  for (let at = 0; at < NOTES_MAX + 1; at++) await notes.setNote(`a/${String(at).padStart(4, '0')}`, Buffer.from([at]));
  for (let at = 0; at < large; at++) await notes.setNote(`b/${String(at).padStart(4, '0')}`, Buffer.alloc(65_536, at));
  let prefix = '';
  const node = await served(t, {
    notes: (after, known) =>
      known === 9 ? { version: 9, notes: [], end: true } : { version: 9, ...pageOfNotes(notes.notes(prefix), after) },
  });
  for (const [chosen, first] of [
    ['a/', NOTES_MAX],
    ['b/', large / 2 - 1],
    ['none/', 0],
  ] as const) {
    const found = new Map<string, Buffer>();
    prefix = chosen;
    let page = await node.notes('', 0);
    t.equal(page.version, 9);
    t.ok(page.notes.length <= NOTES_MAX && page.notes.length >= first, `${page.notes.length} notes at first`);
    for (;;) {
      for (const { name, value } of page.notes) found.set(name, value);
      if (page.end) break;
      page = await node.notes(page.notes.at(-1)!.name, 0);
    }
    t.strictSame(found, notes.notes(prefix));
  }
  t.strictSame(
    await node.notes('', 9),
    { version: 9, notes: [], end: true },
    'who has them is told that nothing has changed',
  );
});

t.test('SETNOTE: sets and removes', async (t) => {
  const seen: unknown[] = [];
  const node = await served(t, { setNote: (...args) => void seen.push(args) });
  await node.setNote('rule/x', Buffer.from('value'));
  await node.setNote('rule/x', null);
  t.strictSame(seen, [
    ['rule/x', Buffer.from('value')],
    ['rule/x', null],
  ]);
});
