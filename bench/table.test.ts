import t from 'tap';
import type { LoadResult } from './generator.ts';
import { type Row, stepsOf } from './measure.ts';
import { median, ratiosOf } from './ratios.ts';
import { ratioTable, resultTable, summary, targetOf } from './table.ts';
import { loadResult as result } from './testing/load-result.ts';

const row = (server: string, fields: Partial<LoadResult> = {}, window = 16): Row => ({
  server,
  operation: 'getattr',
  transport: 'udp',
  window,
  connections: window === 1 ? 1 : 4,
  result: result(fields),
});
const lines = (text: string) => text.split('\n');

t.test('at window 1 there is one connection', async (t) => {
  const steps = stepsOf({ operations: ['null'], transports: ['udp', 'tcp'], windows: [1, 16], connections: 4 });
  t.same(
    steps.map(({ transport, window, connections }) => [transport, window, connections]),
    [
      ['udp', 1, 1],
      ['tcp', 1, 1],
      ['udp', 16, 4],
      ['tcp', 16, 4],
    ],
  );
});

t.test('the median', async (t) => {
  t.equal(median([3, 1, 2]), 2);
  t.equal(median([4, 1, 2, 3]), 2.5);
  t.ok(Number.isNaN(median([])));
});

t.test('ratios: the first server over the other, step by step', async (t) => {
  const rows = [row('volcano', { serverCpu: 3, peakBytes: null }), row('other'), row('volcano', {}, 1)];
  t.same(ratiosOf(rows, 'volcano', 'other'), [
    {
      operation: 'getattr',
      transport: 'udp',
      window: 16,
      opsPerSecond: 1,
      serverCpu: 0.5,
      p50: 1,
      p99: 1,
      peakBytes: null,
    },
  ]);
  t.match(lines(ratioTable(ratiosOf(rows, 'volcano', 'other')))[2], /\| getattr \| udp +\| +16 \| +1\.00 \| +0\.50 \|/);
});

t.test('targets hold at windows above 1', async (t) => {
  t.equal(targetOf(row('volcano')), 2.2);
  t.equal(targetOf(row('volcano', {}, 1)), null);
  t.equal(targetOf({ ...row('volcano'), operation: 'symlink' }), null);
});

t.test('the table divides by the median unit and says whether the target is met', async (t) => {
  const table = (serverCpu: number) =>
    resultTable({ units: [2, 3, 9], disk: [], rows: [row('volcano', { serverCpu })] }, false);
  t.match(
    lines(table(6))[2],
    /\| getattr \| udp +\| +4 x 16 \| +2000 \| +6\.00 \| +2\.00 \| +2\.2 met \| +100 \| +400 \| +64 \|/,
  );
  t.match(lines(table(6.9))[2], /2\.2 missed/);
});

t.test('a row tells of errors, and of a machine that was busy with other things', async (t) => {
  const noisy = row('volcano', { otherCpuPercent: 40, troubles: new Map([['STALE', 3]]) });
  t.match(resultTable({ units: [3], disk: [], rows: [noisy] }, false), /STALE 3, others 40 %/);
  t.match(resultTable({ units: [3], disk: [], rows: [row('volcano', { otherCpuPercent: 4 })] }, false), /\| +\|$/);
});

t.test('the summary names the unit and the disk', async (t) => {
  const text = summary({ units: [2, 3, 4], disk: [{ group: 64, writesPerSecond: 59000, p50: 1000 }], rows: [] });
  t.match(text, 'Unit: 3.00 CPU us');
  t.match(text, '59000 (64 to a sync)');
});
