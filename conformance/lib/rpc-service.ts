import type { Test } from 'tap';
import { type Clock, systemClock } from '../../src/base/clock.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { seededRandom } from '../../src/base/random.ts';
import { systemNet } from '../../src/base/system-net.ts';
import type { RpcBounds } from '../../src/rpc/bounds.ts';
import { RpcClient, type RpcClientOptions } from '../../src/rpc/client.ts';
import type { CallReport, RpcObserver } from '../../src/rpc/observer.ts';
import { RpcServer } from '../../src/rpc/server.ts';
import { type Echo, makeEcho } from '../../src/rpc/testing/echo.ts';

/** An RPC server with the test program on real sockets, and all that it reports. */
export interface RpcService extends Echo {
  readonly server: RpcServer;
  readonly port: number;
  readonly reports: CallReport[];
  readonly connections: string[];
  readonly log: string[];
  /** Resolves when that many calls were reported. */
  whenReported(count: number): Promise<void>;
  client(transport: 'udp' | 'tcp', options?: Partial<RpcClientOptions>): Promise<RpcClient>;
}

/** Starts one on loopback (or on all addresses), for the time of the test. */
export async function serve(
  t: Test,
  options: { bounds?: Partial<RpcBounds>; clock?: Clock; addresses?: string[] } = {},
): Promise<RpcService> {
  const echo = makeEcho();
  const reports: CallReport[] = [];
  const connections: string[] = [];
  const log: string[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const observer: RpcObserver = {
    call(report) {
      reports.push(report);
      for (const one of waiting) if (reports.length >= one.count) one.resolve();
    },
    connection: (event) => connections.push(event),
  };
  const note = (fields: object, message: string) => log.push(`${message} ${JSON.stringify(fields)}`);
  const logger: Logger = { ...silentLogger, warn: note, error: note, info: note, debug: note };
  const clock = options.clock ?? systemClock;
  const server = new RpcServer({ net: systemNet, clock, logger, bounds: options.bounds ?? {}, observer });
  const addresses = options.addresses ?? ['127.0.0.1'];
  const { port } = await server.listen({ programs: [echo.program], addresses, port: 0 });
  const clients: RpcClient[] = [];
  t.teardown(async () => {
    await Promise.all(clients.map((client) => client.close()));
    for (const held of [...echo.held]) held.release();
    await server.stop();
  });
  return {
    ...echo,
    server,
    port,
    reports,
    connections,
    log,
    whenReported(count) {
      if (reports.length >= count) return Promise.resolve();
      return new Promise((resolve) => waiting.push({ count, resolve }));
    },
    async client(transport, own = {}) {
      const client = await RpcClient.open({
        net: systemNet,
        clock: systemClock,
        random: seededRandom(clients.length + 1),
        transport,
        to: { address: '127.0.0.1', port },
        ...own,
      });
      clients.push(client);
      return client;
    },
  };
}
