import t from 'tap';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { Grants } from './grants.ts';
import { Leases } from './leases.ts';
import { FAILOVER_MS, FAILOVER_MS_MAX, FAILOVER_MS_MIN, HELD_SHARE, ROUNDS, SILENT_ROUNDS, timesOf } from './times.ts';

/* What volcanos promise each other, and how they count it: docs/ring-failover.md, "Leases". */

const times = timesOf(FAILOVER_MS);

/** Lets promises be noticed. */
function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Leases of a volcano `a`, whose answers a test gives. */
function held() {
  const clock = manualClock();
  const asked: PromiseWithResolvers<number>[] = [];
  const seen = { changed: 0, rounds: 0, able: true };
  const leases = new Leases({
    ...{ clock, times },
    ask: () => {
      asked.push(Promise.withResolvers<number>());
      return asked.at(-1)!.promise;
    },
    able: () => seen.able,
    renewed: () => {},
    changed: () => {
      seen.changed += 1;
    },
    round: () => {
      seen.rounds += 1;
    },
  });
  leases.follow(new Set(['a']), () => true);
  return { clock, asked, seen, leases };
}

t.test(
  'A lease is counted from when it was asked for, however late the answer, and less than was granted',
  async (t) => {
    const { clock, asked, leases } = held();
    const sent = clock.monotonic();
    t.equal(leases.until('a'), Number.NEGATIVE_INFINITY, 'nothing is promised yet');
    clock.advance(times.renewMs / 2);
    asked[0]!.resolve(times.grantMs);
    await quiet();
    t.equal(leases.until('a'), sent + times.grantMs * HELD_SHARE);
    clock.advance(times.renewMs);
    asked[1]!.resolve(10);
    await quiet();
    t.equal(leases.until('a'), sent + times.grantMs * HELD_SHARE, 'a shorter promise does not take back a longer one');
    leases.stop();
  },
);

t.test('Who does not grant is silent after some rounds, not before, and until it does', async (t) => {
  const { clock, asked, seen, leases } = held();
  asked[0]!.resolve(times.grantMs);
  await quiet();
  // The first round asks; what it asks for is missed in the next one.
  for (let round = 0; round < SILENT_ROUNDS; round++) {
    clock.advance(times.renewMs);
    t.notOk(leases.isSilent('a'));
  }
  clock.advance(times.renewMs);
  t.ok(leases.isSilent('a'));
  t.equal(seen.changed, 1);
  leases.follow(new Set(), () => true);
  t.ok(leases.isSilent('a'), 'it is asked on though nothing is wanted of it');
  asked.at(-1)!.resolve(times.grantMs);
  await quiet();
  t.notOk(leases.isSilent('a'));
  t.equal(seen.changed, 2);
  leases.follow(new Set(), () => true);
  t.equal(leases.until('a'), Number.NEGATIVE_INFINITY, 'and then no more');
  leases.stop();
});

t.test('Who could not ask, or has slept, holds nobody for silent', async (t) => {
  const { clock, asked, seen, leases } = held();
  asked[0]!.resolve(times.grantMs);
  await quiet();
  seen.able = false;
  for (let round = 0; round < 10; round++) clock.advance(times.renewMs);
  t.notOk(leases.isSilent('a'));
  t.equal(asked.length, 1, 'and does not ask');
  seen.able = true;
  leases.resume();
  t.equal(asked.length, 2, 'asks at once when it can');
  leases.stop();
});

t.test('What was granted is kept to: no taking over before that has run out, by time and by rounds', async (t) => {
  const clock = manualClock();
  const grants = new Grants(clock, times);
  grants.follow(new Set(['p']));
  const pass = (rounds: number): void => {
    for (let round = 0; round < rounds; round++) {
      clock.advance(times.renewMs);
      grants.round();
    }
  };
  pass(ROUNDS - 1);
  t.notOk(grants.hasRunOut('p', 0), 'it begins as if all had been promised');
  pass(2);
  t.ok(grants.hasRunOut('p', 0));
  t.notOk(grants.hasRunOut('p', 2), 'others come first');
  t.notOk(grants.hasRunOut('q', 0), 'whom it does not mirror');
  t.equal(grants.grant('p'), times.grantMs);
  t.notOk(grants.hasRunOut('p', 0));
  clock.advance(times.grantMs * 3);
  grants.round();
  t.notOk(grants.hasRunOut('p', 0), 'after a sleep it has not been looked who has asked');
  pass(ROUNDS);
  t.ok(grants.hasRunOut('p', 0));
  grants.forgive(Number.POSITIVE_INFINITY);
  t.notOk(grants.hasRunOut('p', 0));
});

t.test('Who is about to be taken over from is granted nothing until it is known what came of it', async (t) => {
  const grants = new Grants(manualClock(), times);
  grants.follow(new Set(['p']));
  grants.propose('p');
  t.throws(() => grants.grant('p'), /another operation/);
  t.equal(grants.grant('q'), times.grantMs, 'others are');
  grants.settled();
  t.equal(grants.grant('p'), times.grantMs);
});

t.test('The times leave a holder that counts slowly behind one that grants fast, and room for the map', async (t) => {
  for (const failoverMs of [FAILOVER_MS_MIN, FAILOVER_MS, FAILOVER_MS_MAX]) {
    const { grantMs, renewMs } = timesOf(failoverMs);
    const drift = 0.05;
    t.ok((grantMs * HELD_SHARE) / (1 - drift) < grantMs / (1 + drift), 'clocks that differ by a twentieth each way');
    t.ok(grantMs + 2 * renewMs < 0.8 * failoverMs);
    t.ok(SILENT_ROUNDS * renewMs < grantMs, 'a mirror is left out before it takes over');
  }
});
