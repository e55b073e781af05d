import t from 'tap';
import { each, Pool, Slots } from './at-once.ts';

t.test('no more than that is under way at once, in the order in which it came', async (t) => {
  const slots = new Slots(2);
  const begun: number[] = [];
  const gates = Array.from({ length: 4 }, () => Promise.withResolvers<void>());
  const all = gates.map((gate, at) =>
    slots.run(async () => {
      begun.push(at);
      await gate.promise;
      if (at === 1) throw new Error('one fails');
    }),
  );
  all[1]!.catch(() => {});
  t.same(begun, [0, 1]);
  gates[1]!.resolve();
  await t.rejects(all[1]!, /one fails/);
  t.same(begun, [0, 1, 2], 'a failure frees its place');
  for (const gate of gates) gate.resolve();
  await Promise.all([all[0], all[2], all[3]]);
  t.same(begun, [0, 1, 2, 3]);
});

t.test('after a failure nothing more is begun, and what is under way ends first', async (t) => {
  const begun: number[] = [];
  let ended = 0;
  const work = each([0, 1, 2, 3, 4, 5], 2, async (at) => {
    begun.push(at);
    await new Promise((resolve) => setImmediate(resolve));
    ended += 1;
    if (at === 1) throw new Error('one fails');
  });
  await t.rejects(work, /one fails/);
  t.equal(ended, begun.length);
  t.ok(begun.length < 6);
});

t.test('a pool bounds what waits: who brings more waits, and hears of failures', async (t) => {
  const pool = new Pool(1, 2);
  const gate = Promise.withResolvers<void>();
  let taken = 0;
  const bring = async (): Promise<void> => {
    for (let at = 0; at < 4; at++) {
      await pool.take(() => gate.promise);
      taken += 1;
    }
  };
  const bringing = bring();
  await new Promise((resolve) => setImmediate(resolve));
  t.equal(taken, 2, 'one that runs and one that waits');
  gate.resolve();
  await bringing;
  await pool.done();
  t.equal(taken, 4);
  await pool.take(() => Promise.reject(new Error('broken')));
  await t.rejects(pool.done(), /broken/);
  await t.rejects(
    pool.take(async () => {}),
    /broken/,
  );
});
