import type { ClientObserved, Observation } from '../dht/observation.ts';
import type { Projection } from '../dht/projection/types.ts';
import { type ProcedureFigures, quantile } from '../rpc/procedure-gauges.ts';
import { type Answered, problemsOf } from './every.ts';

/** What all volcanos were seen to have counted, at one time. */
export interface Look {
  readonly projection: Projection;
  readonly seen: readonly Answered<Observation>[];
}

/** One procedure over an interval, of all volcanos that answered. */
export interface ProcedureRate {
  readonly program: string;
  readonly version: number;
  readonly procedure: string;
  readonly callsPerSecond: number;
  /** Half of the calls, and 99 of 100, took at most so many milliseconds; null: nobody called. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
  readonly refusedPerSecond: number;
  readonly requestBytesPerSecond: number;
  readonly replyBytesPerSecond: number;
  /** Since the volcanos started. */
  readonly calls: number;
}

/** A client of one volcano over an interval. */
export interface ClientRate {
  readonly volcano: string;
  readonly client: string;
  readonly callsPerSecond: number;
  readonly requestBytesPerSecond: number;
  readonly replyBytesPerSecond: number;
  /** UDP calls that came again in the interval. */
  readonly again: number;
  /** Since the volcano started, as in `ClientObserved`. */
  readonly calls: number;
  readonly lossPercent: number;
  readonly sick: boolean;
}

/** What a network does, from two looks at it. */
export interface TopView {
  readonly epoch: number;
  readonly slices: number;
  /** Slices that only their primary has. */
  readonly singleCopies: number;
  /** The mean length of the interval, in seconds. */
  readonly seconds: number;
  readonly callsPerSecond: number;
  readonly volcanos: readonly { readonly volcano: string; readonly callsPerSecond: number }[];
  /** Those that did not answer. */
  readonly problems: readonly { readonly volcano: string; readonly problem: string }[];
  /** Those that were ever called. */
  readonly procedures: readonly ProcedureRate[];
  readonly clients: readonly ClientRate[];
  readonly clientsInAll: number;
}

/** What clients and procedures are sorted by. */
export type ClientOrder = 'rate' | 'loss' | 'name';
export type ProcedureOrder = 'rate' | 'p99' | 'name';

interface Pair {
  readonly volcano: string;
  readonly before: Observation | null;
  readonly after: Observation;
  readonly seconds: number;
}

/** What was counted between two looks; one who has started again since has counted from nothing. */
function pairsOf(before: Look, after: Look): Pair[] {
  const earlier = new Map<string, Observation>();
  for (const one of before.seen) if ('answer' in one) earlier.set(one.member.id, one.answer);
  return after.seen.flatMap((one) => {
    if ('problem' in one) return [];
    const found = earlier.get(one.member.id);
    // Who was silent before has been counting for longer than the interval.
    const old = found !== undefined && found.countedMs <= one.answer.countedMs ? found : null;
    const milliseconds = one.answer.countedMs - (old?.countedMs ?? 0);
    return [{ volcano: one.volcano, before: old, after: one.answer, seconds: Math.max(1, milliseconds) / 1000 }];
  });
}

const BUCKETS_NONE: readonly number[] = [];

function nameOf({ program, version, procedure }: ProcedureFigures): string {
  return `${program} ${version} ${procedure}`;
}

function proceduresOf(pairs: readonly Pair[]): ProcedureRate[] {
  interface Sum {
    readonly program: string;
    readonly version: number;
    readonly procedure: string;
    calls: number;
    rate: number;
    refused: number;
    requests: number;
    replies: number;
    buckets: number[];
  }
  const sums = new Map<string, Sum>();
  for (const { before, after, seconds } of pairs) {
    const old = new Map(before?.procedures.map((one) => [nameOf(one), one]));
    for (const one of after.procedures) {
      const { program, version, procedure } = one;
      const was = old.get(nameOf(one));
      let sum = sums.get(nameOf(one));
      if (sum === undefined) {
        sum = { program, version, procedure, calls: 0, rate: 0, refused: 0, requests: 0, replies: 0, buckets: [] };
        sums.set(nameOf(one), sum);
      }
      sum.calls += one.calls;
      sum.rate += (one.calls - (was?.calls ?? 0)) / seconds;
      sum.refused += (one.refused - (was?.refused ?? 0)) / seconds;
      sum.requests += (one.requestBytes - (was?.requestBytes ?? 0)) / seconds;
      sum.replies += (one.replyBytes - (was?.replyBytes ?? 0)) / seconds;
      for (const [at, count] of one.buckets.entries())
        sum.buckets[at] = (sum.buckets[at] ?? 0) + count - ((was?.buckets ?? BUCKETS_NONE)[at] ?? 0);
    }
  }
  return [...sums.values()].flatMap(
    ({ program, version, procedure, calls, rate, refused, requests, replies, buckets }) =>
      calls === 0
        ? []
        : [
            {
              ...{ program, version, procedure, callsPerSecond: rate },
              ...{ p50Ms: quantile(buckets, 0.5), p99Ms: quantile(buckets, 0.99), refusedPerSecond: refused },
              ...{ requestBytesPerSecond: requests, replyBytesPerSecond: replies, calls },
            },
          ],
  );
}

