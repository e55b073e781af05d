import t from 'tap';
import { TurnMemory } from './turn-memory.ts';

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

t.test('within a turn nothing is given out twice, whatever promises settle, and however much is taken', async (t) => {
  const memory = new TurnMemory(100);
  const taken: Buffer[] = [];
  for (let at = 0; at < 10; at++) {
    taken.push(memory.take(30).fill(at));
    await Promise.resolve();
  }
  t.same(
    taken.map((bytes) => bytes.equals(Buffer.alloc(30, bytes[0]))),
    taken.map(() => true),
  );
  t.same(
    taken.map((bytes) => bytes[0]),
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  );
});

t.test('the next turn gets the same memory', async (t) => {
  const memory = new TurnMemory(100);
  const first = memory.take(60);
  await nextTurn();
  const second = memory.take(60);
  t.equal(second.buffer, first.buffer);
  t.equal(second.byteOffset, first.byteOffset);
  t.not(memory.take(60).buffer, first.buffer, 'what does not fit any more has memory of its own');
  await nextTurn();
  t.equal(memory.take(100).byteOffset, first.byteOffset);
});

t.test('nothing is no memory', async (t) => {
  const memory = new TurnMemory(100);
  t.equal(memory.take(0).length, 0);
  t.equal(memory.take(100).length, 100);
});
