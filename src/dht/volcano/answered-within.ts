import type { Clock } from '../../base/clock.ts';
import { type Eventually, isPending } from '../../base/eventually.ts';
import { UnavailableError } from '../../flare/errors.ts';
import { BusyError } from '../../flare/joint.ts';
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

/**
 * A service for callers that wait only so long, in milliseconds, and then give up their connection and all calls on it: what takes longer is answered with `BusyError`
 * before that. It goes on, and who asks again with the same replay identity gets its answer.
 */
export function answeredWithin(service: FlareService, clock: Clock, milliseconds: number): FlareService {
  const bound: Record<string, unknown> = { root: () => service.root() };
  for (const name of METHODS) {
    const method = service[name] as (...args: unknown[]) => Eventually<unknown>;
    bound[name] = (...args: unknown[]): Eventually<unknown> => {
      const answer = method.apply(service, args);
      return isPending(answer) ? within(clock, milliseconds, answer) : answer;
    };
  }
  return bound as unknown as FlareService;
}
