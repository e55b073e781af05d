import type { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Observation } from '../dht/observation.ts';
import { copiesWanted, indexOf, singleCopies } from '../dht/projection/queries.ts';
import { isAway } from '../dht/state-text.ts';
import { LATENCY_BOUNDS_MS, type ProcedureFigures } from '../rpc/procedure-gauges.ts';
import type { WebParts } from './parts.ts';

/** How often the event loop is looked at, in milliseconds. */
export const LOOP_MS = 20;

export type Loop = ReturnType<typeof monitorEventLoopDelay>;

/** What the metrics of one moment are made of. */
export interface Moment extends Pick<WebParts, 'ring' | 'store' | 'version' | 'nickname' | 'unready'> {
  readonly observed: Observation;
  /** Times between looks at the loop since this was asked before, in nanoseconds; null: nobody has looked. */
  readonly loop: Pick<Loop, 'mean' | 'max' | 'percentile'> | null;
}

/** One value of a metric. */
export interface Sample {
  /** What follows the metric's name, as of a histogram's parts. */
  readonly suffix?: string;
  readonly labels?: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/** One metric: its name by Prometheus's conventions (base units, `_total` for what is counted), and what is told of it. */
export interface Metric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  samples(moment: Moment): Iterable<Sample>;
}

function labelsOf({ program, version, procedure }: ProcedureFigures): Record<string, string> {
  return { program, version: `${version}`, procedure };
}

function byProcedure(value: (figures: ProcedureFigures) => number): Metric['samples'] {
  return ({ observed }) => observed.procedures.map((one) => ({ labels: labelsOf(one), value: value(one) }));
}

/** Buckets of a histogram are told with all that are below them in them. */
function* latency({ observed }: Moment): Generator<Sample> {
  for (const one of observed.procedures) {
    const labels = labelsOf(one);
    let below = 0;
    for (const [at, count] of one.buckets.entries()) {
      below += count;
      const bound = LATENCY_BOUNDS_MS[at];
      yield { suffix: '_bucket', labels: { ...labels, le: bound === undefined ? '+Inf' : bound / 1000 }, value: below };
    }
    yield { suffix: '_sum', labels, value: one.milliseconds / 1000 };
    yield { suffix: '_count', labels, value: below };
  }
}

type Client = Moment['observed']['clients'][number];

function byClient(value: (client: Client) => number): Metric['samples'] {
  return ({ observed }) =>
    observed.clients
      .filter(({ calls }) => calls > 0)
      .map((client) => ({ labels: { client: client.client }, value: value(client) }));
}

type OwnFigures = NonNullable<ReturnType<Moment['ring']['figures']>>['figures'];

function own(value: (figures: OwnFigures) => number): Metric['samples'] {
  return ({ ring }) => {
    const known = ring.figures(ring.self);
    return known === null ? [] : [{ value: value(known.figures) }];
  };
}

function ofStore(value: (stats: ReturnType<Moment['store']['stats']>) => number): Metric['samples'] {
  return ({ store }) => [{ value: value(store.stats()) }];
}

function* slices({ ring }: Moment): Generator<Sample> {
  const { map, volcanos } = ring.projection();
  const self = indexOf({ volcanos }, ring.self);
  const counts = { primary: 0, mirror: 0, filling: 0 };
  for (const { primary, inSync, filling } of map) {
    if (primary === self) counts.primary += 1;
    else if (inSync.includes(self)) counts.mirror += 1;
    else if (filling.includes(self)) counts.filling += 1;
  }
  for (const [state, value] of Object.entries(counts)) yield { labels: { state }, value };
}

/** How much later than it was meant to be a look at the loop was. */
function loop(nanoseconds: (of: NonNullable<Moment['loop']>) => number): Metric['samples'] {
  return ({ loop: seen }) => {
    const late = seen === null ? Number.NaN : nanoseconds(seen) / 1e9 - LOOP_MS / 1000;
    // Before the first look there is nothing to tell.
    return Number.isNaN(late) ? [] : [{ value: Math.max(0, late) }];
  };
}

