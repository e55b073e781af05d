import type { Clock } from '../base/clock.ts';
import type { Endpoint, Net } from '../base/net.ts';
import type { Random } from '../base/random.ts';
import { type RemoteProcedure, RpcClient, RpcError } from '../rpc/client.ts';
import type { Patience } from '../rpc/client-transport.ts';
import { PORTMAP_PORT, PORTMAP_PROGRAM } from '../rpc/portmap/program.ts';
import { commonCodecs, pmapCodecs, rpcbCodecs } from '../rpc/portmap/schema.ts';
import { fromUniversal, NETID_FACTS, netidOfCall } from '../rpc/portmap/universal.ts';
import type { CallContext } from '../rpc/program.ts';

/** Calls to clients that are under way at a time: of all together, and to one address. */
export const CALLS_MAX = 256;
export const CALLS_PER_CLIENT_MAX = 32;
/** How long the port of a client's program is remembered, in milliseconds, and of how many. */
const PORT_MS = 60_000;
const PORTS_MAX = 1024;
/** A call is sent again after so many milliseconds, doubling, so often; over TCP the first figure is all there is. */
const PATIENCE: Patience = { timeoutMs: 1_000, tries: 3 };

/** Where a call came from, and so where one back goes, and from where. */
export type Origin = Pick<CallContext, 'transport' | 'client' | 'server'>;

/** What calls to clients are made with. */
export interface CallBackParts {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  /** The port of clients' portmappers; default 111. */
  readonly portmapPort?: number;
}

/** There are too many calls to clients under way. */
export class BusyCalling extends Error {}

const ANY = new Set(['0.0.0.0', '::']);
const GETPORT = {
  ...{ program: PORTMAP_PROGRAM, version: 2, procedure: 3 },
  ...{ arguments: pmapCodecs.mapping, result: commonCodecs.uint32 },
};
const GETADDR = {
  ...{ program: PORTMAP_PROGRAM, version: 4, procedure: 3 },
  ...{ arguments: rpcbCodecs.rpcb, result: commonCodecs.text },
};
const NOBODY = Buffer.alloc(0);

/**
 * Calls programs of clients: only ever at the address that a call came from, at the port that the portmapper there says, and from the address that it came to, by which clients know
 * their server.
 */
export class CallBack {
  readonly #parts: CallBackParts;
  readonly #ports = new Map<string, { readonly port: number; readonly until: number }>();
  readonly #underWay = new Map<string, number>();
  readonly #open = new Set<RpcClient>();
  #count = 0;
  #stopped = false;

  constructor(parts: CallBackParts) {
    this.#parts = parts;
  }

  /** Resolves with the answer. Rejects with `RpcError`, with the host's error, or with `BusyCalling`. */
  async call<A, R>(to: Origin, procedure: RemoteProcedure<A, R>, args: A, patience = PATIENCE): Promise<R> {
    const { address } = to.client;
    const underWay = this.#underWay.get(address) ?? 0;
    if (this.#stopped || this.#count >= CALLS_MAX || underWay >= CALLS_PER_CLIENT_MAX)
      throw new BusyCalling('too many calls to clients');
    this.#count += 1;
    this.#underWay.set(address, underWay + 1);
    try {
      const port = await this.#portOf(to, procedure.program, procedure.version);
      return await this.#ask(to.transport, { address, port }, to, procedure, args, patience).catch((error: unknown) => {
        this.#ports.delete(placeOf(to, procedure.program, procedure.version));
        throw error;
      });
    } finally {
      this.#count -= 1;
      const left = this.#underWay.get(address)! - 1;
      if (left === 0) this.#underWay.delete(address);
      else this.#underWay.set(address, left);
    }
  }

  /** Ends all calls that are under way; no more are made. */
  stop(): void {
    this.#stopped = true;
    for (const client of this.#open) void client.close();
  }

  async #ask<A, R>(
    transport: 'udp' | 'tcp',
    to: Endpoint,
    { server }: Origin,
    procedure: RemoteProcedure<A, R>,
    args: A,
    patience: Patience,
  ): Promise<R> {
    const localAddress = ANY.has(server.address) ? {} : { localAddress: server.address };
    const client = await RpcClient.open({ ...this.#parts, transport, to, ...localAddress, patience });
    this.#open.add(client);
    try {
      return await client.call(procedure, args);
    } finally {
      this.#open.delete(client);
      await client.close();
    }
  }

  /** The port of that program over the transport of the call. `RpcError` PROG_UNAVAIL when the client has none. */
  async #portOf(to: Origin, program: number, version: number): Promise<number> {
    const place = placeOf(to, program, version);
    const { clock, portmapPort = PORTMAP_PORT } = this.#parts;
    const known = this.#ports.get(place);
    if (known !== undefined && known.until > clock.monotonic()) return known.port;
    const at = { address: to.client.address, port: portmapPort };
    const netid = netidOfCall(to);
    let port: number;
    if (netid.endsWith('6')) {
      const args = { program, version, netid: Buffer.from(netid), address: NOBODY, owner: NOBODY };
      const answer = await this.#ask('udp', at, to, GETADDR, args, PATIENCE);
      port = fromUniversal(answer.toString('latin1'))?.port ?? 0;
    } else {
      const args = { program, version, protocol: NETID_FACTS[netid].protocol, port: 0 };
      port = await this.#ask('udp', at, to, GETPORT, args, PATIENCE);
    }
    if (port === 0 || port > 0xffff) throw new RpcError('PROG_UNAVAIL', `its portmapper knows no program ${program}`);
    if (this.#ports.size >= PORTS_MAX) this.#ports.clear();
    this.#ports.set(place, { port, until: clock.monotonic() + PORT_MS });
    return port;
  }
}

function placeOf({ transport, client }: Origin, program: number, version: number): string {
  return `${transport} ${client.address} ${program} ${version}`;
}
