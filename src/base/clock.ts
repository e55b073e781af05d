/** A timer that was set with `Clock.after`. */
export interface Timer {
  /** Forgets the timer; harmless when it has fired already. */
  cancel(): void;
}

/**
 * The only source of time. Everything that looks at a clock or waits takes one, so that a whole network of
 * volcanos runs in one process on virtual time.
 */
export interface Clock {
  /** Wall time in whole microseconds since 1970-01-01 UTC. It may jump when the host's clock is set. */
  now(): number;
  /** Milliseconds, with fractions, on a clock that never jumps or runs backwards; its origin means nothing. */
  monotonic(): number;
  /** Calls `fire` once, `milliseconds` from now. Does not keep the process alive. */
  after(milliseconds: number, fire: () => void): Timer;
  /** Calls `run` once, when all that the event loop brings in this turn has been dealt with. */
  soon(run: () => void): void;
}

/** The host's clock. */
export const systemClock: Clock = {
  // performance.now() would not follow a clock that is set while the process runs.
  now: () => Date.now() * 1000,
  monotonic: () => performance.now(),
  after(milliseconds, fire) {
    const timer = setTimeout(fire, milliseconds);
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
  soon: (run) => void setImmediate(run),
};
