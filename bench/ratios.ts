import type { Row } from './measure.ts';
import type { Transport } from './operations.ts';

/** The middle of some figures (the mean of the middle two); NaN of none. */
export function median(figures: readonly number[]): number {
  const sorted = figures.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? (sorted[middle - 1]! + sorted[middle]!) / 2 : sorted[Math.floor(middle)]!;
}

/** One server's figures divided by another's, in one step: of calls a second more is better, of all others less. */
export interface Ratio {
  readonly operation: string;
  readonly transport: Transport;
  readonly window: number;
  readonly opsPerSecond: number;
  /** Null when the server's processes could not be measured. */
  readonly serverCpu: number | null;
  readonly p50: number;
  readonly p99: number;
  readonly peakBytes: number | null;
}

function quotient(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : one / other;
}

/** The first server's rows over those of the other, step by step. A step that only one of them has is left out. */
export function ratiosOf(rows: readonly Row[], server: string, other: string): Ratio[] {
  return rows.flatMap((row) => {
    if (row.server !== server) return [];
    const { operation, transport, window, result } = row;
    const peer = rows.find(
      (candidate) =>
        candidate.server === other &&
        candidate.operation === operation &&
        candidate.transport === transport &&
        candidate.window === window,
    )?.result;
    if (peer === undefined) return [];
    return {
      operation,
      transport,
      window,
      opsPerSecond: result.opsPerSecond / peer.opsPerSecond,
      serverCpu: quotient(result.serverCpu, peer.serverCpu),
      p50: result.p50 / peer.p50,
      p99: result.p99 / peer.p99,
      peakBytes: quotient(result.peakBytes, peer.peakBytes),
    };
  });
}
