import { type Clock, systemClock } from '../../base/clock.ts';
import { silentLogger } from '../../base/logger.ts';
import type { Net } from '../../base/net.ts';
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
  close(): Promise<void>;
}

/** The two ends of a connection: how each reaches the other, and its clock. */
export interface Ends {
  readonly server: { readonly net: Net; readonly clock: Clock };
  readonly client: { readonly net: Net; readonly clock: Clock };
  /** The server's. */
  readonly address: string;
}

const host = { net: systemNet, clock: systemClock };
/** This host's loopback interface. */
const HERE: Ends = { server: host, client: host, address: '127.0.0.1' };

/** Serves a program over TCP with these bounds, on the loopback interface unless told otherwise, and connects. */
export async function loopback(
  program: Program,
  options: { readonly bounds: RpcBounds; readonly replyBytes: number; readonly ends?: Ends },
): Promise<Loopback> {
  const { bounds, replyBytes, ends = HERE } = options;
  const { address } = ends;
  const server = new RpcServer({ ...ends.server, logger: silentLogger, bounds });
  const { port } = await server.listen({ programs: [program], addresses: [address], port: 0, transports: ['tcp'] });
  const stream = await ends.client.net.connect({ address, port });
  const transport = new TcpTransport(stream, ends.client.clock, replyBytes);
  const client = new RpcClient(transport, systemRandom.below(2 ** 32), noCredential, { timeoutMs: 60_000, tries: 1 });
  return {
    client,
    server,
    async close() {
      await client.close();
      await server.stop();
    },
  };
}
