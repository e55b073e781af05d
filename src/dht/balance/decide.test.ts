import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { runOf, slicesOf } from '../projection/queries.ts';
import { leave } from '../projection/steps.ts';
import { decide, movesMax, RULES, type Rules, type Share, type Situation } from './decide.ts';
import { firstMove, type Model, mapOf, moved, potential, quiet, ratios, situation, workOf } from './testing/model.ts';

/*
 * Whether slices are to be given to a neighbour, and which (docs/balance.md).
 */

const RUNS = LONG ? 2000 : 60;
/** No slice has more than that share of what a volcano is to have: what cannot be shared out evenly is little. */
const FINE = 0.1;

/** Runs of two slices at least, which make 256 together. */
const counts = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 2, maxLength: 7 }).map((parts) => {
  const sum = parts.reduce((all, one) => all + one, 0);
  const rest = 256 - 2 * parts.length;
  const found = parts.map((one) => 2 + Math.floor((rest * one) / sum));
  found[0]! += 256 - found.reduce((all, one) => all + one, 0);
  return found;
});

/** Work of all kinds: the same everywhere, in a few slices, in a stretch of them, falling off as clients' favourites do. */
const work = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 256, maxLength: 256 }),
  fc.uniqueArray(fc.integer({ min: 0, max: 255 }), { minLength: 1, maxLength: 12 }).map((hot) => {
    return Array.from({ length: 256 }, (_, slice) => (hot.includes(slice) ? 1000 : 1));
  }),
  fc.tuple(fc.integer({ min: 0, max: 255 }), fc.integer({ min: 1, max: 64 })).map(([first, count]) => {
    return Array.from({ length: 256 }, (_, slice) => ((slice - first + 256) % 256 < count ? 100 : 0));
  }),
  fc.integer({ min: 0, max: 0x7fffffff }).map((seed) => {
    const random = seededRandom(seed);
    return Array.from({ length: 256 }, () => 10_000 / (1 + random.below(256)));
  }),
);

/** The greatest share of the mean that one slice has. */
function largest({ work, weights }: Model): number {
  const all = work.reduce((sum, one) => sum + one, 0);
  return (Math.max(...work) * weights.reduce((sum, one) => sum + one, 0)) / (all * Math.min(...weights));
}

t.test(
  'From any skew it ends, each move makes it better, and each volcano keeps a slice; no slice goes back where none is large',
  async (t) => {
    const seed = chooseSeed();
    t.comment(`MAGMA_SEED=${seed} repeats this run`);
    let most = 0;
    const property = fc.property(
      ...([counts, work, fc.integer({ min: 1, max: 3 }), fc.infiniteStream(fc.nat()), fc.boolean()] as const),
      fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 7, maxLength: 7 }),
      (sizes, loads, replicas, chance, equal, heavy) => {
        const weights = sizes.map((_, at) => (equal ? 1 : heavy[at]!));
        const model: Model = { projection: mapOf(sizes, replicas), work: loads, weights };
        const stays = new Set<string>();
        const fine = largest(model) <= FINE;
        let before = potential(model);
        let moves = 0;
        for (;;) {
          const order = sizes.map((_, at) => [chance.next().value, at] as const).sort(([one], [other]) => one - other);
          const next = firstMove(
            model,
            order.map(([, at]) => at),
          );
          if (next === null) break;
          moves += 1;
          for (const slice of slicesOf(model.projection, next.move.range)) {
            if (fine && stays.has(`${slice} ${next.move.to}`)) throw new Error(`slice ${slice} comes back`);
            stays.add(`${slice} ${next.self}`);
          }
          model.projection = moved(model.projection, next.move);
          for (const at of weights.keys())
            if (runOf(model.projection, at) === null) throw new Error(`v${at} has nothing left`);
          const after = potential(model);
          if (after >= before) throw new Error(`a move from ${before} to ${after}`);
          before = after;
          if (moves > movesMax(weights)) throw new Error(`more than ${movesMax(weights)} moves`);
        }
        most = Math.max(most, moves);
        if (moves > 8 * sizes.length) throw new Error(`${moves} moves of ${sizes.length} volcanos`);
        if (!fine) return;
        const far = ratios(model).find((one) => Math.abs(one - 1) > 0.4);
        if (far !== undefined) throw new Error(`it ends at ${ratios(model).map((one) => one.toFixed(2))}`);
      },
    );
    fc.assert(property, { seed, numRuns: RUNS });
    t.comment(`at most ${most} moves`);
  },
);

