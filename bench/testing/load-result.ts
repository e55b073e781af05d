import type { LoadResult } from '../generator.ts';

/** A result of the load generator in which nothing is remarkable. */
export function loadResult(fields: Partial<LoadResult> = {}): LoadResult {
  return {
    ops: 1000,
    opsPerSecond: 2000,
    p50: 100,
    p99: 400,
    max: 900,
    serverCpu: 6,
    peakBytes: 64 << 20,
    otherCpuPercent: 0,
    began: 0,
    ended: 1,
    troubles: new Map(),
    work: null,
    walk: null,
    ...fields,
  };
}
