import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { VirtualTime } from '../../base/virtual-clock.ts';
import { RetryError } from '../owners.ts';
import { anew } from '../projection/steps.ts';
import type { Projection } from '../projection/types.ts';
import { alone, member } from '../testing/members.ts';
import { RingMap } from './ring-map.ts';

/*
 * The newest map that a volcano knows (docs/ring-failover.md, "The first volcano's register").
 */

/** A map whose store can be lost, and what other volcanos know. */
function world() {
  const time = new VirtualTime();
  const first = alone();
  const second = anew(first);
  const state = { away: false, stored: first, known: null as Projection | null, asked: 0 };
  const map = new RingMap({
    self: member(0).id,
    clock: time.clock(),
    random: seededRandom(1),
    logger: silentLogger,
    kept: null,
    known: null,
    store: {
      newest: async () => {
        if (state.away) throw new RetryError('the register is away');
        return state.stored;
      },
      write: async () => 'taken',
      watch: () => () => {},
    },
    told: async () => {
      state.asked++;
      return state.known;
    },
  });
  return { time, map, state, first, second };
}

t.test('the register goes when somebody has spoken of its newest map: that is had from another volcano', async (t) => {
  const { time, map, state, first, second } = world();
  map.start();
  await time.run(10);
  t.equal(map.projection, first);
  t.ok(map.current);
  state.away = true;
  map.learn(second.epoch);
  await time.run(5000);
  t.notOk(map.current, 'nobody has it: what it says is not known');
  t.ok(state.asked > 1);
  state.known = first;
  await time.run(2000);
  t.notOk(map.current, 'an older one is not it');
  state.known = second;
  await time.run(2000);
  t.ok(map.current);
  t.equal(map.projection, second);
  const { asked } = state;
  await time.run(60_000);
  t.equal(state.asked, asked, 'and it is asked for no more');
  map.stop();
});

t.test(
  'who has not read the register in this life is told nothing by others: there may be newer ones than theirs',
  async (t) => {
    const { time, map, state, second } = world();
    state.away = true;
    state.known = second;
    map.start();
    map.learn(second.epoch);
    await time.run(60_000);
    t.notOk(map.current);
    t.equal(state.asked, 0);
    state.stored = second;
    state.away = false;
    await time.run(2000);
    t.ok(map.current);
    map.stop();
  },
);
