import { seededRandom } from '../../../base/random.ts';
import { UnavailableError } from '../../../flare/errors.ts';
import type { FlareService } from '../../../flare/service.ts';

/** What is done around each call of a service, other than `root`. */
type Around = (work: () => unknown) => Promise<unknown>;

function around(service: FlareService, wrap: Around): FlareService {
  return new Proxy(service, {
    get: (target, name) => {
      const member = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (name === 'root') return member.bind(target);
      return (...args: unknown[]) => wrap(() => member.apply(target, args));
    },
  });
}

/** The answers of a service, each after a few turns of the promise queue: calls of several clients get between each other. */
export function slow(service: FlareService, seed: number, turns = 6): FlareService {
  const random = seededRandom(seed);
  const wait = async (): Promise<void> => {
    for (let left = random.below(turns); left > 0; left--) await undefined;
  };
  return around(service, async (work) => {
    await wait();
    // Answers are of the moment of the call, and so are refusals.
    const answer = (async () => work())();
    await answer.catch(() => undefined);
    await wait();
    return answer;
  });
}

/** A service that answers so many calls; then it is away. The first one without an answer may have been done. */
export function dying(service: FlareService, calls: number, done: boolean): FlareService {
  let left = calls;
  return around(service, async (work) => {
    left--;
    if (left < 0) {
      if (left === -1 && done) await (async () => work())().catch(() => undefined);
      throw new UnavailableError('the service is away');
    }
    return work();
  });
}

/** A service before whose call of that number, counted from 0, something else is done. */
export function interrupted(service: FlareService, call: number, work: () => Promise<unknown>): FlareService {
  let left = call;
  return around(service, async (called) => {
    left--;
    if (left === -1) await work();
    return called();
  });
}
