import t from 'tap';
import type { LoadResult } from './generator.ts';
import type { Row } from './measure.ts';
import { verdictsOf } from './targets.ts';
import { loadResult as result } from './testing/load-result.ts';
import { isMet, verdictTable } from './verdict.ts';

const write = (server: string, window: number, fields: Partial<LoadResult> = {}): Row => ({
  server,
  operation: 'write',
  transport: 'tcp',
  window,
  connections: window === 1 ? 1 : 4,
  result: result(fields),
});
const DISK = [
  { group: 1, writesPerSecond: 5000, p50: 200 },
  { group: 64, writesPerSecond: 10_000, p50: 900 },
];

t.test(
  'WRITEs at 64 outstanding are held against the disk and the other server, one at a time against a sync',
  async (t) => {
    const rows = [write('volcano', 1, { p50: 300 }), write('volcano', 16, { opsPerSecond: 7000 }), write('other', 16)];
    const verdicts = verdictsOf({ units: [], disk: DISK, rows }, 'volcano', 'other');
    t.same(
      verdicts.map((verdict) => [verdict.figure, verdict.unit, verdict.target, isMet(verdict)]),
      [
        [3.5, "of other's", { least: 3 }, true],
        [0.7, "of the disk's", { least: 0.7 }, true],
        [300, 'us', { most: 350 }, true],
        [64, 'MiB', { most: 250 }, true],
      ],
    );
  },
);

t.test('what is slower or larger is missed', async (t) => {
  const rows = [write('volcano', 1, { p50: 351, peakBytes: 251 << 20 }), write('volcano', 16), write('other', 16)];
  const verdicts = verdictsOf({ units: [], disk: DISK, rows }, 'volcano', 'other');
  t.same(verdicts.map(isMet), [false, false, false, false]);
  t.match(verdictTable(verdicts), /peak memory +\| +251 \| MiB +\| +<= 250 missed/);
});

t.test('nothing is said of what was not measured', async (t) => {
  t.same(verdictsOf({ units: [], disk: [], rows: [] }, 'volcano', null), []);
  const unmeasured = [write('volcano', 4, { peakBytes: null })];
  t.same(verdictsOf({ units: [], disk: DISK, rows: unmeasured }, 'volcano', null), []);
});
