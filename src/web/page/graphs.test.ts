import fc from 'fast-check';
import t from 'tap';
import { LATENCY_BOUNDS_MS, quantile as quantileOfRpc } from '../../rpc/procedure-gauges.ts';
import type { State } from '../api.ts';
import { volcano } from '../testing/made-up.ts';
import { known } from './chart.ts';
import { CallHistory, callsOf, GAP_MS, STEPS_MAX, TOLD_MAX, WINDOW_MS } from './counters.ts';
import { quantile } from './latency.ts';
import { decades, linear, logarithmic, ticks } from './scale.ts';
import { LINES_MAX, quantiles, rates, summaries } from './series.ts';

const BOUNDS = [1, 10, 100];
const VOLCANOS = [volcano('a', 1), volcano('b', 2)];

/** A state whose procedures have been called so often, in the bucket of that number. */
function state(
  now: number,
  counts: Record<string, Record<string, number>>,
  bucket = 1,
): Pick<State, 'now' | 'procedures' | 'volcanos'> {
  const procedures = Object.entries(counts).flatMap(([volcano, of]) =>
    Object.entries(of).map(([procedure, calls]) => ({
      ...{ program: 'nfs', version: 2, procedure, volcano, calls, refused: 0, requestBytes: 0, replyBytes: 0 },
      ...{ milliseconds: 0, buckets: [0, 0, 0, 0].map((_, index) => (index === bucket ? calls : 0)) },
    })),
  );
  return {
    now,
    procedures,
    volcanos: VOLCANOS.map((one) => ({ ...one, problem: one.nickname in counts ? null : 'no answer' })),
  };
}

function history(...states: ReturnType<typeof state>[]): CallHistory {
  const made = new CallHistory();
  for (const one of states) made.add(one);
  return made;
}

t.test('rates are differences of counters by the time between them, of all volcanos or of one', async (t) => {
  const { steps } = history(
    state(0, { a: { READ: 100 }, b: { READ: 7 } }),
    state(2000, { a: { READ: 120, WRITE: 4 }, b: { READ: 9 } }),
    state(6000, { a: { READ: 120, WRITE: 4 }, b: { READ: 13 } }),
  );
  t.same(rates(steps, null), [
    { name: 'READ', values: [11, 1] },
    { name: 'WRITE', values: [2, 0] },
  ]);
  t.same(rates(steps, 'b'), [{ name: 'READ', values: [1, 1] }]);
  t.match(summaries(steps, null, BOUNDS), [
    { name: 'READ', calls: 26, perSecond: 1 },
    { name: 'WRITE', calls: 4 },
  ]);
});

t.test('a counter that goes back is no negative rate: the step is not known', async (t) => {
  const { steps } = history(
    state(0, { a: { READ: 100 }, b: { READ: 10 } }),
    state(2000, { a: { READ: 3 }, b: { READ: 20 } }),
    state(4000, { a: { READ: 5 }, b: { READ: 30 } }),
    state(6000, { a: {}, b: { READ: 30 } }),
  );
  t.same(rates(steps, 'a')[0]!.values, [null, 1, null]);
  t.same(rates(steps, null)[0]!.values, [null, 6, null], 'nor is the sum with others');
  t.same(rates(steps, 'b')[0]!.values, [5, 5, 0]);
  fc.assert(
    fc.property(fc.array(fc.nat(50), { minLength: 2, maxLength: 20 }), (counts) => {
      const made = history(...counts.map((READ, at) => state(at * 2000, { a: { READ } })));
      return rates(made.steps, null).every(({ values }) => values.every((value) => value === null || value >= 0));
    }),
  );
});

t.test('where events were missing there is a gap, and no line through it', async (t) => {
  const { steps } = history(
    state(0, { a: { READ: 0 } }),
    state(2000, { a: { READ: 2 } }),
    state(2000 + GAP_MS + 1, { a: { READ: 900 } }),
    state(12_000, { a: { READ: 906 } }),
  );
  const [read] = rates(steps, null);
  t.equal(read!.values[1], null);
  t.same(known(read!.values), [
    [0, 1],
    [2, 3],
  ]);
  t.same(quantiles(steps, null, null, BOUNDS)[0].values[1], null);
});

