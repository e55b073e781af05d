import { added, type Calls, callsOf, type Step } from './counters.ts';
import { quantile } from './latency.ts';

/** Procedures that have a line of their own; the rest is "others". */
export const LINES_MAX = 5;
/** A quantile at a moment is that of the calls of the time before it, in milliseconds: single calls are no curve. */
export const QUANTILE_MS = 10_000;

/** Values over time; null: not known. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

/** What was called of a procedure in all that is remembered. */
export interface ProcedureSummary {
  readonly name: string;
  readonly calls: number;
  /** In the last step that is known; null: none is. */
  readonly perSecond: number | null;
  readonly p50: number | null;
  readonly p99: number | null;
}

/** Calls a second of the procedures that were called most, those first, and of all others together. */
export function rates(steps: readonly Step[], volcano: string | null): Series[] {
  const known = steps.map((step) => callsOf(step, volcano));
  const sums = totals(known);
  const names = [...sums].sort(([, one], [, other]) => other.calls - one.calls).map(([name]) => name);
  const own = names.slice(0, LINES_MAX);
  const rest = new Set(names.slice(LINES_MAX));
  const series = own.map((name) => ({
    name,
    values: known.map((calls, index) =>
      calls === null ? null : perSecond(calls.get(name)?.calls ?? 0, steps[index]!),
    ),
  }));
  if (rest.size === 0) return series;
  const values = known.map((calls, index) => {
    if (calls === null) return null;
    const others = [...calls].reduce((sum, [name, { calls }]) => sum + (rest.has(name) ? calls : 0), 0);
    return perSecond(others, steps[index]!);
  });
  return [...series, { name: 'others', values }];
}

/** Half of the calls, and 99 of 100, took at most so long, in milliseconds; of one procedure, or of all (null). */
export function quantiles(
  steps: readonly Step[],
  volcano: string | null,
  procedure: string | null,
  bounds: readonly number[],
): readonly [Series, Series] {
  const known = steps.map((step) => callsOf(step, volcano));
  const p50: (number | null)[] = [];
  const p99: (number | null)[] = [];
  for (const [index, step] of steps.entries()) {
    let sum: Calls | undefined;
    for (let back = index; back >= 0 && steps[back]!.to > step.to - QUANTILE_MS; back--) {
      const calls = known[back];
      if (calls === null || calls === undefined) break;
      for (const [name, one] of calls) if (procedure === null || name === procedure) sum = added(sum, one);
    }
    const unknown = known[index] === null || sum === undefined;
    p50.push(unknown ? null : quantile(bounds, sum!.buckets, 0.5));
    p99.push(unknown ? null : quantile(bounds, sum!.buckets, 0.99));
  }
  return [
    { name: 'p50', values: p50 },
    { name: 'p99', values: p99 },
  ];
}

/** The procedures that were called, most first. */
export function summaries(
  steps: readonly Step[],
  volcano: string | null,
  bounds: readonly number[],
): ProcedureSummary[] {
  const known = steps.map((step) => callsOf(step, volcano));
  const last = known.findLastIndex((calls) => calls !== null);
  return [...totals(known)]
    .map(([name, { calls, buckets }]) => ({
      name,
      calls,
      perSecond: last < 0 ? null : perSecond(known[last]!.get(name)?.calls ?? 0, steps[last]!),
      p50: quantile(bounds, buckets, 0.5),
      p99: quantile(bounds, buckets, 0.99),
    }))
    .sort((one, other) => other.calls - one.calls);
}

function perSecond(calls: number, { from, to }: Step): number {
  return (calls * 1000) / (to - from);
}

function totals(known: readonly (ReadonlyMap<string, Calls> | null)[]): Map<string, Calls> {
  const sums = new Map<string, Calls>();
  for (const calls of known) for (const [name, one] of calls ?? []) sums.set(name, added(sums.get(name), one));
  return sums;
}
