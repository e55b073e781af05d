import t from 'tap';
import { parseDisk, parseLoad } from './generator.ts';

const LOAD = {
  op: 'read',
  start_us: 1000,
  stop_us: 3000,
  ops: 10,
  ops_s: 5000,
  p50_us: 12.5,
  p99_us: 30,
  max_us: 45,
  retrans: 2,
  lost: 0,
  reconnects: 1,
  other_cpu_pct: 3.5,
  server_cpu_us_op: 4.25,
  server_hwm_kb: 2,
  errors: { STALE: 3 },
};

t.test('a load: figures, and everything that went wrong', async (t) => {
  const result = parseLoad(JSON.stringify(LOAD));
  t.match(result, {
    ops: 10,
    opsPerSecond: 5000,
    p50: 12.5,
    p99: 30,
    max: 45,
    walk: null,
    serverCpu: 4.25,
    peakBytes: 2048,
    otherCpuPercent: 3.5,
  });
  t.match(result, { began: 1000, ended: 3000 });
  t.same(
    [...result.troubles],
    [
      ['STALE', 3],
      ['retransmitted', 2],
      ['reconnects', 1],
    ],
  );
});

t.test('a listing says where it stands; a steady rate, what came late', async (t) => {
  const { walk, work, troubles } = parseLoad(
    JSON.stringify({ ...LOAD, cookie: 77, eof: 1, entries: 5, late: 2, unsent: 0, work_p99_us: 7, work_max_us: 8 }),
  );
  t.same(work, { p99: 7, max: 8 });
  t.same(walk, { cookie: 77, end: true, entries: 5 });
  t.equal(troubles.get('later than 5 ms'), 2);
  t.notOk(troubles.has('not sent'));
});

t.test('a server that is not on this machine has no CPU and no memory', async (t) => {
  const { server_cpu_us_op: _, server_hwm_kb: __, ...rest } = LOAD;
  t.match(parseLoad(JSON.stringify(rest)), { serverCpu: null, peakBytes: null });
});

t.test('output that lacks a figure is refused', async (t) => {
  const { p99_us: _, ...rest } = LOAD;
  t.throws(() => parseLoad(JSON.stringify(rest)), /has no number p99_us/);
});

t.test('the disk: appends count', async (t) => {
  const lines = [
    { disk: 'append', group: 1, writes_s: 5000, p50_us: 190 },
    { disk: 'append', group: 64, writes_s: 59000, p50_us: 1000 },
    { disk: 'overwrite', group: 1, writes_s: 9800, p50_us: 100 },
  ];
  t.same(parseDisk(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`), [
    { group: 1, writesPerSecond: 5000, p50: 190 },
    { group: 64, writesPerSecond: 59000, p50: 1000 },
  ]);
});
