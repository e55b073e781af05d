import type { Clock } from '../../base/clock.ts';
import { type Eventually, isPending } from '../../base/eventually.ts';
import { UnavailableError } from '../../flare/errors.ts';
import { BusyError } from '../../flare/joint.ts';
import type { LockService } from '../../flare/locks/types.ts';
import type { FlareService } from '../../flare/service.ts';

const METHODS = [
  'getattr',
  'glance',
  'find',
  'setattr',
  'lookup',
  'readlink',
  'read',
  'write',
  'create',
  'remove',
  'rmdir',
  'rename',
  'link',
  'readdir',
  'recall',
  'statfs',
] as const satisfies readonly (keyof FlareService)[];

function within<T>(clock: Clock, milliseconds: number, answer: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(milliseconds, () => reject(new BusyError()));
    answer.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error instanceof UnavailableError ? new BusyError() : error);
      },
    );
  });
}

const LOCK_METHODS = ['lock', 'test', 'keep', 'release'] as const satisfies readonly (keyof LockService)[];

/** An object with the same methods, each of which is answered in time. */
function bounded(of: object, names: readonly string[], clock: Clock, milliseconds: number): Record<string, unknown> {
  const bound: Record<string, unknown> = {};
  for (const name of names) {
    const method = (of as Record<string, (...args: unknown[]) => Eventually<unknown>>)[name]!;
    bound[name] = (...args: unknown[]): Eventually<unknown> => {
      const answer = method.apply(of, args);
      return isPending(answer) ? within(clock, milliseconds, answer) : answer;
    };
  }
  return bound;
}

/**
 * A service for callers that wait only so long, in milliseconds, and then give up their connection and all calls on it: what takes longer is answered with `BusyError`
 * before that. It goes on, and who asks again with the same replay identity gets its answer.
 */
export function answeredWithin(service: FlareService, clock: Clock, milliseconds: number): FlareService {
  const bound = {
    root: () => service.root(),
    ...bounded(service, METHODS, clock, milliseconds),
    locks: bounded(service.locks, LOCK_METHODS, clock, milliseconds),
  };
  return bound as unknown as FlareService;
}
