import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { SLOW_SYNC_MS, SYNCS_KEPT, SyncTimes } from './sync-times.ts';

function times() {
  const said: string[] = [];
  const say = (_fields: object, message: string): void => void said.push(message);
  return { said, syncs: new SyncTimes({ ...silentLogger, warn: say, info: say }) };
}

t.test('A slow disk is told once, when half of the last syncs are slow, and once when it is well again', (t) => {
  const { said, syncs } = times();
  const took = (ms: number, count: number): void => {
    for (let at = 0; at < count; at++) syncs.took(ms);
  };
  t.equal(syncs.median, 0);
  took(2, SYNCS_KEPT);
  took(900, Math.floor(SYNCS_KEPT / 2));
  t.same(said, [], 'most are fast');
  const before = said.length;
  took(900, 1);
  t.equal(syncs.median, 900);
  t.same(said.slice(before), ['slow disk: a sync takes 900 ms; all who write wait for it']);
  took(900, 100);
  took(SLOW_SYNC_MS - 1, 100);
  t.equal(said.length, before + 1, 'told once, and a little faster is not well');
  took(3, SYNCS_KEPT);
  t.match(said.at(-1), /^the disk is not slow any more: a sync takes \d+ ms$/);
  t.equal(said.length, before + 2);
  const young = times();
  for (let at = 1; at < SYNCS_KEPT; at++) young.syncs.took(10 * SLOW_SYNC_MS);
  t.same(young.said, [], 'the first few say nothing yet');
  t.end();
});
