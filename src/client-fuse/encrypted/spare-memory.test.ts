import t from 'tap';
import { SPARE_BYTES_LEAST, SpareMemory } from './spare-memory.ts';

t.test('memory is used again when it has been given back, and by one at a time', async (t) => {
  const spare = new SpareMemory();
  const first = spare.take(SPARE_BYTES_LEAST);
  const second = spare.take(SPARE_BYTES_LEAST);
  t.not(first.buffer, second.buffer);
  spare.giveBack(first);
  t.equal(spare.take(SPARE_BYTES_LEAST).buffer, first.buffer);
  t.not(spare.take(SPARE_BYTES_LEAST).buffer, first.buffer);
});

t.test('there are as many bytes as were asked for', async (t) => {
  const spare = new SpareMemory();
  spare.giveBack(spare.take(3 * SPARE_BYTES_LEAST));
  t.equal(spare.take(2 * SPARE_BYTES_LEAST).length, 2 * SPARE_BYTES_LEAST);
  spare.giveBack(spare.take(SPARE_BYTES_LEAST));
  t.equal(spare.take(2 * SPARE_BYTES_LEAST).length, 2 * SPARE_BYTES_LEAST);
});

t.test('little memory is nobody else’s when it is given back', async (t) => {
  const spare = new SpareMemory();
  const little = spare.take(10);
  spare.giveBack(little);
  t.not(spare.take(SPARE_BYTES_LEAST).buffer, little.buffer);
});

t.test('not more than four pieces are kept', async (t) => {
  const spare = new SpareMemory();
  const taken = Array.from({ length: 6 }, () => spare.take(SPARE_BYTES_LEAST));
  const before = new Set(taken.map(({ buffer }) => buffer));
  for (const memory of taken) spare.giveBack(memory);
  const again = Array.from({ length: 6 }, () => spare.take(SPARE_BYTES_LEAST));
  t.equal(again.filter(({ buffer }) => before.has(buffer)).length, 4);
});
