import fc from 'fast-check';
import t from 'tap';
import type { CallReport } from './observer.ts';
import { LATENCY_BOUNDS_MS, ProcedureGauges, quantile } from './procedure-gauges.ts';
import type { Procedure, Program } from './program.ts';

const named = (name: string) => ({ name }) as Procedure<any, any>;
const program: Program = {
  number: 100003,
  name: 'nfs',
  versions: new Map([
    [
      2,
      new Map([
        [0, named('NULL')],
        [1, named('GETATTR')],
      ]),
    ],
  ]),
};
const report: CallReport = {
  ...{ transport: 'udp', client: { address: '192.0.2.1', port: 1000 }, xid: 1, outcome: 'SUCCESS' },
  ...{ program: 100003, version: 2, procedure: 1, requestBytes: 100, replyBytes: 200, milliseconds: 1 },
};

t.test(
  'calls are counted by procedure, with their bytes and how long they took; what is not there is not',
  async (t) => {
    const gauges = new ProcedureGauges();
    gauges.add(program);
    gauges.call(report);
    gauges.call({ ...report, milliseconds: 1.001, outcome: 'DROPPED' });
    gauges.call({ ...report, milliseconds: 1e9 });
    for (const odd of [
      { program: 1 },
      { version: 2 ** 32 - 1 },
      { procedure: 2 ** 32 - 1 },
      { procedure: 2 },
      { version: 3 },
    ])
      gauges.call({ ...report, ...odd });
    const [none, getattr, ...others] = gauges.figures();
    t.strictSame(others, []);
    t.match(none, { procedure: 'NULL', calls: 0, buckets: [0] });
    t.match(getattr, {
      ...{ program: 'nfs', version: 2, procedure: 'GETATTR', calls: 3, refused: 1 },
      ...{ requestBytes: 300, replyBytes: 600 },
    });
    const counts = new Map(getattr!.buckets.map((count, index) => [LATENCY_BOUNDS_MS[index] ?? 'more', count]));
    t.strictSame([counts.get(1), counts.get(2.5), counts.get('more')], [1, 1, 1]);
  },
);

t.test('a quantile lies in the bucket of the call that has it', async (t) => {
  t.equal(quantile([0, 0], 0.5), null);
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0, max: 12_000, noNaN: true }), { minLength: 1, maxLength: 50 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (times, share) => {
        const gauges = new ProcedureGauges();
        gauges.add(program);
        for (const milliseconds of times) gauges.call({ ...report, milliseconds });
        const found = quantile(gauges.figures()[1]!.buckets, share)!;
        const sorted = [...times].sort((one, other) => one - other);
        const exact = Math.min(sorted[Math.max(0, Math.ceil(share * times.length) - 1)]!, LATENCY_BOUNDS_MS.at(-1)!);
        const high = LATENCY_BOUNDS_MS.find((bound) => bound >= exact)!;
        const low = LATENCY_BOUNDS_MS.findLast((bound) => bound < exact) ?? 0;
        return found >= low && found <= high;
      },
    ),
  );
});
