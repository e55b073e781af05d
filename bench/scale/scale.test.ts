import t from 'tap';
import { seededRandom } from '../../src/base/random.ts';
import { encodeProjection } from '../../src/dht/projection/codec.ts';
import { applyStep } from '../../src/dht/projection/plan.ts';
import { withMember } from '../../src/dht/projection/steps.ts';
import { MEMBERS_MAX, type Projection, SLICES_MAX, SLICES_MIN } from '../../src/dht/projection/types.ts';
import { SLICES } from '../../src/flare/keys.ts';
import { UsageError } from '../usage-error.ts';
import { costsOf, mapBytes } from './costs.ts';
import { busyShare, type DurabilityModel, meanTimeToLoss, triedTimeToLoss, windows } from './durability.ts';
import { GrowingRing, sharesOf, volcano } from './grow.ts';
import { meanHops } from './hops.ts';
import { drawCounts, hashedCounts, unevenness } from './keys.ts';
import { HELP, readScaleOptions } from './options.ts';
import { exchangeBytes, trafficOf, workBytes } from './traffic.ts';

/*
 * What docs/scale.md says, as far as it does not depend on the machine.
 */

const COPIES = 2;

t.test(
  'a ring that grows by the plan: shares within a factor of two, small changes, a map of the size that is said',
  async (t) => {
    const ring = new GrowingRing(SLICES_MIN, COPIES);
    const grown: Projection[] = [];
    for (const volcanos of [3, 10, 100, SLICES_MIN]) {
      const { projection } = ring.growTo(volcanos);
      const shares = sharesOf(projection);
      t.ok(
        Math.max(...shares) <= 2 * Math.min(...shares),
        `${volcanos} volcanos: ${Math.min(...shares)} to ${Math.max(...shares)}`,
      );
      t.ok(
        projection.map.every(({ inSync }) => inSync.length === COPIES - 1),
        'every slice has its mirror',
      );
      grown.push(projection);
    }
    const { projection: full } = ring.growTo(SLICES_MIN + 10);
    t.equal(sharesOf(full).filter((share) => share === 0).length, 10, 'who comes when each has one slice gets none');
    for (const { kind, mostBytes } of ring.sizes) t.ok(mostBytes <= 136, `${kind}: ${mostBytes} bytes`);
    const joining = withMember(full, volcano(999), 0);
    const filling = applyStep(joining, { kind: 'fill', member: 7, range: { first: 0, count: 1 } });
    for (const projection of [...grown, full, joining, filling])
      t.equal(encodeProjection(projection).length, mapBytes(projection));
    const more = new GrowingRing(SLICES_MAX, COPIES).growTo(20).projection;
    t.equal(encodeProjection(more).length, mapBytes(more), 'runs count, not slices');
    t.equal(SLICES, SLICES_MIN, 'stores know so many slices, whatever the map may have: docs/scale.md says so');
    t.match(costsOf(more), { bytes: mapBytes(more) });
  },
);

t.test('keys lie in slices by chance: those that are hashed as those that are drawn', async (t) => {
  for (const slices of [256, 4096]) {
    const hashed = hashedCounts(200_000, slices);
    const drawn = drawCounts(100_000_000, slices, seededRandom(1));
    for (const [counts, keys] of [
      [hashed, 200_000],
      [drawn, 100_000_000],
    ] as const) {
      t.equal(
        counts.reduce((sum, count) => sum + count, 0),
        keys,
      );
      t.ok(Math.abs(unevenness(counts)) < 5, `${slices} slices, ${keys} keys: ${unevenness(counts)} deviations`);
    }
    t.ok(Math.max(...drawn) < (1.03 * 100_000_000) / slices);
  }
  t.ok(unevenness(drawCounts(100_000_000, 255, seededRandom(1)).concat(0)) > 1000, 'an empty slice would be seen');
});

t.test('a call is passed on at most once for each flare that it is about', async (t) => {
  const { projection } = new GrowingRing(SLICES_MIN, COPIES).growTo(64);
  const random = seededRandom(2);
  for (const flares of [1, 2, 3, 4]) {
    const mean = meanHops(projection, flares, 4000, random);
    t.ok(mean <= flares && mean > 0.9 * flares, `${flares} flares: ${mean}`);
  }
});

t.test('how long data last: the formula and tries agree', async (t) => {
  const model = (volcanos: number, copies: number, meanLife: number, fills: 'one' | 'each'): DurabilityModel => ({
    ...{ volcanos, copies, meanLife, fills },
    ...{ detection: 0.02, fill: 1 },
  });
  const random = seededRandom(3);
  for (const [one, losses] of [
    [model(2, 2, 200, 'each'), 500],
    [model(3, 2, 200, 'one'), 500],
    [model(10, 2, 200, 'one'), 500],
    [model(100, 2, 1000, 'one'), 500],
    [model(3, 3, 50, 'each'), 200],
    [model(10, 3, 50, 'each'), 300],
  ] as const) {
    const formula = meanTimeToLoss(one);
    const tried = triedTimeToLoss(one, losses, random);
    const error = Math.abs(tried / formula - 1);
    const { volcanos, copies, fills } = one;
    t.ok(
      error < 0.06 + 3 / Math.sqrt(losses),
      `${volcanos} volcanos, ${copies} copies, fills ${fills}: ${formula}, tried ${tried}`,
    );
  }
  const few = meanTimeToLoss(model(100, 2, 1e6, 'each'));
  t.ok(
    Math.abs(few / meanTimeToLoss(model(1000, 2, 1e6, 'each')) - 10) < 0.01,
    'ten times the volcanos, a tenth of the time',
  );
  t.ok(Math.abs(meanTimeToLoss(model(100, 2, 2e6, 'each')) / few - 4) < 0.01, 'twice the life, four times');
  t.equal(busyShare(model(1000, 2, 2000, 'one')), 1);
  t.same(windows(model(1000, 2, 2000, 'one')), [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]);
  t.equal(meanTimeToLoss(model(1000, 2, 2000, 'one')), 0, 'fills that fall behind');
  t.throws(() => meanTimeToLoss(model(2, 3, 1000, 'one')), RangeError);
});

t.test('what goes on at rest does not grow with the network, but at who keeps the maps and the notes', async (t) => {
  const [small, large] = [trafficOf(20, COPIES), trafficOf(MEMBERS_MAX, COPIES)];
  t.equal(small.mirrorCalls, large.mirrorCalls);
  t.ok(large.figureCalls <= 3.2);
  t.equal(large.keeperCalls, 49.95);
  t.ok(exchangeBytes(64, 0) < 16_384);
  t.equal(large.figureBytes, exchangeBytes(64, 0) + workBytes(64));
  t.equal(trafficOf(3, COPIES).figureBytes, exchangeBytes(0, 0) + workBytes(2));
});

t.test('the simulation of scale: what it does without options, and what is refused', async (t) => {
  t.match(readScaleOptions([]), { seed: 1, volcanos: [3, 10, 100, 256, 1000], slices: [256, 4096], keys: 1e8 });
  t.match(readScaleOptions(['--volcanos', '10,3', '--seed=7']), { seed: 7, volcanos: [3, 10] });
  t.equal(readScaleOptions(['--help']), null);
  t.match(HELP, /--hashed/);
  for (const wrong of [['--slices', '300'], ['--slices', '128'], ['--volcanos', '1001'], ['--keys', '5'], ['--x']])
    t.throws(() => readScaleOptions(wrong), { constructor: UsageError, message: /--/ });
});