/** Three volcanos with 64, 64 and 128 slices of one copy each, and all work in equal parts in the first one's. */
function skewed(): Model {
  const work = Array.from({ length: 256 }, (_, slice) => (slice < 64 ? 10 : 0));
  return { projection: mapOf([64, 64, 128], 2), work, weights: [1, 1, 1] };
}

/** All moves that follow, as text. */
function all(model: Model): string[] {
  const found: string[] = [];
  for (let next = firstMove(model, [0, 1, 2]); next !== null; next = firstMove(model, [0, 1, 2])) {
    const { range, to, why, before, after } = next.move;
    const percent = (share: number): string => `${Math.round(100 * share)}%`;
    found.push(`${range.first}+${range.count} v${next.self}>v${to} ${why} ${percent(before)} ${percent(after)}`);
    model.projection = moved(model.projection, next.move);
  }
  return found;
}

t.test('Both ends of a run go to the neighbours, each as much as it is to have, at once', async (t) => {
  const model = skewed();
  t.same(all(model), ['43+21 v0>v1 work 100% 67%', '0+21 v0>v2 work 67% 34%']);
  t.same(workOf(model), [220, 210, 210]);
});

t.test('A volcano of twice the weight gets twice the work', async (t) => {
  const model = { ...skewed(), weights: [1, 2, 1] };
  all(model);
  t.same(workOf(model), [160, 320, 160]);
});

t.test('It stops when one slice is the load, and says which', async (t) => {
  const model = skewed();
  const work = model.work.map((_, slice) => (slice === 17 ? 1000 : slice < 64 ? 1 : 0));
  const hot: Model = { ...model, work };
  all(hot);
  const owner = hot.projection.map[17]!.primary;
  t.match(decide(situation(hot, owner)), { none: 'slice 17 alone is all that it has' });
  // One below it, which is too much for the next volcano as well, stays with it.
  const two: Model = { ...skewed(), work: work.map((one, slice) => (slice === 16 ? 900 : one)) };
  all(two);
  const both = two.projection.map[17]!.primary;
  t.match(decide(situation(two, both)), { none: /^slice 1[67] alone is / });
  const { first, count } = runOf(hot.projection, owner)!;
  t.ok(count < 64, `it has ${count} slices from ${first} on`);
});

t.test('Noise moves nothing; without the margin it would', async (t) => {
  const random = seededRandom(5);
  const even: Model = {
    projection: mapOf([86, 85, 85]),
    work: Array.from({ length: 256 }, () => 10),
    weights: [1, 1, 1],
  };
  const count = (rules?: Rules): number => {
    const model = { ...even };
    let moves = 0;
    for (let look = 0; look < 200; look++) {
      const work = even.work.map((one) => one * (0.5 + random.below(1000) / 1000));
      const next = firstMove({ ...model, work }, [0, 1, 2], rules);
      if (next === null) continue;
      moves += 1;
      model.projection = moved(model.projection, next.move);
    }
    return moves;
  };
  t.equal(count(), 0);
  t.ok(count({ ...RULES, margin: 0, start: 0 }) > 100, 'the same looks, without margin');
});

