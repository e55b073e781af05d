import t from 'tap';
import type { Work } from '../dht/balance/work.ts';
import { alone } from '../dht/testing/members.ts';
import { balanceLines, rowsOf } from './balance.ts';

const [member] = alone().volcanos;
const WORK: Work = {
  ...{ weight: 1, calls: 0, bytes: 0, units: 0, peakUnits: 0, aboveUnits: 0 },
  ...{ capacityBytes: 100, availableBytes: 90, settled: true, reason: 'it is alone' },
};
const answered = (volcano: string, work: Partial<Work>) => {
  return { volcano, member: member!, answer: { ...WORK, ...work } };
};

t.test('magma balance says what each does, what it is to have, and why nothing is moved', async (t) => {
  const rows = rowsOf([
    answered('wallace', { calls: 60, units: 90, bytes: 30 * 16_384, peakUnits: 5, reason: '' }),
    answered('gromit', { weight: 2, calls: 30, units: 30, reason: 'it does what its weight gives it, or less' }),
    { volcano: 'shaun', member: member!, problem: 'no answer' },
    { volcano: 'old', member: member!, answer: null },
  ]);
  t.match(rows, [
    { volcano: 'wallace', share: 0.75, target: 1 / 3 },
    { volcano: 'gromit', share: 0.25, target: 2 / 3 },
  ]);
  const move = {
    ...{ at: 1_795_312_800_000_000, from: 'wallace', to: 'gromit', first: 12, count: 2, why: 'work' as const },
    ...{ before: 0.61, after: 0.41, end: 'done' },
  };
  t.same(balanceLines(rows, { paused: false, moves: [move] }), [
    'on: slices are moved when that helps',
    'volcano  weight  work  to have  calls/s  bytes/s  gives nothing away:',
    'wallace  1       75%   33%      60.0     491520   -',
    'gromit   2       25%   67%      30.0     0        it does what its weight gives it, or less',
    '2026-11-22 02:00:00 UTC: 2 slices from 12 on, wallace to gromit: wallace did 61% of the work, 41% without them; done',
  ]);
  t.match(balanceLines(rowsOf([]), { paused: true, moves: [] }), [/^paused/, /^volcano/, 'nothing has been moved yet']);
});

t.test('Of a network that nobody asks anything shares are none', async (t) => {
  t.match(rowsOf([answered('wallace', {}), answered('gromit', {})]), [
    { share: 0, target: 0 },
    { share: 0, target: 0 },
  ]);
});
