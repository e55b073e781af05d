import t from 'tap';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { BYTES_OF_A_UNIT, SliceLoads, unitsOf } from './slice-loads.ts';

t.test('Calls and bytes of each slice are told a second, the old ones less and less', async (t) => {
  const clock = manualClock();
  const loads = new SliceLoads(clock, 60_000);
  loads.own((slice) => slice < 10);
  const second = (calls: number, bytes: number): void => {
    for (let n = 0; n < calls; n++) loads.call(3);
    loads.moved(3, bytes);
    clock.advance(1_000);
    loads.look();
  };
  for (let n = 0; n < 60; n++) second(20, 1000);
  const near = (found: number, wanted: number): boolean => Math.abs(found - wanted) < wanted / 20;
  t.ok(near(loads.of(3).calls, 20) && near(loads.of(3).bytes, 1000), JSON.stringify(loads.of(3)));
  t.same(loads.of(4), { calls: 0, bytes: 0 });
  t.equal(loads.settledMs, 60_000);
  for (let n = 0; n < 60; n++) second(0, 0);
  const later = loads.of(3).calls;
  t.ok(later > 4 && later < 8, `after a minute without calls: ${later}`);
});

t.test('A slice that comes is measured from then on; of one that goes nothing stays, and both unsettle', async (t) => {
  const clock = manualClock();
  const loads = new SliceLoads(clock, 60_000);
  loads.own((slice) => slice === 1);
  clock.advance(100_000);
  loads.own((slice) => slice === 2);
  t.equal(loads.settledMs, 0);
  // Nothing of its own: passed on by who has an older map.
  loads.call(1);
  for (let n = 0; n < 50; n++) loads.call(2);
  clock.advance(5_000);
  loads.look();
  t.same(loads.of(1).calls, 0);
  const { calls } = loads.of(2);
  t.ok(calls > 9 && calls < 11, `${calls} of 10`);
  loads.own((slice) => slice === 2);
  t.equal(loads.settledMs, 5_000, 'it is the same set');
});

t.test('A unit is a call, or what costs as much', async (t) => {
  t.equal(unitsOf({ calls: 3, bytes: 2 * BYTES_OF_A_UNIT }), 5);
});
