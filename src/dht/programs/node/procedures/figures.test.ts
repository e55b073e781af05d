import t from 'tap';
import { LATENCY_BOUNDS_MS } from '../../../../rpc/procedure-gauges.ts';
import { REASON_MAX, WORKS_MAX, type Work } from '../../../balance/work.ts';
import {
  CLIENTS_OBSERVED_MAX,
  LINE_BYTES_MAX,
  LINES_OBSERVED_MAX,
  type Observation,
  SHARES_OBSERVED_MAX,
} from '../../../observation.ts';
import { member } from '../../../testing/members.ts';
import { figures, served } from '../testing/served.ts';
import { HEARD_MAX, USAGE_MAX } from './figures.ts';

t.test('OBSERVE: what a volcano sees comes back as it was told, cut to what the program carries', async (t) => {
  const client = {
    ...{ client: '192.0.2.1', calls: 2 ** 40, retransmissions: 12, duplicates: 2, replayed: 10 },
    ...{ requestBytes: 7, replyBytes: 8, lossPercent: 0.61, sick: true, mounts: ['/a\xff', '/b'], mountsInAll: 9 },
    ...{ quietMs: 2 ** 40, stuckMs: 5, procedures: [{ procedure: 'nfs READ', calls: 2 ** 40 }] },
  };
  const procedure = {
    ...{ program: 'nfs', version: 2, procedure: 'GETATTR', calls: 3, refused: 1, requestBytes: 5, replyBytes: 6 },
    ...{ milliseconds: 1.125, buckets: LATENCY_BOUNDS_MS.map((_, index) => index).concat(2 ** 33) },
  };
  const observation: Observation = {
    ...{ nickname: 'wallace', version: '0.1.0', countedMs: 2 ** 41, clients: [client], clientsInAll: 3 },
    ...{
      shares: [{ path: '/\xfe', rules: ['/\\xfe * r', '/ü * w'] }],
      procedures: [procedure],
      lines: ['{"msg":"ü"}'],
    },
  };
  const asked: unknown[] = [];
  let told = observation;
  const node = await served(t, {
    observe(ask) {
      asked.push(ask);
      return told;
    },
  });
  t.strictSame(await node.observe({ clients: 20, lines: 10 }), observation);
  t.strictSame(asked, [{ clients: 20, lines: 10 }]);
  told = {
    ...observation,
    clients: Array.from({ length: CLIENTS_OBSERVED_MAX + 1 }, () => ({ ...client, mounts: ['/a', '/b', '/c', '/d'] })),
    shares: Array.from({ length: SHARES_OBSERVED_MAX + 1 }, () => ({ path: '/', rules: ['r'] })),
    lines: [`first${'x'.repeat(9)}`, ...Array.from({ length: LINES_OBSERVED_MAX }, () => 'ü'.repeat(LINE_BYTES_MAX))],
  };
  const much = await node.observe({ clients: 2 ** 32 - 1, lines: 2 ** 32 - 1 });
  t.equal(much.clients.length, CLIENTS_OBSERVED_MAX);
  t.strictSame(much.clients[0]!.mounts, ['/a', '/b', '/c']);
  t.equal(much.shares.length, SHARES_OBSERVED_MAX);
  t.equal(much.lines.length, LINES_OBSERVED_MAX, 'the last lines, not the first');
  t.ok(much.lines.every((line) => line === 'ü'.repeat(LINE_BYTES_MAX / 2)));
});

t.test('LOAD: each tells the other its figures, and what it has heard of others', async (t) => {
  const heard = [4, 5].map((number) => ({
    id: member(number).id,
    ageMs: number,
    figures: { ...figures, load: number },
    usage: [{ share: 1, uid: number, bytes: 2 ** 50, files: 3 }],
  }));
  const seen: unknown[] = [];
  const usage = [{ share: 65_535, uid: 2 ** 32 - 1, bytes: 1, files: 2 ** 40 }];
  const node = await served(t, {
    load(...args) {
      seen.push(args);
      return { figures: { ...figures, load: 8 }, usage, heard };
    },
  });
  const mine = { figures, usage: [], heard: heard.slice(1) };
  t.strictSame(await node.load(member(3).id, mine), { figures: { ...figures, load: 8 }, usage, heard });
  t.strictSame(seen, [[member(3).id, mine]]);
  const many = Array.from({ length: HEARD_MAX + 1 }, () => heard[0]!);
  await t.rejects(node.load(member(3).id, { figures, usage, heard: many }), { name: 'XdrError' });
  const accounts = Array.from({ length: USAGE_MAX + 1 }, () => usage[0]!);
  await t.rejects(node.load(member(3).id, { figures, usage: accounts, heard }), { name: 'XdrError' });
});

t.test('WORK: each tells the other what its slices are asked for, and what it has heard of others', async (t) => {
  const work: Work = {
    ...{ weight: 1000, calls: 1234.5, bytes: 2 ** 42, units: 0.001, peakUnits: 3, aboveUnits: 0 },
    ...{ capacityBytes: 2 ** 50, availableBytes: 1, settled: true, reason: 'slice 17 alone is 61% of its work' },
  };
  const heard = [4, 5].map((number) => ({ id: member(number).id, ageMs: number, work: { ...work, calls: number } }));
  const seen: unknown[] = [];
  const node = await served(t, {
    work(works) {
      seen.push(works);
      return heard;
    },
  });
  t.strictSame(await node.work(heard.slice(1)), heard);
  t.strictSame(seen, [heard.slice(1)]);
  const reason = `\u0007${'r'.repeat(REASON_MAX)}`;
  await node.work([{ ...heard[0]!, work: { ...work, reason } }]);
  t.match(
    seen[1],
    [{ work: { reason: `?${'r'.repeat(REASON_MAX - 1)}` } }],
    'what people are shown is bounded, and printable',
  );
  const many = Array.from({ length: WORKS_MAX + 1 }, () => heard[0]!);
  await t.rejects(node.work(many), { name: 'XdrError' });
});
