import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import { COMPLAINT_MS, Throttle } from './throttle.ts';

t.test('one line in COMPLAINT_MS, which says how many were held back', async (t) => {
  const clock = manualClock();
  const throttle = new Throttle(clock);
  const written: number[] = [];
  const complain = () => throttle.run((held) => written.push(held));
  for (let n = 0; n < 5; n++) complain();
  t.same(written, [0]);
  clock.advance(COMPLAINT_MS - 1);
  complain();
  t.same(written, [0]);
  clock.advance(1);
  complain();
  t.same(written, [0, 5]);
});
