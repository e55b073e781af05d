import t from 'tap';
import { MemoryNotes } from '../../flare/testing/memory-notes.ts';
import { isPaused, MOVES_KEPT, type MoveNote, moveText, PAUSED_NOTE, readMoves, withMove } from './moves.ts';

const MOVE: MoveNote = {
  ...{ at: 1_795_312_800_000_000, from: 'gromit', to: 'penguin', first: 12, count: 1, why: 'room' },
  ...{ before: 0.05, after: 0.12, end: null },
};

t.test('The last moves are kept, newest first; how one ended is told in its place', async (t) => {
  let note: Buffer | null = null;
  for (let n = 0; n < MOVES_KEPT + 3; n++) note = withMove(note, { ...MOVE, at: n });
  const moves = readMoves(withMove(note, { ...MOVE, at: MOVES_KEPT + 2, end: 'done' }));
  t.same(
    moves.map(({ at, end }) => [at, end]),
    Array.from({ length: MOVES_KEPT }, (_, n) => [MOVES_KEPT + 2 - n, n === 0 ? 'done' : null]),
  );
});

t.test('What is no move is left out, and what is no list is none', async (t) => {
  const wrong: unknown[] = [
    ...[null, 7, 'x', {}, { ...MOVE, from: 'a b' }, { ...MOVE, why: 'fun' }, { ...MOVE, first: 0.5 }],
    ...[
      { ...MOVE, before: 2 },
      { ...MOVE, end: '\u001b[2J' },
      { ...MOVE, end: 'e'.repeat(161) },
      { ...MOVE, at: -1 },
    ],
  ];
  t.same(readMoves(Buffer.from(JSON.stringify([...wrong, MOVE]))), [MOVE]);
  for (const text of ['', '{', '{}', 'null']) t.same(readMoves(Buffer.from(text)), []);
  t.same(readMoves(null), []);
});

t.test('A move is told with its reason and figures; a pause is a note', async (t) => {
  t.equal(
    moveText(MOVE),
    '2026-11-22 02:00:00 UTC: slice 12, gromit to penguin: 5% of the disk of gromit was free, 12% without them; begun',
  );
  const notes = new MemoryNotes();
  t.notOk(isPaused(notes));
  await notes.setNote(PAUSED_NOTE, Buffer.from('1'));
  t.ok(isPaused(notes));
});
