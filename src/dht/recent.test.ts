import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import type { Attributes, Key } from '../flare/types.ts';
import { RECENT_MAX, RECENT_MS, Recent } from './recent.ts';

const of = (key: string, generation = 1, size = 0): Attributes =>
  ({ key: key as Key, generation, size }) as unknown as Attributes;

t.test('what was seen of a flare is gone by for a while, of that generation, and of so many flares', async (t) => {
  const clock = manualClock();
  const recent = new Recent(clock);
  t.equal(recent.get(of('a')), undefined);
  recent.put(of('a', 1, 5));
  recent.put(of('a', 1, 6));
  t.equal(recent.get(of('a'))?.size, 6);
  t.equal(recent.get(of('a', 2)), undefined);
  clock.advance(RECENT_MS);
  t.equal(recent.get(of('a'))?.size, 6);
  clock.advance(1);
  t.equal(recent.get(of('a')), undefined, 'too long ago');
  for (let number = 0; number <= RECENT_MAX; number++) recent.put(of(`n${number}`));
  t.equal(recent.get(of('n0')), undefined, 'who was seen longest ago gives way');
  t.ok(recent.get(of('n1')) && recent.get(of(`n${RECENT_MAX}`)));
});
