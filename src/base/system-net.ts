import { type Clock, systemClock } from './clock.ts';
import { type Logger, silentLogger } from './logger.ts';
import { hostAddresses } from './net/address.ts';
import { bindBatched } from './net/batched/bind.ts';
import { batchedEngine, type Engine } from './net/batched/engine.ts';
import { bindDatagrams } from './net/datagram.ts';
import { connectStream, listenStreams } from './net/stream.ts';
import type { Net } from './net.ts';

/**
 * How UDP is done. `batched`: many datagrams a system call, through the C library, on Linux; one socket a family serves all addresses.
 * `dgram`: Node's own sockets, one for each address, everywhere.
 */
export type UdpKind = 'batched' | 'dgram';

/** The environment variable that says `dgram` where batched UDP is not wanted, or `batched` where nothing else is. */
export const UDP_VARIABLE = 'MAGMA_UDP';

/** What the host's network may be made with; all have defaults. */
export interface SystemNetOptions {
  readonly clock?: Clock;
  /** Told of buffers that the host refuses, and of how UDP is done. */
  readonly logger?: Logger;
  /** The host's addresses at this moment; for tests. */
  readonly addresses?: () => readonly string[];
  /** `batched` where the host can and the environment does not say otherwise, unless told. */
  readonly udp?: UdpKind;
}

/** The engine of batched UDP, or why there is none. Throws when it is wanted and cannot be had. */
function chooseUdp(told: UdpKind | undefined): Engine | string {
  const said = process.env[UDP_VARIABLE] || undefined;
  if (told === undefined && said !== undefined && said !== 'dgram' && said !== 'batched')
    throw new Error(
      `${UDP_VARIABLE} in the environment is ${JSON.stringify(said)}: say "dgram" or "batched", or nothing`,
    );
  const wanted = told ?? said;
  if (wanted === 'dgram') return told === undefined ? `${UDP_VARIABLE} says so` : 'as told';
  const engine = batchedEngine();
  if (!(engine instanceof Error)) return engine;
  if (wanted === undefined) return engine.message;
  throw new Error(`UDP cannot be batched here: ${engine.message}; without ${UDP_VARIABLE} node:dgram does it`);
}

/**
 * The host's network. A UDP reply leaves from the address that the request came to. Batched UDP asks the host for that address with each datagram.
 * With `dgram`, UDP on all addresses takes a socket for each, and wildcard sockets for the rest (broadcasts, addresses that just appeared): what
 * comes there has `0.0.0.0` or `::` as its local address, and the host chooses from where the reply leaves. TCP on all addresses listens on `::` for both
 * families, or on `0.0.0.0` on a host without IPv6.
 */
export function createSystemNet(options: SystemNetOptions = {}): Net {
  const host = {
    clock: options.clock ?? systemClock,
    logger: options.logger ?? silentLogger,
    addresses: options.addresses ?? hostAddresses,
  };
  let chosen: Engine | string | undefined;
  return {
    async bindDatagram(addresses, port, choice) {
      if (chosen === undefined) {
        chosen = chooseUdp(options.udp);
        if (typeof chosen === 'string') host.logger.debug({ because: chosen }, 'UDP through node:dgram');
        else host.logger.debug({}, 'UDP in batches');
      }
      if (typeof chosen === 'string') return bindDatagrams(host, addresses, port, choice?.sole ?? false);
      return bindBatched(chosen, host, addresses, port);
    },
    listen: listenStreams,
    connect: connectStream,
  };
}

/** The host's network with nothing special. */
export const systemNet: Net = createSystemNet();
