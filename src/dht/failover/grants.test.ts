import t from 'tap';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { Grants } from './grants.ts';
import { FAILOVER_MS, ROUNDS, timesOf } from './times.ts';

const times = timesOf(FAILOVER_MS);

function granting() {
  const clock = manualClock();
  const grants = new Grants(clock, times);
  grants.follow(new Set(['p']));
  grants.grant('p');
  /** So many rounds go by. */
  const rounds = (count: number): void => {
    for (let n = 0; n < count; n++) {
      clock.advance(times.renewMs);
      grants.round();
    }
  };
  return { clock, grants, rounds, hasRunOut: () => grants.hasRunOut('p', 0) };
}

t.test('what was promised runs out after as long, and as many rounds', async (t) => {
  const { clock, rounds, hasRunOut } = granting();
  rounds(ROUNDS - 1);
  t.notOk(hasRunOut());
  rounds(1);
  clock.advance(1);
  t.ok(hasRunOut());
});

t.test(
  'a map that was not current for a moment costs who is gone that moment and a round, not a whole grant more',
  async (t) => {
    const { clock, grants, rounds, hasRunOut } = granting();
    rounds(ROUNDS - 1);
    clock.advance(20);
    grants.forgive(20);
    rounds(1);
    t.notOk(hasRunOut(), 'it could not ask for a moment');
    rounds(1);
    t.ok(hasRunOut());
  },
);

t.test('who never could ask has the whole time, and so has who could not for long', async (t) => {
  for (const stale of [Number.POSITIVE_INFINITY, 100 * times.grantMs]) {
    const { grants, rounds, hasRunOut } = granting();
    rounds(3 * ROUNDS);
    t.ok(hasRunOut());
    grants.forgive(stale);
    rounds(ROUNDS - 1);
    t.notOk(hasRunOut());
    rounds(2);
    t.ok(hasRunOut());
  }
});
