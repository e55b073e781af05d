import { type VirtualClock, VirtualTime } from '../virtual-clock.ts';

/** A clock that stands still until a test moves it. The event loop's turns go on by themselves. */
export interface ManualClock extends VirtualClock {
  /** Moves both times on and fires what falls due, in the order of the due times. */
  advance(milliseconds: number): void;
}

/** A manual clock that starts at that wall time, in microseconds (2020-09-13 12:26:40 UTC unless told). */
export function manualClock(startMicroseconds?: number): ManualClock {
  const time = new VirtualTime();
  return Object.assign(time.clock(startMicroseconds === undefined ? {} : { wall: startMicroseconds }), {
    soon: (run: () => void) => void setImmediate(run),
    advance: (milliseconds: number) => time.advance(milliseconds),
  });
}
