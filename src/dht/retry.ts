import type { Clock } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import { UnavailableError } from '../flare/errors.ts';
import { BusyError, ElsewhereError } from '../flare/joint.ts';
import { RetryError } from './owners.ts';

/** How long a call is tried before it is given up, in milliseconds: clients ask again by themselves after less. */
export const PATIENCE_MS = 30_000;
/** The first pause between two tries is shorter than this, in milliseconds; each further one may be twice as long. */
export const PAUSE_FIRST_MS = 4;
/** No pause is longer, in milliseconds. */
export const PAUSE_MAX_MS = 500;

/** What tries are paced by. */
export interface Pace {
  readonly clock: Clock;
  readonly random: Random;
  /** How long, in milliseconds; `PATIENCE_MS` when it is not given, Infinity: for ever. */
  readonly patienceMs?: number;
}

/** True for what says that the same may well succeed in a moment. */
export function isTransient(error: unknown): error is BusyError | ElsewhereError | RetryError {
  return error instanceof BusyError || error instanceof ElsewhereError || error instanceof RetryError;
}

/** Resolves after a while of chance, longer with each try. */
export function pause({ clock, random }: Pace, tries: number): Promise<void> {
  const most = Math.min(PAUSE_MAX_MS, PAUSE_FIRST_MS * 2 ** Math.min(tries, 16));
  return new Promise((resolve) => clock.after(1 + random.below(most), resolve));
}

/**
 * Does it, and does it again while it rejects with what `isTransient`, with pauses; after the pace's patience rejects with `UnavailableError`. Others' operations are
 * waited for, not longer than a pause.
 */
export async function untilDone<T>(pace: Pace, what: string, work: (tries: number) => T | Promise<T>): Promise<T> {
  const deadline = pace.clock.monotonic() + (pace.patienceMs ?? PATIENCE_MS);
  for (let tries = 0; ; tries++) {
    try {
      return await work(tries);
    } catch (error) {
      if (!isTransient(error)) throw error;
      if (pace.clock.monotonic() >= deadline) throw new UnavailableError(`${what}: ${error.message}`, { cause: error });
      const free = error instanceof BusyError ? error.free : null;
      await (free === null ? pause(pace, tries) : Promise.race([free, pause(pace, tries + 8)]));
    }
  }
}
