import t from 'tap';
import { alone } from '../dht/testing/members.ts';
import { LATENCY_BOUNDS_MS } from '../rpc/procedure-gauges.ts';
import { client, procedure, silent, told } from './testing/seen.ts';
import { bytesText, millisecondsText, rateText, screenLines, wholeText } from './top-text.ts';
import { type Look, sorted, viewOf } from './top-view.ts';

const projection = alone();
const look = (...seen: Look['seen']): Look => ({ projection, seen });
const BUCKET = 3;

t.test('rates and latencies are those of the interval, by each volcano’s own time, added up', async (t) => {
  const before = look(
    told('wallace', 0, {
      countedMs: 10_000,
      procedures: [procedure('GETATTR', 1000, 9), procedure('NULL', 0, 0)],
      clients: [client('192.0.2.1', 1000, { retransmissions: 5 })],
    }),
    told('gromit', 1, { countedMs: 5000, procedures: [procedure('GETATTR', 10, BUCKET)] }),
  );
  const getattr = procedure('GETATTR', 1000, 9);
  const buckets = getattr.buckets.with(BUCKET, 40);
  const after = look(
    told('wallace', 0, {
      countedMs: 12_000,
      procedures: [{ ...getattr, calls: 1040, buckets }, procedure('NULL', 0, 0)],
      clients: [client('192.0.2.1', 1040, { retransmissions: 7, lossPercent: 0.6, sick: true })],
    }),
    told('gromit', 1, { countedMs: 6000, procedures: [procedure('GETATTR', 20, BUCKET)] }),
  );
  const view = viewOf(before, after);
  t.equal(view.callsPerSecond, 30, '40 in 2 s, and 10 in 1 s');
  t.same(view.volcanos, [
    { volcano: 'wallace', callsPerSecond: 20 },
    { volcano: 'gromit', callsPerSecond: 10 },
  ]);
  t.equal(view.procedures.length, 1, 'what nobody has ever called is left out');
  const [one] = view.procedures;
  t.match(one, { procedure: 'GETATTR', callsPerSecond: 30, calls: 1060 });
  t.ok(one!.p99Ms! <= LATENCY_BOUNDS_MS[BUCKET], 'the slow calls of before do not count');
  t.match(view.clients, [{ client: '192.0.2.1', volcano: 'wallace', callsPerSecond: 20, again: 2, sick: true }]);
});

t.test(
  'who has started again has counted from nothing; who was silent has not counted for longer than it has',
  async (t) => {
    const counted = (countedMs: number, calls: number) =>
      look(told('wallace', 0, { countedMs, procedures: [procedure('READ', calls, 0)], clients: [client('a', calls)] }));
    t.equal(viewOf(counted(60_000, 9000), counted(500, 10)).callsPerSecond, 20);
    t.equal(viewOf(look(silent('wallace', 0, 'off')), counted(500, 10)).callsPerSecond, 20);
    t.equal(viewOf(counted(60_000, 9000), counted(500, 10)).clients[0]!.callsPerSecond, 20);
    t.equal(viewOf(counted(1000, 5), counted(1000, 5)).callsPerSecond, 0, 'no time has passed');
  },
);

t.test('a volcano that does not answer is named, and the others are shown', async (t) => {
  const view = viewOf(
    look(told('wallace', 0, { countedMs: 1000 }), told('gromit', 1, { countedMs: 1000 })),
    look(told('wallace', 0, { countedMs: 2000 }), silent('gromit', 1, 'it is \x1b[2J off')),
  );
  t.same(view.problems, [{ volcano: 'gromit', problem: 'it is \x1b[2J off' }]);
  t.match(
    wholeText(view),
    /^2 volcanos, epoch \d+: 0 calls\/s over 1\.0 s \(wallace 0\)\ngromit DOES NOT ANSWER: it is \\x1b\[2J off\n/,
  );
});

t.test('clients and procedures can be sorted; by loss the sick ones come first', async (t) => {
  const clients = [
    client('b', 10, { lossPercent: 5 }),
    client('a', 30),
    client('c', 20, { lossPercent: 1, sick: true }),
  ];
  const procedures = [procedure('WRITE', 5, 8), procedure('READ', 10, 1)];
  const view = viewOf(look(), look(told('wallace', 0, { countedMs: 1000, clients, procedures })));
  const names = (order: 'rate' | 'loss' | 'name') =>
    sorted(view, order, 'rate')
      .clients.map((one) => one.client)
      .join('');
  t.equal(names('rate'), 'acb');
  t.equal(names('loss'), 'cba');
  t.equal(names('name'), 'abc');
  const first = (order: 'rate' | 'p99' | 'name') => sorted(view, 'rate', order).procedures[0]!.procedure;
  t.same([first('rate'), first('p99'), first('name')], ['READ', 'WRITE', 'READ']);
});

t.test('a screen has as many lines as there are rows, none longer than it is wide, whatever its size', async (t) => {
  const clients = Array.from({ length: 60 }, (_, at) => client(`192.0.2.${at}`, at));
  const procedures = Array.from({ length: 18 }, (_, at) => procedure(`P${at}`, at + 1, 3));
  const view = viewOf(look(), look(told('wallace', 0, { countedMs: 1000, clients, procedures, clientsInAll: 70 })));
  const state = { clients: 'rate', procedures: 'rate' } as const;
  for (const [columns, rows] of [
    [80, 24],
    [20, 5],
    [200, 100],
    [1, 1],
    [40, 2],
  ] as const) {
    const lines = screenLines(view, state, columns, rows);
    t.equal(lines.length, rows);
    t.ok(lines.every((line) => line.length <= columns));
    t.ok('q ends'.startsWith(lines.at(-1)!.slice(0, 6)), 'how to end it is always there');
  }
  const screen = screenLines(view, state, 80, 24);
  t.ok(screen.some((line) => line.startsWith('procedure')) && screen.some((line) => line.startsWith('client')));
  t.match(wholeText(view), /\nand 10 more\n$/);
});

t.test('figures in few characters', async (t) => {
  t.same([0, 0.04, 9.94, 9.96, 1234.5].map(rateText), ['0', '0.0', '9.9', '10', '1235']);
  t.same([0, 1023, 1024, 17.3 * 2 ** 20, 2 ** 50].map(bytesText), ['0 B', '1023 B', '1.0 KiB', '17.3 MiB', '1024 TiB']);
  t.same([null, 0.2, 1, 9.9, 123.4].map(millisecondsText), ['-', '0.20', '1.0', '9.9', '123']);
});
