import { isLoopback } from '../../base/address.ts';
import type { Clock } from '../../base/clock.ts';
import type { Endpoint, Net } from '../../base/net.ts';
import type { Random } from '../../base/random.ts';
import { HandshakeError, type SecureNet } from '../../base/secure-net.ts';
import { RpcClient } from '../../rpc/client.ts';
import { TcpTransport } from '../../rpc/client-transport.ts';
import { noCredential } from '../../rpc/credential.ts';
import { ANSWER_MS, CONNECT_MS } from '../link.ts';
import { readRoot } from '../programs/flare/remote-service.ts';
import { FLARE_REPLY_BYTES_MAX } from '../programs/flare/schema.ts';
import { NodeClient } from '../programs/node/client.ts';
import { checkHello, type Hello } from '../programs/node/hello.ts';
import { NODE_REPLY_BYTES_MAX } from '../programs/node/schema.ts';
import { DeniedError, type RpcCaller } from '../programs/result.ts';
import { ADDRESSES_MAX, type Member, type Projection } from '../projection/types.ts';
import { isTransient, type Pace, untilDone } from '../retry.ts';
import type { RingOptions } from './options.ts';

/** Thrown when a volcano cannot become part of the network: what is wrong, with whom, and the cure. */
export class JoinError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'JoinError';
  }
}

/** What connections to a member are made with that is known by its address alone. */
export interface SeedParts extends Pace {
  readonly clock: Clock;
  readonly random: Random;
  /** Tried in this order. */
  readonly seeds: readonly Endpoint[];
}

interface Conversation {
  readonly caller: RpcCaller;
  readonly node: NodeClient;
  /** The address that this side has there. */
  readonly localAddress: string;
}

async function client(net: Net, to: Endpoint, { clock, random }: SeedParts, replyBytes: number): Promise<RpcClient> {
  const stream = await net.connect(to, { timeoutMs: CONNECT_MS });
  const transport = new TcpTransport(stream, clock, replyBytes);
  return new RpcClient(transport, random.below(2 ** 32), noCredential, { timeoutMs: ANSWER_MS, tries: 1 });
}

function textOf(at: Endpoint): string {
  return `${at.address} port ${at.port}`;
}

/** Talks to the first member that answers. Rejects with `JoinError` when none does, or when one does not want this volcano. */
async function talk<T>(net: SecureNet, parts: SeedParts, work: (conversation: Conversation) => Promise<T>): Promise<T> {
  const reasons: string[] = [];
  for (const at of parts.seeds) {
    let rpc: RpcClient | undefined;
    try {
      rpc = await client(net, at, parts, NODE_REPLY_BYTES_MAX);
      const localAddress = (rpc.transport as TcpTransport).local.address;
      return await work({ caller: rpc, node: new NodeClient(rpc, () => 0), localAddress });
    } catch (error) {
      if (error instanceof DeniedError)
        throw new JoinError(`${textOf(at)} refuses: ${error.message}`, { cause: error });
      const message = error instanceof Error ? error.message : String(error);
      const cure = error instanceof HandshakeError ? ' (is --key the key of that network?)' : '';
      reasons.push(`${textOf(at)}: ${message}${cure}`);
    } finally {
      void rpc?.close();
    }
  }
  throw new JoinError(`no volcano of the network could be reached: ${reasons.join('; ')}`);
}

/** Says hello, and looks whether the two may work together. */
async function greet({ node }: Conversation, parts: SeedParts, mine: Hello): Promise<Hello> {
  const earliest = parts.clock.now();
  // Others may have been asked before, in vain, for longer than clocks may differ.
  const theirs = await node.hello({ ...mine, clock: earliest });
  checkHello(mine, theirs, { earliest, latest: parts.clock.now() }, null);
  return theirs;
}

/** Asks a member, as one who knows the key and nothing else, which network it belongs to. `JoinError`. */
export function askNetwork(net: SecureNet, parts: SeedParts, mine: Hello): Promise<string> {
  return talk(net, parts, async (conversation) => {
    const { networkId, nickname } = await greet(conversation, parts, mine);
    if (networkId === null) throw new DeniedError(`${nickname} is not part of a network itself yet`);
    return networkId;
  });
}

/** The newest map, by way of a member, and the address that this volcano has there. `JoinError`. */
export function askMap(
  net: SecureNet,
  parts: SeedParts,
  mine: Hello,
): Promise<{ readonly projection: Projection; readonly localAddress: string }> {
  return talk(net, parts, async (conversation) => {
    await greet(conversation, parts, mine);
    const projection = await untilDone(parts, 'the newest map', () => conversation.node.newest());
    if (projection === null) throw new DeniedError('the network has no map yet');
    return { projection, localAddress: conversation.localAddress };
  });
}

/** The generation of the network's root, which any volcano knows. `JoinError`. */
export async function askRoot(net: SecureNet, parts: SeedParts, { volcanos, epoch }: Projection): Promise<number> {
  const reasons: string[] = [];
  for (const { addresses, flarePort, nickname } of volcanos) {
    for (const address of addresses) {
      let rpc: RpcClient | undefined;
      try {
        const made = await client(net, { address, port: flarePort }, parts, FLARE_REPLY_BYTES_MAX);
        rpc = made;
        return (await untilDone(parts, 'the root', () => readRoot(made, epoch))).generation;
      } catch (error) {
        reasons.push(`${nickname}: ${error instanceof Error ? error.message : String(error)}`);
      } finally {
        void rpc?.close();
      }
    }
  }
  throw new JoinError(`no volcano of the network tells its root: ${reasons.join('; ')}`);
}

/** Asks to become a member, by way of one; `known` is a map of the network. Resolves, when the newest says so, with a map that does. `JoinError`. */
export async function askIn(
  net: SecureNet,
  parts: SeedParts,
  mine: Hello,
  known: Projection,
  self: Omit<Member, 'state'>,
): Promise<Projection> {
  let newest: Projection | null = known;
  return talk(net, parts, async (conversation) => {
    await greet(conversation, parts, mine);
    await untilDone(parts, 'joining', async () => {
      newest = await conversation.node.newest(newest);
      await new NodeClient(conversation.caller, () => newest?.epoch ?? 0).join(self);
    });
    return (await untilDone(parts, 'the newest map', () => conversation.node.newest(newest))) ?? known;
  });
}

/** True when nobody could be reached, or it can be tried again: who is a member already does not mind. */
export function isUnreachable(error: unknown): boolean {
  return isTransient(error) || (error instanceof JoinError && !(error.cause instanceof DeniedError));
}

/** The addresses that a volcano enters the map with, which reaches the network from `local`; null: it begins one. Loopback only when there is no other. */
export function reachedAt(
  { addresses, hostAddresses = [] }: Pick<RingOptions, 'addresses' | 'hostAddresses'>,
  local: string | null,
): readonly string[] {
  if (addresses.length > 0) return addresses;
  const all = [...new Set([...(local === null ? [] : [local]), ...hostAddresses])];
  const others = all.filter((address) => !isLoopback(address));
  return (others.length > 0 ? others : all).slice(0, ADDRESSES_MAX);
}