/** All metrics of a volcano. Those of the network are as this volcano knows it. */
export const METRICS: readonly Metric[] = [
  {
    ...{ name: 'magma_build_info', help: 'The version and nickname of the volcano; always 1.', type: 'gauge' },
    samples: ({ version, nickname }) => [{ labels: { version, nickname }, value: 1 }],
  },
  {
    ...{ name: 'magma_ready', help: 'Whether the volcano serves all that it should: 1 or 0.', type: 'gauge' },
    samples: ({ unready }) => [{ value: unready() === null ? 1 : 0 }],
  },
  {
    ...{ name: 'magma_uptime_seconds', help: 'Since when the volcano has been running.', type: 'gauge' },
    samples: own(({ uptimeSeconds }) => uptimeSeconds),
  },
  {
    ...{ name: 'magma_calls_total', help: 'Calls of clients.', type: 'counter' },
    samples: byProcedure(({ calls }) => calls),
  },
  {
    name: 'magma_calls_refused_total',
    help: 'Calls that RPC refused, or that were not answered; by no means the errors of NFS.',
    type: 'counter',
    samples: byProcedure(({ refused }) => refused),
  },
  {
    ...{
      name: 'magma_call_duration_seconds',
      help: 'How long calls took, from their arrival to the reply.',
      type: 'histogram',
    },
    samples: latency,
  },
  {
    ...{ name: 'magma_request_bytes_total', help: 'Bytes of calls.', type: 'counter' },
    samples: byProcedure(({ requestBytes }) => requestBytes),
  },
  {
    ...{ name: 'magma_reply_bytes_total', help: 'Bytes of replies.', type: 'counter' },
    samples: byProcedure(({ replyBytes }) => replyBytes),
  },
  {
    ...{ name: 'magma_clients', help: 'Clients that have called or mounted.', type: 'gauge' },
    samples: ({ observed }) => [{ value: observed.clientsInAll }],
  },
  {
    name: 'magma_client_loss_ratio',
    help: 'About what share of the packets of a client gets lost, 0 to 1; of those 100 clients that lose most.',
    type: 'gauge',
    samples: byClient(({ lossPercent }) => lossPercent / 100),
  },
  {
    ...{ name: 'magma_client_calls_total', help: 'Calls of those clients.', type: 'counter' },
    samples: byClient(({ calls }) => calls),
  },
  {
    name: 'magma_client_replayed_calls_total',
    help: 'Calls of those clients that got their answer once more, since a packet was lost.',
    type: 'counter',
    samples: byClient(({ replayed }) => replayed),
  },
  {
    name: 'magma_client_duplicate_calls_total',
    help: 'Calls of those clients that came again while the first was under way, since the volcano was slow.',
    type: 'counter',
    samples: byClient(({ duplicates }) => duplicates),
  },
  {
    ...{ name: 'magma_ring_epoch', help: 'The number of the newest map that the volcano knows.', type: 'gauge' },
    samples: ({ ring }) => [{ value: ring.projection().epoch }],
  },
  {
    ...{
      name: 'magma_ring_members',
      help: 'Volcanos of the network, those that were heard of lately and others.',
      type: 'gauge',
    },
    samples({ ring }) {
      const { volcanos } = ring.projection();
      const away = volcanos.filter(({ id }) => isAway(ring.figures(id), volcanos.length)).length;
      return [
        { labels: { state: 'heard' }, value: volcanos.length - away },
        { labels: { state: 'away' }, value: away },
      ];
    },
  },
  {
    name: 'magma_ring_slices',
    help: 'Slices that the volcano is primary of, a mirror in sync of, and is being filled with.',
    type: 'gauge',
    samples: slices,
  },
  {
    name: 'magma_ring_single_copy_slices',
    help: 'Slices of the network that nobody but their primary has, though there are to be more copies.',
    type: 'gauge',
    samples: ({ ring }) => [{ value: singleCopies(ring.projection()).length }],
  },
  {
    ...{
      name: 'magma_ring_short_slices',
      help: 'Slices of the network with fewer copies than there are to be.',
      type: 'gauge',
    },
    samples({ ring }) {
      const projection = ring.projection();
      const copies = copiesWanted(projection);
      return [{ value: projection.map.filter(({ inSync }) => 1 + inSync.length < copies).length }];
    },
  },
  {
    ...{
      name: 'magma_mirror_lag_records',
      help: 'How many records the slowest mirror in sync is behind.',
      type: 'gauge',
    },
    samples: own(({ lagRecords }) => lagRecords),
  },
  {
    ...{ name: 'magma_log_records_total', help: 'Records appended to the log, since it was begun.', type: 'counter' },
    samples: ofStore(({ appended }) => appended),
  },
  {
    ...{ name: 'magma_log_unsynced_records', help: 'Records that are not on stable storage yet.', type: 'gauge' },
    samples: ofStore(({ appended, durable }) => appended - durable),
  },
  {
    ...{
      name: 'magma_index_lag_records',
      help: 'Records on stable storage that the index has not taken up yet.',
      type: 'gauge',
    },
    samples: ofStore(({ durable, applied }) => Math.max(0, durable - applied)),
  },
  {
    ...{ name: 'magma_log_bytes', help: 'Size of the log, and how much of it is live.', type: 'gauge' },
    samples({ store }) {
      const { logBytes, liveBytes } = store.stats();
      return [
        { labels: { part: 'all' }, value: logBytes },
        { labels: { part: 'live' }, value: liveBytes },
      ];
    },
  },
  {
    ...{ name: 'magma_log_segments', help: 'Segments of the log.', type: 'gauge' },
    samples: ofStore(({ segments }) => segments),
  },
  {
    ...{ name: 'magma_flares', help: 'Files, directories and so on that lie on the volcano.', type: 'gauge' },
    samples: ofStore(({ flares }) => flares),
  },
  {
    ...{
      name: 'magma_cache_bytes',
      help: 'Memory for flares, entries and extents that the index has too.',
      type: 'gauge',
    },
    samples: ofStore(({ cachedBytes }) => cachedBytes),
  },
  {
    ...{ name: 'magma_disk_size_bytes', help: 'Size of the disk under the data directory.', type: 'gauge' },
    samples: own(({ capacityBytes }) => capacityBytes),
  },
  {
    ...{ name: 'magma_disk_available_bytes', help: 'What files may still take of it.', type: 'gauge' },
    samples: own(({ availableBytes }) => availableBytes),
  },
  {
    ...{
      name: 'magma_disk_sync_seconds',
      help: 'How long it takes of late to make a batch of the log durable.',
      type: 'gauge',
    },
    samples: ({ store }) => [{ value: store.diskFigures().syncMs / 1000 }],
  },
  {
    ...{
      name: 'magma_disk_damaged_records_total',
      help: 'Records of the log that were found damaged.',
      type: 'counter',
    },
    samples: ({ store }) => [{ value: store.diskFigures().damaged }],
  },
  {
    name: 'magma_disk_repaired_records_total',
    help: 'Those of them that came anew from another volcano.',
    type: 'counter',
    samples: ({ store }) => [{ value: store.diskFigures().repaired }],
  },
  {
    ...{ name: 'magma_process_resident_memory_bytes', help: 'Resident memory of the process.', type: 'gauge' },
    samples: () => [{ value: process.memoryUsage.rss() }],
  },
  {
    ...{ name: 'magma_process_heap_bytes', help: 'Memory of the process that JavaScript uses.', type: 'gauge' },
    samples: () => [{ value: process.memoryUsage().heapUsed }],
  },
  {
    ...{ name: 'magma_process_cpu_seconds_total', help: 'CPU time of the process.', type: 'counter' },
    samples() {
      const { user, system } = process.cpuUsage();
      return [
        { labels: { mode: 'user' }, value: user / 1e6 },
        { labels: { mode: 'system' }, value: system / 1e6 },
      ];
    },
  },
  {
    name: 'magma_event_loop_delay_mean_seconds',
    help: 'How late the event loop was on average since this was asked before.',
    type: 'gauge',
    samples: loop(({ mean }) => mean),
  },
  {
    name: 'magma_event_loop_delay_p99_seconds',
    help: 'How late the event loop was at most, but for 1 % of the times.',
    type: 'gauge',
    samples: loop((seen) => seen.percentile(99)),
  },
  {
    name: 'magma_event_loop_delay_max_seconds',
    help: 'How late the event loop was at most since this was asked before.',
    type: 'gauge',
    samples: loop(({ max }) => max),
  },
];
