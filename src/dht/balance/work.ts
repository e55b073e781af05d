import type { MemberId } from '../projection/types.ts';

/** The greatest weight of a volcano. */
export const WEIGHT_MAX = 1000;
/** The longest reason that is told, in bytes. */
export const REASON_MAX = 160;
/** The most volcanos of which is told in one call, and in its answer: the teller, and others of which it was heard. */
export const WORKS_MAX = 65;

/** What a volcano tells of the work that its slices are. Rates are a second; units: docs/balance.md. */
export interface Work {
  /** As it was told (`-w`). */
  readonly weight: number;
  readonly calls: number;
  /** Read and written. */
  readonly bytes: number;
  readonly units: number;
  /** Of the slice that has the most of it, and of all behind that one in its run. */
  readonly peakUnits: number;
  readonly aboveUnits: number;
  readonly capacityBytes: number;
  readonly availableBytes: number;
  /** Its slices are the same, and have been measured, for long enough. */
  readonly settled: boolean;
  /** Why it gives nothing away, in words; empty: it does. */
  readonly reason: string;
}

/** Some volcano's work, as it was so many milliseconds ago. */
export interface WorkHeard {
  readonly id: MemberId;
  readonly ageMs: number;
  readonly work: Work;
}
