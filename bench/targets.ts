import type { Measurements, Row } from './measure.ts';
import type { Verdict } from './verdict.ts';

const MIB = 1024 * 1024;
/** Outstanding WRITEs at which throughput has a target. */
const OUTSTANDING = 64;
/** Durable WRITEs a second, at least: this many times the other server's, and this part of what the disk allows. */
const TIMES_OTHER = 3;
const PART_OF_DISK = 0.7;
/** What one WRITE may take more than one append and sync, in microseconds. */
const LATENCY_US = 150;
/** Peak resident memory, at most. */
const PEAK_MIB = 250;

function writes(rows: readonly Row[], server: string, outstanding: number): Row[] {
  return rows.filter(
    (row) => row.server === server && row.operation === 'write' && row.connections * row.window === outstanding,
  );
}

/**
 * What the run says about the targets that are not in units: durable WRITEs against the disk and against the other server, their latency, and memory.
 * Only what was measured is there.
 */
export function verdictsOf({ rows, disk }: Measurements, server: string, other: string | null): Verdict[] {
  const verdicts: Verdict[] = [];
  const grouped = disk.find(({ group }) => group === OUTSTANDING);
  for (const { transport, result } of writes(rows, server, OUTSTANDING)) {
    const what = `durable WRITEs a second over ${transport}, ${OUTSTANDING} outstanding`;
    const peer = other === null ? [] : writes(rows, other, OUTSTANDING).filter((row) => row.transport === transport);
    for (const row of peer) {
      const figure = result.opsPerSecond / row.result.opsPerSecond;
      verdicts.push({ what, figure, unit: `of ${other}'s`, target: { least: TIMES_OTHER } });
    }
    if (grouped === undefined) continue;
    const figure = result.opsPerSecond / grouped.writesPerSecond;
    verdicts.push({ what, figure, unit: "of the disk's", target: { least: PART_OF_DISK } });
  }
  const single = disk.find(({ group }) => group === 1);
  for (const { transport, result } of single === undefined ? [] : writes(rows, server, 1)) {
    const what = `one WRITE at a time over ${transport}, p50`;
    verdicts.push({ what, figure: result.p50, unit: 'us', target: { most: single!.p50 + LATENCY_US } });
  }
  const peaks = rows.filter((row) => row.server === server).map(({ result }) => result.peakBytes ?? 0);
  const peak = Math.max(0, ...peaks) / MIB;
  if (peak > 0) verdicts.push({ what: 'peak memory', figure: peak, unit: 'MiB', target: { most: PEAK_MIB } });
  return verdicts;
}