function clientsOf(pairs: readonly Pair[]): ClientRate[] {
  return pairs.flatMap(({ volcano, before, after, seconds }) => {
    const old = new Map(before?.clients.map((one) => [one.client, one]));
    return after.clients.map((one) => {
      const { client, calls, lossPercent, sick } = one;
      const found = old.get(client);
      // A client that the volcano had forgotten is counted anew.
      const was = found !== undefined && found.calls <= calls ? found : undefined;
      const since = (what: 'calls' | 'requestBytes' | 'replyBytes' | 'retransmissions'): number =>
        one[what] - (was?.[what] ?? 0);
      return {
        ...{ volcano, client, calls, lossPercent, sick, again: since('retransmissions') },
        callsPerSecond: since('calls') / seconds,
        requestBytesPerSecond: since('requestBytes') / seconds,
        replyBytesPerSecond: since('replyBytes') / seconds,
      };
    });
  });
}

function callsOf({ before, after, seconds }: Pair): number {
  const sum = (figures: readonly ProcedureFigures[]): number => figures.reduce((all, { calls }) => all + calls, 0);
  return (sum(after.procedures) - sum(before?.procedures ?? [])) / seconds;
}

/** What has happened between two looks. */
export function viewOf(before: Look, after: Look): TopView {
  const pairs = pairsOf(before, after);
  const { projection, seen } = after;
  const volcanos = pairs.map((pair) => ({ volcano: pair.volcano, callsPerSecond: callsOf(pair) }));
  return {
    epoch: projection.epoch,
    slices: projection.slices,
    singleCopies: projection.map.filter(({ inSync }) => inSync.length === 0).length,
    seconds: pairs.length === 0 ? 0 : pairs.reduce((sum, { seconds }) => sum + seconds, 0) / pairs.length,
    callsPerSecond: volcanos.reduce((sum, { callsPerSecond }) => sum + callsPerSecond, 0),
    volcanos,
    problems: problemsOf(seen),
    procedures: proceduresOf(pairs),
    clients: clientsOf(pairs),
    clientsInAll: pairs.reduce((sum, { after: { clientsInAll } }) => sum + clientsInAll, 0),
  };
}

function byText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** Those whose networks lose most first, the sick ones above all. */
export function bySickness(one: Sickness, other: Sickness): number {
  return Number(other.sick) - Number(one.sick) || other.lossPercent - one.lossPercent || other.calls - one.calls;
}

type Sickness = Pick<ClientObserved, 'sick' | 'lossPercent' | 'calls'>;

const CLIENT_ORDERS: Readonly<Record<ClientOrder, (one: ClientRate, other: ClientRate) => number>> = {
  rate: (one, other) => other.callsPerSecond - one.callsPerSecond || other.calls - one.calls,
  loss: bySickness,
  name: (one, other) => byText(one.client, other.client) || byText(one.volcano, other.volcano),
};
const PROCEDURE_ORDERS: Readonly<Record<ProcedureOrder, (one: ProcedureRate, other: ProcedureRate) => number>> = {
  rate: (one, other) => other.callsPerSecond - one.callsPerSecond || other.calls - one.calls,
  p99: (one, other) => (other.p99Ms ?? -1) - (one.p99Ms ?? -1),
  name: (one, other) => byText(one.program, other.program) || byText(one.procedure, other.procedure),
};

/** The same, sorted. */
export function sorted(view: TopView, clients: ClientOrder, procedures: ProcedureOrder): TopView {
  return {
    ...view,
    clients: view.clients.toSorted(CLIENT_ORDERS[clients]),
    procedures: view.procedures.toSorted(PROCEDURE_ORDERS[procedures]),
  };
}
