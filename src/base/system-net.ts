import { type Clock, systemClock } from './clock.ts';
import { type Logger, silentLogger } from './logger.ts';
import { hostAddresses } from './net/address.ts';
import { bindDatagrams } from './net/datagram.ts';
import { connectStream, listenStreams } from './net/stream.ts';
import type { Net } from './net.ts';

/** What the host's network may be made with; all have defaults. */
export interface SystemNetOptions {
  readonly clock?: Clock;
  /** Told of buffers that the host refuses. */
  readonly logger?: Logger;
  /** The host's addresses at this moment; for tests. */
  readonly addresses?: () => readonly string[];
}

/**
 * The host's network. UDP on all addresses takes a socket for each, so that a reply leaves from the address that the request came to,
 * and wildcard sockets for the rest (broadcasts, addresses that just appeared): what comes there has `0.0.0.0` or `::` as its local address, and the
 * host chooses from where the reply leaves. TCP on all addresses listens on `::` for both families, or on `0.0.0.0` on a host without IPv6.
 */
export function createSystemNet(options: SystemNetOptions = {}): Net {
  const host = {
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
    addresses: options.addresses ?? hostAddresses,
  };
  return {
    bindDatagram: (addresses, port, choice) => bindDatagrams(host, addresses, port, choice?.sole ?? false),
    listen: listenStreams,
    connect: connectStream,
  };
}

/** The host's network with nothing special. */
export const systemNet: Net = createSystemNet();