t.test('Nothing is moved for little work, for who is not known, not measured, not there, or about to go', async (t) => {
  const model = skewed();
  const base = situation(model, 0);
  const share = (at: number, change: Partial<Share> | null): readonly (Share | null)[] =>
    base.shares.map((one, index) => (index !== at ? one : change === null ? null : { ...one!, ...change }));
  const none = (change: Partial<Situation>): string => {
    const decision = decide({ ...base, ...change });
    return 'none' in decision ? decision.none : 'a move';
  };
  t.equal(none({}), 'a move');
  t.equal(none({ shares: share(0, { work: 19 }) }), 'it does less than 20 units of work a second');
  t.equal(none({ shares: share(2, null) }), 'what v2 does is not known');
  t.equal(none({ shares: share(0, { settled: false }) }), 'it has not been measured for long enough');
  t.equal(none({ silent: (at) => at === 1 }), 'v1 does not answer');
  const leaving = leave(model.projection, 1);
  t.equal(none({ projection: leaving }), 'v1 is leaving');
  t.equal(none({ self: 1 }), 'it does less than 20 units of work a second');
  t.equal(none({ projection: mapOf([256]), shares: [base.shares[0]!] }), 'it is alone');
  const first = decide({ ...base, shares: share(1, { settled: false }) });
  t.match(first, { move: { to: 2, range: { first: 0 } } }, 'the way by v1 is not taken while that is new');
});

t.test('Who has no slices, because others had taken them over, gets some again', async (t) => {
  const even = { work: Array.from({ length: 256 }, () => 10), weights: [1, 1, 1] };
  const before = mapOf([100, 56, 100], 2);
  const map = before.map.map((one) => (one.primary === 1 ? { ...one, primary: 0 } : one));
  const model: Model = { ...even, projection: quiet({ ...before, map }) };
  t.equal(runOf(model.projection, 1), null);
  all(model);
  t.ok(runOf(model.projection, 1)!.count > 60, JSON.stringify(runOf(model.projection, 1)));
});

/** How a volcano sees four, with a slice each that takes half of a hundredth of a disk, when that much of the disks is free. */
function roomy(available: readonly number[], work: (slice: number) => number = () => 1): Situation {
  const model: Model = {
    projection: mapOf([64, 64, 64, 64]),
    work: Array.from({ length: 256 }, (_, slice) => work(slice)),
    weights: [1, 1, 1, 1],
  };
  const base = situation(model, 0, { bytesOf: () => 0.5 });
  return { ...base, shares: base.shares.map((one, at) => ({ ...one!, availableBytes: available[at]! })) };
}

t.test(
  'A volcano whose disk is nearly full gives away as much as makes it well, to where it keeps no copy of it',
  async (t) => {
    t.match(decide(roomy([11, 90, 90, 90])), { none: /^it does what/ });
    // What goes to v1 is mirrored by v2 then; what goes to v3 would be mirrored by v0.
    t.same(decide(roomy([5, 90, 90, 90])), {
      move: { range: { first: 50, count: 14 }, to: 1, why: 'room', before: 0.05, after: 0.12 },
    });
    t.same(decide(roomy([5, 90, 22, 90])), {
      move: { range: { first: 61, count: 3 }, to: 1, why: 'room', before: 0.05, after: 0.065 },
    });
    t.match(decide(roomy([5, 90, 20, 90])), { none: /^it does what/ }, 'and not to where it would not fit');
  },
);

t.test('Work goes only where there is room for the slices', async (t) => {
  const busy = (slice: number): number => (slice < 64 ? 100 : 10);
  t.match(decide(roomy([90, 90, 90, 90], busy)), { move: { to: 1 } });
  const less = decide(roomy([90, 90, 25, 90], busy));
  // 9 slices with a tenth more are 4.95 hundredths of v2's disk.
  t.match(less, { move: { to: 3, range: { first: 0 } } });
  t.match(decide(roomy([90, 90, 25, 20], busy)), { move: { to: 1, range: { count: 9 } } });
  t.match(decide(roomy([90, 90, 20, 20], busy)), { none: 'no end of its slices would make it better' });
});
