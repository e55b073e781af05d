import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import { AddressWatch, LOOK_MS } from './own-addresses.ts';

t.test('an address that leaves the host is told once; one whose link is down is not', async (t) => {
  const clock = manualClock();
  /** So many looks, one after the other. */
  const looks = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      clock.advance(LOOK_MS);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  let up = ['192.0.2.1', '192.0.2.100'];
  let own = new Set(up);
  const gone: string[] = [];
  const watch = new AddressWatch({
    clock,
    list: () => up,
    isOwn: async (address) => own.has(address),
    gone: (address) => gone.push(address),
  });
  await looks(1);
  t.same(gone, []);
  up = [];
  await looks(3);
  t.same(gone, [], 'the link is down, and the addresses are still there');
  up = ['192.0.2.1'];
  own = new Set(up);
  await looks(3);
  t.same(gone, ['192.0.2.100']);
  up = ['192.0.2.1', '192.0.2.100'];
  own = new Set(up);
  await looks(1);
  up = ['192.0.2.1'];
  own = new Set(up);
  await looks(1);
  t.same(gone, ['192.0.2.100', '192.0.2.100'], 'it has been back');
  watch.stop();
  up = [];
  own = new Set();
  await looks(2);
  t.equal(gone.length, 2, 'nothing is told after the end');
});
