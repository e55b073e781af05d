import type { Time } from '../types.ts';

/** µs since 1970-01-01 UTC as a time. */
export function timeOf(microseconds: number): Time {
  const seconds = Math.floor(microseconds / 1_000_000);
  return { seconds, nanoseconds: (microseconds - seconds * 1_000_000) * 1000 };
}

/** A time in whole µs, cut off. */
export function microsecondsOf(time: Time): number {
  return time.seconds * 1_000_000 + Math.floor(time.nanoseconds / 1000);
}
