import t from 'tap';
import { isMet } from '../verdict.ts';
import { type FileOperation, type FileRun, parseRun } from './fileio.ts';
import type { Kind } from './options.ts';
import { type MountRow, mountTable, mountVerdicts, summaries } from './results.ts';

const run = (count: number, mount: number, others = 0): FileRun => ({
  ...{ count, mount, others, began: 1_000_000, ended: 2_000_000, self: count * 100, server: 0 },
});
const row = (round: number, operation: FileOperation, kind: Kind, of: FileRun): MountRow => ({
  ...{ round, operation, kind, run: of },
});

t.test('ratios are of one round, and their median is held against the target', async (t) => {
  // The machine was three times as slow in the second round.
  const rows = [1, 3, 1.1].flatMap((slow, round) => [
    row(round, 'write', 'encrypted', run(10, 19_000 * slow, 40)),
    row(round, 'write', 'gocryptfs', run(10, 10_000 * slow)),
  ]);
  const [encrypted, other] = summaries(rows);
  t.match(encrypted, { kind: 'encrypted', perSecond: 10, self: 100, others: 40 });
  t.strictSame(
    encrypted!.ratios.map((ratio) => ratio.toFixed(3)),
    ['1.900', '1.900', '1.900'],
  );
  t.strictSame(other!.ratios, [1, 1, 1]);
  const [verdict, ...more] = mountVerdicts(summaries(rows));
  t.strictSame(more, []);
  t.ok(isMet(verdict!));
  t.match(mountTable(summaries(rows)), /others 40 %/);
  const worse = rows.map((one) => (one.kind === 'encrypted' ? { ...one, run: run(10, 62_000) } : one));
  t.notOk(isMet(mountVerdicts(summaries(worse))[0]!));
});

t.test('stat that the kernel answers is a number a second, and has no ratio', async (t) => {
  const rows = [row(0, 'stat', 'encrypted', run(19_999, 0)), row(0, 'ask', 'encrypted', run(5_000, 100_000))];
  const [verdict, ...more] = mountVerdicts(summaries(rows));
  t.strictSame(more, []);
  t.notOk(isMet(verdict!));
  t.ok(isMet(mountVerdicts(summaries([row(0, 'stat', 'encrypted', run(20_000, 0))]))[0]!));
});

t.test('what is not there is not made up', async (t) => {
  t.throws(() => parseRun('{"count":1}'), /no number began/);
  t.strictSame(mountVerdicts(summaries([row(0, 'read', 'encrypted', run(10, 10))])), [], 'no gocryptfs, no ratio');
});
