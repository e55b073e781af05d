import t from 'tap';
import { UnavailableError } from '../flare/errors.ts';
import type { CallContext } from '../rpc/program.ts';
import { BULK_CALLS, BULK_WAITING_MAX, Turns } from './turns.ts';

const call = (xid: number): CallContext => ({ xid }) as CallContext;

/* Clients with `bulk` (docs/configuration.md, options of rules). */

t.test('so many calls have their turn; the others get theirs in the order in which they came', async (t) => {
  const turns = new Turns();
  const calls = Array.from({ length: BULK_CALLS + 3 }, (_, xid) => call(xid));
  const begun: number[] = [];
  for (const one of calls) {
    const turn = turns.take(one);
    if (turn === undefined) begun.push(one.xid);
    else void turn.then(() => begun.push(one.xid));
  }
  await null;
  t.same(begun, [0, 1, 2, 3]);
  t.equal(turns.take(calls[2]!), undefined, 'a call that names two handles takes one turn');
  turns.end(call(99));
  await null;
  t.equal(begun.length, BULK_CALLS, 'who has none ends none');
  for (const one of [3, 1, 5, 4]) {
    turns.end(calls[one]!);
    await null;
  }
  t.same(begun, [0, 1, 2, 3, 4, 5, 6]);
  turns.end(calls[4]!);
  t.equal(turns.waiting, 0);
});

t.test('too many do not wait: who comes then is not answered', (t) => {
  const turns = new Turns();
  for (let xid = 0; xid < BULK_CALLS + BULK_WAITING_MAX; xid++) turns.take(call(xid));
  t.equal(turns.waiting, BULK_WAITING_MAX);
  t.throws(() => turns.take(call(-1)), UnavailableError);
  t.end();
});
