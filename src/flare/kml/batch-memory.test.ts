import t from 'tap';
import { BatchMemory, KEPT_BYTES_MAX, KEPT_MAX } from './batch-memory.ts';

t.test('what was given back is taken again, the shortest that is long enough', async (t) => {
  const memory = new BatchMemory();
  const pieces = [300_000, 100_000, 200_000].map((bytes) => memory.take(bytes));
  for (const piece of pieces) memory.giveBack(piece);
  t.equal(memory.take(150_000), pieces[2]);
  t.equal(memory.expect(1), pieces[1]);
  t.equal(memory.take(300_001).length, 300_001, 'none is long enough: a new one');
  t.equal(memory.take(300_000), pieces[0]);
});

t.test('a bounded number is kept, the longest ones, and none that is very long or was transferred', async (t) => {
  const memory = new BatchMemory();
  const pieces: Buffer[] = Array.from({ length: KEPT_MAX + 2 }, (_, n) => Buffer.allocUnsafeSlow(20_000 + n));
  for (const piece of pieces) memory.giveBack(piece);
  const again = pieces.map(() => memory.take(20_000));
  t.equal(again.filter((piece) => pieces.includes(piece)).length, KEPT_MAX);
  t.notOk(again.some((piece) => piece === pieces[0]));
  const long = Buffer.allocUnsafeSlow(KEPT_BYTES_MAX + 1);
  memory.giveBack(long);
  t.not(memory.take(KEPT_BYTES_MAX), long);
  const gone = Buffer.from(new ArrayBuffer(50_000));
  structuredClone(gone.buffer, { transfer: [gone.buffer] });
  memory.giveBack(gone);
  t.equal(memory.expect(0).length, 16_384);
});
