import t from 'tap';
import { manualClock } from '../base/testing/manual-clock.ts';
import { CLIENTS_OBSERVED_MAX, type ClientObserved, NOTHING_OBSERVED } from '../dht/observation.ts';
import type { OperatorView } from '../dht/operator-view.ts';
import { fakeRing } from '../dht/testing/fake-ring.ts';
import { LATENCY_BOUNDS_MS } from '../rpc/procedure-gauges.ts';
import { CLIENTS_TOLD } from './metrics.ts';
import { METRICS } from './metrics-table.ts';
import { Readiness, STUCK_MS } from './ready.ts';
import { ask, world } from './testing/world.ts';

const client: ClientObserved = {
  ...{ client: '192.0.2.1', calls: 10, retransmissions: 3, duplicates: 1, replayed: 2, requestBytes: 1, replyBytes: 2 },
  ...{ lossPercent: 0.6, sick: true, mounts: [], mountsInAll: 0 },
  ...{ quietMs: 2000, stuckMs: 0, procedures: [] },
};

t.test(
  '/metrics: calls, latency in cumulative buckets of seconds, the clients that lose most, the ring, the disk',
  async (t) => {
    const buckets = LATENCY_BOUNDS_MS.map(() => 0);
    const ring: OperatorView = {
      ...fakeRing(),
      observe: (_, { clients }) => ({
        ...{ ...NOTHING_OBSERVED, nickname: 'wallace', clientsInAll: 300 },
        clients: Array.from({ length: Math.min(clients, CLIENTS_OBSERVED_MAX) }, (_, at) => ({
          ...client,
          client: `192.0.2."${at}`,
        })),
        procedures: [
          {
            ...{ program: 'nfs', version: 2, procedure: 'READ', calls: 6, refused: 1, requestBytes: 7, replyBytes: 8 },
            ...{ milliseconds: 1500, buckets: [2, 3, ...buckets.slice(2), 1] },
          },
        ],
      }),
    };
    const { port } = await world(t, { ring, unready: () => 'no' });
    await ask(port, '/metrics');
    const { text, headers } = await ask(port, '/metrics');
    t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/);
    const labels = 'program="nfs",version="2",procedure="READ"';
    for (const line of [
      '# TYPE magma_call_duration_seconds histogram',
      `magma_calls_total{${labels}} 6`,
      `magma_call_duration_seconds_bucket{${labels},le="0.00005"} 2`,
      `magma_call_duration_seconds_bucket{${labels},le="0.0001"} 5`,
      `magma_call_duration_seconds_bucket{${labels},le="10"} 5`,
      `magma_call_duration_seconds_bucket{${labels},le="+Inf"} 6`,
      `magma_call_duration_seconds_sum{${labels}} 1.5`,
      `magma_call_duration_seconds_count{${labels}} 6`,
      'magma_client_loss_ratio{client="192.0.2.\\"0"} 0.006',
      'magma_clients 300',
      'magma_ready 0',
      'magma_ring_members{state="heard"} 1',
      'magma_ring_members{state="away"} 1',
      'magma_ring_slices{state="primary"} 128',
      'magma_ring_slices{state="mirror"} 128',
      'magma_ring_single_copy_slices 0',
      'magma_index_lag_records 1',
      'magma_disk_sync_seconds 0.002',
    ])
      t.ok(text.split('\n').includes(line), line);
    t.equal(text.match(/^magma_client_loss_ratio\{/gm)!.length, CLIENTS_TOLD);
    t.match(text, /^magma_process_resident_memory_bytes \d{7,}$/m);
    t.match(text, /^magma_event_loop_delay_max_seconds /m, 'from the second time on');
    t.ok(
      METRICS.every(
        ({ name, type }) => /^magma_[a-z0-9_]+$/.test(name) && name.endsWith('_total') === (type === 'counter'),
      ),
    );
  },
);

t.test('/healthz says that the process lives, /readyz whether it serves', async (t) => {
  let why: string | null = null;
  const { port } = await world(t, { unready: () => why });
  t.match(await ask(port, '/readyz'), { status: 200, text: 'ready\n' });
  why = 'it has no lease';
  t.match(await ask(port, '/readyz'), { status: 503, text: 'it has no lease\n' });
  t.match(await ask(port, '/healthz'), { status: 200, text: 'ok\n' });
});

t.test('a disk on which nothing becomes durable for a while is not ready; one that is only busy is', async (t) => {
  const clock = manualClock();
  const stats = { appended: 5, durable: 5 };
  let ringSays: string | null = null;
  const readiness = new Readiness({
    clock,
    store: { stats: () => stats },
    ring: { ...fakeRing(), unready: () => ringSays },
  });
  const later = (): string | null => {
    clock.advance(STUCK_MS);
    return readiness.unready();
  };
  t.strictSame([readiness.unready(), later()], [null, null], 'idle');
  for (let busy = 0; busy < 3; busy++) {
    stats.appended += 2;
    t.equal(readiness.unready(), null);
    stats.durable += 1;
    t.equal(later(), null, 'some came there');
  }
  t.match(later(), /its disk hangs/);
  stats.durable = stats.appended;
  t.equal(later(), null);
  ringSays = 'its map is not current';
  t.equal(later(), 'its map is not current');
});

t.test('a volcano that answers for nothing by itself is not ready when it hears of nobody', async (t) => {
  const ring = fakeRing();
  const { volcanos } = ring.projection();
  const map = ring.projection().map.map(() => ({ primary: 1, inSync: [0], filling: [] }));
  const parts = { clock: manualClock(), store: { stats: () => ({ appended: 0, durable: 0 }) } };
  const projection = () => ({ ...ring.projection(), map });
  const { figures } = ring.figures(ring.self)!;
  t.match(new Readiness({ ...parts, ring: { ...ring, projection } }).unready(), /hears of no other volcano/);
  const heard = { ...ring, projection, figures: () => ({ figures, heardSeconds: 1 }) };
  t.equal(new Readiness({ ...parts, ring: heard }).unready(), null);
  t.equal(new Readiness({ ...parts, ring }).unready(), null, 'its own slices it serves alone');
  t.equal(volcanos.length, 2);
});
