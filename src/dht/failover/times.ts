/** How long a volcano that is gone may keep its slices from being served, unless it is set otherwise, in milliseconds. */
export const FAILOVER_MS = 10_000;
/** What can be set: with less, a busy volcano would be taken for a dead one. */
export const FAILOVER_MS_MIN = 1_000;
export const FAILOVER_MS_MAX = 600_000;

/** So much of that time a grant lasts: what remains is for the map to be written, and read by all. */
const GRANT_SHARE = 0.55;
/** A grant is asked for so many times before it runs out. */
export const ROUNDS = 6;
/** Who has not granted what it was asked for so many times in a row is silent. */
export const SILENT_ROUNDS = 3;
/** Of what was granted so much is counted upon: clocks differ in how fast they run, by a twentieth each way at most. */
export const HELD_SHARE = 0.9;

/** The times of leases, in milliseconds. */
export interface FailoverTimes {
  /** How long a volcano that has granted another one its lease does not take over from it. */
  readonly grantMs: number;
  /** So often leases are asked for. */
  readonly renewMs: number;
}

/** The times by which a volcano that is gone is replaced within `failoverMs`. */
export function timesOf(failoverMs: number): FailoverTimes {
  const grantMs = Math.round(failoverMs * GRANT_SHARE);
  return { grantMs, renewMs: grantMs / ROUNDS };
}
