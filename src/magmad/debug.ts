import type { Access } from '../acl/areas.ts';
import type { Clock } from '../base/clock.ts';
import { andThen, isPending } from '../base/eventually.ts';
import type { Logger } from '../base/logger.ts';
import type { Endpoint } from '../base/net.ts';
import type { IndexHost } from '../flare/index/types.ts';
import type { FlareService } from '../flare/service.ts';
import type { Attributes } from '../flare/types.ts';
import type { Gate } from '../nfs2/server.ts';

/*
 * What the debug channels see. Each stands before a part of the volcano only while its channel is on, so that it costs nothing else.
 */

type Method = (...args: unknown[]) => unknown;

/** The same object, whose methods are told of when they have ended: name, milliseconds, and what was thrown. */
function watched<T extends object>(
  target: T,
  clock: Clock,
  tell: (name: string, ms: number, error?: unknown) => void,
): T {
  const methods = new Map<string | symbol, Method>();
  return new Proxy(target, {
    get(of, name) {
      const value = Reflect.get(of, name, of) as unknown;
      if (typeof value !== 'function') return value;
      let method = methods.get(name);
      if (method === undefined) {
        method = watch(String(name), (value as Method).bind(of));
        methods.set(name, method);
      }
      return method;
    },
  });

  function watch(name: string, call: Method): Method {
    return (...args) => {
      const start = clock.monotonic();
      const end = (error?: unknown): void => tell(name, Math.round((clock.monotonic() - start) * 1000) / 1000, error);
      try {
        const result = call(...args);
        if (isPending(result)) result.then(() => end(), end);
        else end();
        return result;
      } catch (error) {
        end(error);
        throw error;
      }
    };
  }
}

/**
 * The same object to all who have it, with the methods of `plain` or, while `listen` says that its channel is on, of `watched`: a channel that is off costs a bound call. What `watched` does not have is not watched.
 */
export function switchable<T extends object>(
  plain: T,
  watched: T,
  listen: (listener: (on: boolean) => void) => void,
): T {
  const facade: Record<string, unknown> = {};
  const methods: string[] = [];
  for (let of: object | null = plain; of !== null && of !== Object.prototype; of = Object.getPrototypeOf(of)) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(of))) {
      if (name === 'constructor' || Object.hasOwn(facade, name)) continue;
      if (typeof value === 'function') {
        methods.push(name);
        facade[name] = value;
      } else Object.defineProperty(facade, name, { get: () => Reflect.get(plain, name, plain), enumerable: true });
    }
  }
  listen((on) => {
    for (const name of methods) {
      const seen = on ? Reflect.get(watched, name) : undefined;
      facade[name] = ((seen ?? Reflect.get(plain, name)) as Method).bind(plain);
    }
  });
  return facade as T;
}

/** A flare service whose operations are logged: `f`. */
export function watchFlares(service: FlareService, clock: Clock, log: Logger): FlareService {
  return watched(service, clock, (operation, ms, error) => {
    log.debug({ ms, ...(error === undefined ? {} : { refused: String((error as Error).message) }) }, operation);
  });
}

/** An index whose batches and checkpoints are logged: `s`. */
export function watchIndex(host: IndexHost, clock: Clock, log: Logger): IndexHost {
  return watched(host, clock, (operation, ms, error) => {
    const { lsn } = host.applied;
    log.debug({ ms, applied: lsn, ...(error === undefined ? {} : { error: String(error) }) }, operation);
  });
}

/** The rules, whose decisions are logged: `a`. */
export function watchRules(gate: Gate, log: Logger): Gate {
  return {
    access(client: Endpoint, flare: Attributes) {
      return andThen(gate.access(client, flare), (access: Access) => {
        const { permission, rule, reason } = access;
        log.debug({ client: client.address, fileid: flare.fileid, permission, rule: rule?.where }, reason || 'allowed');
        return access;
      });
    },
    sameArea: (one, other) => gate.sameArea(one, other),
    carriesRule: (key) => gate.carriesRule(key),
    share: (number) => gate.share(number),
  };
}
