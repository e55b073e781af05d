import t from 'tap';
import { manualClock } from '../../../base/testing/manual-clock.ts';
import { LOOK_MS, Silence } from './silence.ts';

/* How long holders of locks were silent (`Silence`). */

function silence(leases: Record<string, number>) {
  const clock = manualClock();
  let late = 0;
  const ended: string[] = [];
  const counted = new Silence({
    clock: { ...clock, monotonic: () => clock.monotonic() + late, after: (ms, fire) => clock.after(ms, fire) },
    holders: () => Object.entries(leases),
    silent: (holder) => ended.push(holder),
  });
  return {
    counted,
    ended,
    advance: (ms: number) => clock.advance(ms),
    /** The volcano does not run for so long; then it goes on where it was. */
    asleep: (ms: number) => {
      late += ms;
    },
  };
}

t.test('each holder ends after its own time', async (t) => {
  const { counted, ended, advance } = silence({ a: 5000, b: 20_000 });
  counted.begin();
  advance(7000);
  t.same([...new Set(ended)], ['a']);
  counted.heard('b');
  advance(20_000);
  t.notOk(ended.includes('b'));
  advance(2000);
  t.ok(ended.includes('b'));
  counted.stop();
  const { length } = ended;
  advance(60_000);
  t.equal(ended.length, length, 'nothing is looked for after the stop');
});

t.test('who may be silent for ever does not end, and it is known for how long he was', async (t) => {
  const { counted, ended, advance } = silence({ nfs: 0 });
  counted.heard('nfs');
  advance(3_600_000);
  t.same(ended, []);
  t.ok(counted.of('nfs') > 3_590_000);
  counted.heard('nfs');
  t.equal(counted.of('nfs'), 0);
});

t.test('time in which the volcano itself did not run is not counted: nobody could be heard', async (t) => {
  const { counted, ended, advance, asleep } = silence({ a: 30_000 });
  counted.begin();
  advance(10_000);
  asleep(3_600_000);
  advance(15_000);
  t.same(ended, []);
  t.ok(counted.of('a') < 30_000);
  advance(10_000);
  t.match(ended, ['a']);
});

t.test('who is heard for the first time later is counted from then on, not from the last look', async (t) => {
  const leases: Record<string, number> = {};
  const { counted, ended, advance } = silence(leases);
  counted.begin();
  advance(50 * LOOK_MS);
  leases.a = 3000;
  counted.heard('a');
  advance(2000);
  t.same(ended, []);
  advance(3000);
  t.match(ended, ['a']);
});
