import t from 'tap';
import { REPLAYS_MAX } from '../record/limits.ts';
import { ByteWriter } from './bytes.ts';
import { compareIndexes } from './compare.ts';
import { openDatabase } from './database.ts';
import { ReplayRuns } from './replay-runs.ts';
import { putReplay, REPLAY_BYTES_MAX } from './values.ts';

/** A slice that is wiped after its replays have come, and one that is not. */
const WIPED = 7;
const KEPT = 8;

/** An index with the replays of some calls, and before that, or behind, those of so many others that are gone. */
function indexWith(calls: number, gone: number) {
  const database = openDatabase(':memory:');
  const runs = new ReplayRuns(database);
  const add = (slice: number, from: number, count: number): void => {
    const to = new ByteWriter(new ArrayBuffer(Math.max(1, count) * REPLAY_BYTES_MAX));
    for (let at = from; at < from + count; at++)
      putReplay(to, { identity: `call ${at}`, time: at, attributes: null, slice, segment: 1 });
    runs.add(count, to.written);
  };
  add(KEPT, 0, calls);
  add(WIPED, 1000, gone);
  runs.wipe(WIPED);
  add(KEPT, 500, 1);
  return database;
}

t.test(
  'replays that one index has let go of for want of room are no difference: it counts those that were wiped, too',
  async (t) => {
    const live = indexWith(10, 20);
    const rebuilt = indexWith(10, REPLAYS_MAX);
    t.same(
      compareIndexes(live, rebuilt).filter(({ table }) => table === 'replays'),
      [],
    );
    t.same(
      compareIndexes(rebuilt, live).filter(({ table }) => table === 'replays'),
      [],
    );
  },
);

t.test('a replay that an index with room lacks is one', async (t) => {
  const found = compareIndexes(indexWith(10, 20), indexWith(9, 20)).filter(({ table }) => table === 'replays');
  t.match(found, [{ left: /"identity":"call 9"/, right: null }]);
  t.equal(found.length, 1);
  t.match(
    compareIndexes(indexWith(9, REPLAYS_MAX), indexWith(10, 20)).filter(({ table }) => table === 'replays'),
    [],
  );
});
