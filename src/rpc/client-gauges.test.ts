import t from 'tap';
import { silentLogger } from '../base/logger.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import {
  AGAIN_LEAST,
  AGAIN_MS,
  CALLS_REMEMBERED,
  CLIENT_PROCEDURES_MAX,
  ClientGauges,
  GAUGES_MAX,
  WINDOW_MS,
} from './client-gauges.ts';
import type { CallOutcome, CallReport } from './observer.ts';
import type { Procedure } from './program.ts';

function world() {
  const clock = manualClock();
  const lines: [object, string][] = [];
  const gauges = new ClientGauges(clock, { ...silentLogger, warn: (fields, message) => lines.push([fields, message]) });
  const call = (xid: number, more: Partial<CallReport> & { address?: string; port?: number } = {}): void => {
    const { address = '192.0.2.1', port = 1000, ...rest } = more;
    const outcome: CallOutcome = 'SUCCESS';
    const program = { program: 100003, version: 2, procedure: 1, requestBytes: 100, replyBytes: 200, milliseconds: 1 };
    gauges.call({ transport: 'udp', client: { address, port }, xid, ...program, outcome, ...rest });
  };
  return { clock, lines, gauges, call };
}

t.test(
  'row 20: the log names a client whose network loses packets, with about how many, once in a while',
  async (t) => {
    const { clock, lines, gauges, call } = world();
    for (let xid = 1; xid <= 2000; xid++) {
      call(xid);
      if (xid % 166 === 0) call(xid);
    }
    t.same(gauges.figures(), [
      {
        client: '192.0.2.1',
        calls: 2012,
        retransmissions: 12,
        duplicates: 0,
        replayed: 12,
        requestBytes: 201_200,
        replyBytes: 402_400,
        lossPercent: 0.6,
        sick: true,
        quietMs: 0,
        stuckMs: 0,
        procedures: [],
      },
    ]);
    t.equal(lines.length, 1);
    t.match(lines[0], [{ client: '192.0.2.1', again: AGAIN_LEAST }, /loses about 0\.6 % of packets/]);
    clock.advance(WINDOW_MS + 1);
    for (let xid = 3001; xid <= 3100; xid++) {
      call(xid);
      call(xid);
    }
    t.equal(lines.length, 2, 'said again when it goes on');
  },
);

t.test('row 20: what is no loss is not counted as one', async (t) => {
  const { clock, lines, gauges, call } = world();
  for (let xid = 1; xid <= 50; xid++) {
    call(xid);
    call(xid, { outcome: 'DUPLICATE' });
    call(xid, { port: 1001 });
    call(xid, { address: '192.0.2.2', transport: 'tcp' });
    call(xid, { address: '192.0.2.2', transport: 'tcp' });
  }
  t.same(lines, []);
  t.match(gauges.figures(), [
    { retransmissions: 50, duplicates: 50, lossPercent: 0 },
    { retransmissions: 0, lossPercent: 0 },
  ]);
  clock.advance(AGAIN_MS + 1);
  for (let xid = 1; xid <= 50; xid++) call(xid);
  t.match(gauges.figures()[0], { retransmissions: 50 }, 'row 15: xids that begin again after a boot are new calls');
});

t.test('row 20: gauges are bounded', async (t) => {
  const { gauges, call } = world();
  for (let xid = 0; xid <= CALLS_REMEMBERED; xid++) call(xid);
  call(0);
  t.match(gauges.figures(), [{ retransmissions: 0 }], 'only the last calls of a client are remembered');
  for (let client = 0; client <= GAUGES_MAX; client++) call(1, { address: `198.51.${client >> 8}.${client & 255}` });
  t.equal(gauges.figures().length, GAUGES_MAX);
});

t.test('A client is seen when it called last, what it calls, and how long its oldest call waits', async (t) => {
  const { clock, gauges, call } = world();
  const procedure = (name: string) => ({ name }) as unknown as Procedure<any, any>;
  const all = Array.from({ length: 30 }, (_, number) => [number, procedure(`P${number}`)] as const);
  gauges.add({ number: 100003, name: 'nfs', versions: new Map([[2, new Map(all)]]) });
  const figures = () => gauges.figures()[0]!;
  for (let xid = 1; xid <= 60; xid++) call(xid, { procedure: xid % 2 === 0 ? 4 : xid % 30 });
  call(99, { procedure: 2 ** 31 });
  call(100, { program: 5 });
  t.match(figures().procedures[0], { procedure: 'nfs P4', calls: 30 });
  t.equal(figures().procedures.length, CLIENT_PROCEDURES_MAX);
  clock.advance(3000);
  t.match(figures(), { quietMs: 3000, stuckMs: 0 });

  const waiting = [10, 20].map((after) => {
    clock.advance(after);
    const one = { client: { address: '192.0.2.1', port: 1000 }, began: clock.monotonic() };
    gauges.waits(one);
    return one;
  });
  clock.advance(1000);
  t.equal(figures().stuckMs, 1020);
  gauges.waited(waiting[0]!);
  t.equal(figures().stuckMs, 1000);
  gauges.waited(waiting[1]!);
  t.equal(figures().stuckMs, 0);
  gauges.waited({ client: { address: 'nobody', port: 1 }, began: 0 });
  gauges.waits({ client: { address: '192.0.2.9', port: 1 }, began: clock.monotonic() });
  clock.advance(5);
  t.match(
    gauges.figures().find(({ client }) => client === '192.0.2.9'),
    { calls: 0, stuckMs: 5 },
  );
});