t.test('who does not answer is left out, and counts from when he is back', async (t) => {
  const { steps } = history(
    state(0, { a: { READ: 0 } }),
    state(2000, { a: { READ: 2 }, b: { READ: 1000 } }),
    state(4000, { a: { READ: 4 }, b: { READ: 1002 } }),
  );
  t.same(rates(steps, null)[0]!.values, [1, 2], 'what was called before is not of this step');
  t.same(rates(steps, 'b')[0]!.values, [null, 1]);
});

t.test('a procedure that is called for the first time counts; not where some are left out', async (t) => {
  t.equal(
    callsOf(history(state(0, { a: {} }), state(2000, { a: { READ: 6 } })).steps[0]!, null)!.get('READ')!.calls,
    6,
  );
  const many = Object.fromEntries(Array.from({ length: TOLD_MAX }, (_, index) => [`P${index}`, 5]));
  const made = history(state(0, { a: { P0: 1 } }), state(2000, { a: many }));
  t.same([...callsOf(made.steps[0]!, null)!.keys()], ['P0']);
});

t.test('the past is bounded; a clock that goes back begins it anew', async (t) => {
  const made = new CallHistory();
  for (let at = 0; at < 2000; at++) made.add(state(at * 100, { a: { READ: at } }));
  t.equal(made.steps.length, STEPS_MAX);
  for (let at = 0; at < 400; at++) made.add(state(200_000 + at * 2000, { a: { READ: at } }));
  t.equal(made.steps.length, WINDOW_MS / 2000 + 1);
  made.add(state(1000, { a: { READ: 9000 } }));
  t.equal(made.steps.length, 0);
});

t.test('the most called have lines of their own, all others one', async (t) => {
  const calls = Object.fromEntries(['A', 'B', 'C', 'D', 'E', 'F', 'G'].map((name, index) => [name, (index + 1) * 10]));
  const { steps } = history(state(0, { a: {} }), state(1000, { a: calls }));
  const series = rates(steps, null);
  t.same(
    series.map(({ name }) => name),
    ['G', 'F', 'E', 'D', 'C', 'others'],
  );
  t.equal(series.length, LINES_MAX + 1);
  t.same(series.at(-1)!.values, [30]);
});

t.test('quantiles are those of rpc, for whatever buckets', async (t) => {
  const buckets = fc.array(fc.nat(1000), {
    minLength: LATENCY_BOUNDS_MS.length + 1,
    maxLength: LATENCY_BOUNDS_MS.length + 1,
  });
  fc.assert(
    fc.property(buckets, fc.double({ min: 0.01, max: 1, noNaN: true }), (counts, share) =>
      Object.is(quantile(LATENCY_BOUNDS_MS, counts, share), quantileOfRpc(counts, share)),
    ),
  );
  const { steps } = history(state(0, { a: { READ: 0 } }), state(2000, { a: { READ: 100 } }));
  const [p50, p99] = quantiles(steps, null, 'READ', BOUNDS);
  t.same([p50.values, p99.values], [[5.5], [1 + 9 * 0.99]]);
  t.same(quantiles(steps, null, 'WRITE', BOUNDS)[0].values, [null]);
});

t.test('axes have round steps, and hold what is to be drawn', async (t) => {
  t.same(ticks(2300, 4), [0, 1000, 2000, 3000]);
  t.same(ticks(0, 4), [0, 0.5, 1]);
  t.same(decades(0.06, 25), [0.01, 0.1, 1, 10, 100]);
  t.same(decades(1, 1), [1, 10]);
  fc.assert(
    fc.property(fc.double({ min: 1e-3, max: 1e9, noNaN: true }), (most) => {
      const steps = ticks(most, 4);
      return steps.at(-1)! >= most * 0.999 && steps.length >= 2 && steps.length <= 7;
    }),
  );
  t.equal(linear(10, 20)(15), 0.5);
  t.equal(logarithmic(0.1, 10)(1).toFixed(6), '0.500000');
  t.equal(logarithmic(0.1, 10)(0), 0, 'what is below the axis lies at its end');
});
