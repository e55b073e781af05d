import { systemClock } from '../../base/clock.ts';
import { type Logger, silentLogger } from '../../base/logger.ts';
import type { Endpoint, Net } from '../../base/net.ts';
import { systemRandom } from '../../base/random.ts';
import { systemNet } from '../../base/system-net.ts';
import type { RpcBounds } from '../../rpc/bounds.ts';
import { RpcClient } from '../../rpc/client.ts';
import { TcpTransport } from '../../rpc/client-transport.ts';
import { noCredential } from '../../rpc/credential.ts';
import type { Program } from '../../rpc/program.ts';
import { RpcServer } from '../../rpc/server.ts';

/** A program that is served over TCP, and a client of it. */
export interface Loopback {
  readonly client: RpcClient;
  readonly server: RpcServer;
  readonly at: Endpoint;
  close(): Promise<void>;
}

/** Serves a program on the loopback interface, unless told of another net, with these bounds, and connects. */
export async function loopback(
  program: Program,
  options: {
    readonly bounds: RpcBounds;
    readonly replyBytes: number;
    readonly net?: Net;
    readonly logger?: Logger;
  },
): Promise<Loopback> {
  const { bounds, replyBytes, net = systemNet, logger = silentLogger } = options;
  const server = new RpcServer({ net, clock: systemClock, logger, bounds });
  const { port } = await server.listen({ programs: [program], addresses: ['127.0.0.1'], port: 0, transports: ['tcp'] });
  const at = { address: '127.0.0.1', port };
  const transport = new TcpTransport(await net.connect(at), systemClock, replyBytes);
  const client = new RpcClient(transport, systemRandom.below(2 ** 32), noCredential, { timeoutMs: 60_000, tries: 1 });
  return {
    client,
    server,
    at,
    async close() {
      await client.close();
      await server.stop();
    },
  };
}
