import t from 'tap';
import { parseRule } from '../acl/rule.ts';
import { parseShares } from '../acl/shares-file.ts';
import { manualClock } from '../base/testing/manual-clock.ts';
import type { ClientFigures } from '../rpc/client-gauges.ts';
import { Observer } from './observe.ts';

const figures: ClientFigures = {
  ...{ client: '192.0.2.1', calls: 9, retransmissions: 3, duplicates: 1, replayed: 2 },
  ...{ requestBytes: 1, replyBytes: 2, lossPercent: 1, sick: false },
  ...{ quietMs: 2000, stuckMs: 0, procedures: [] },
};
const rule = (text: string) => parseRule(text, 'here');

t.test(
  'an observation: clients with their mounts, also silent ones; each share with its rules; lines only when asked for',
  async (t) => {
    const clock = manualClock();
    const mounts = ['/a', '/b', '/c', '/d'].map((path) => ({ client: '192.0.2.1', path }));
    const observer = new Observer({
      clock,
      clients: { figures: () => [figures, { ...figures, client: '192.0.2.3' }] },
      procedures: { figures: () => [] },
      mounts: { list: () => [...mounts, { client: '192.0.2.2', path: '/a' }] },
      rules: {
        list: () => [{ path: '/a' }, { path: '/ab' }],
        rules: () => [rule('/a * r'), rule('/a/b * w tsize=1024,no_root_squash'), rule('/ab * w')],
      },
      quotas: { rules: () => parseShares('/ab * r\n/ab quota 5 files=1:2,grace=2h', 'here').quotas },
      log: { last: (count) => ['1', '2', '3'].slice(-count) },
    });
    clock.advance(5000);
    const seen = observer.observe({ clients: 10, lines: 2 });
    t.equal(seen.countedMs, 5000);
    t.strictSame(
      seen.clients.map(({ client, calls, mounts, mountsInAll }) => ({ client, calls, mounts, mountsInAll })),
      [
        { client: '192.0.2.1', calls: 9, mounts: ['/a', '/b', '/c'], mountsInAll: 4 },
        { client: '192.0.2.3', calls: 9, mounts: [], mountsInAll: 0 },
        { client: '192.0.2.2', calls: 0, mounts: ['/a'], mountsInAll: 1 },
      ],
    );
    t.strictSame(seen.shares, [
      { path: '/a', rules: ['/a * r', '/a/b * w no_root_squash,tsize=1024'] },
      { path: '/ab', rules: ['/ab * w', '/ab quota 5 files=1:2,grace=7200s'] },
    ]);
    t.strictSame(seen.lines, ['2', '3']);
    const short = observer.observe({ clients: 1, lines: 0 });
    t.strictSame([short.clients.length, short.clientsInAll, short.lines.length], [1, 3, 0]);
  },
);
