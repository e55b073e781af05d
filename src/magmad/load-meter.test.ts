import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import { LoadMeter } from './load-meter.ts';

t.test('the load is that of the last window of a second or more', async (t) => {
  const clock = manualClock();
  const meter = new LoadMeter(clock);
  for (let call = 0; call < 500; call++) meter.call();
  t.equal(meter.perSecond(), 0, 'nothing is known yet');
  clock.advance(2000);
  t.equal(meter.perSecond(), 250);
  meter.call();
  clock.advance(500);
  t.equal(meter.perSecond(), 250, 'half a second says nothing');
  clock.advance(500);
  t.equal(meter.perSecond(), 1);
});
