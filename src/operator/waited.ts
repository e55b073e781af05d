import type { Clock } from '../base/clock.ts';
import { type Eventually, isPending } from '../base/eventually.ts';
import { OperatorError } from './paths.ts';

/** What is thrown when nobody waits for the answer any more. */
export function brokenOff(): OperatorError {
  return new OperatorError('broken off');
}

/** Waits for an answer; not longer than `ms`, and not when `signal` is aborted: then it throws `OperatorError`. What comes of it later is dropped. */
export async function waited<T>(answer: Eventually<T>, clock: Clock, ms: number, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw brokenOff();
  if (!isPending(answer)) return answer;
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = clock.after(ms, () => reject(new OperatorError(`no answer within ${ms / 1000} s: see lava`)));
  const abort = (): void => reject(brokenOff());
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([answer, promise]);
  } finally {
    timer.cancel();
    signal.removeEventListener('abort', abort);
  }
}
