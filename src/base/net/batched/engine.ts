import { Endpoints } from './endpoint.ts';
import { batchedHost, type Host } from './host.ts';
import { Receiver } from './receive.ts';
import { Sender } from './send.ts';
import { Watcher } from './watch.ts';

/** What all batched sockets of the process share. */
export interface Engine {
  readonly host: Host;
  readonly endpoints: Endpoints;
  readonly receiver: Receiver;
  readonly sender: Sender;
  readonly watcher: Watcher;
}

let made: Engine | undefined;

/** An engine on these calls. */
export function createEngine(host: Host): Engine {
  const endpoints = new Endpoints(host);
  return {
    host,
    endpoints,
    receiver: new Receiver(host, endpoints),
    sender: new Sender(host),
    watcher: new Watcher(host),
  };
}

/** The process's engine, made when it is first asked for; or an error that says why this host cannot have one. */
export function batchedEngine(): Engine | Error {
  if (made !== undefined) return made;
  const host = batchedHost();
  if (host instanceof Error) return host;
  made = createEngine(host);
  return made;
}
