/** What ends a command, and its exit status then (128 and the signal's number). */
const STATUSES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

/** Where signals come from: `process`. */
export interface Signals {
  on(signal: keyof typeof STATUSES, hear: () => void): unknown;
  off(signal: keyof typeof STATUSES, hear: () => void): unknown;
  exit(status: number): unknown;
}

/**
 * Runs work that cleans up when `signal` is aborted: a first ^C, SIGTERM or SIGHUP aborts it, a second one ends the process at once. Resolves with the work's status, or with that of
 * the signal.
 */
export async function interruptible(
  work: (signal: AbortSignal) => Promise<number>,
  signals: Signals = process,
): Promise<number> {
  const controller = new AbortController();
  let broken = 0;
  const hearers = (Object.keys(STATUSES) as (keyof typeof STATUSES)[]).map((signal) => {
    const hear = (): void => {
      if (broken !== 0) signals.exit(broken);
      broken = STATUSES[signal];
      controller.abort();
    };
    signals.on(signal, hear);
    return () => signals.off(signal, hear);
  });
  try {
    const status = await work(controller.signal);
    return broken === 0 ? status : broken;
  } finally {
    for (const off of hearers) off();
  }
}
