import type { Clock } from '../../base/clock.ts';
import type { DatagramSocket, Endpoint, Net } from '../../base/net.ts';
import type { Random } from '../../base/random.ts';
import { type RemoteProcedure, RpcClient, RpcError } from '../client.ts';
import { UdpTransport } from '../client-transport.ts';
import { noCredential } from '../credential.ts';
import { PORTMAP_PROGRAM } from './program.ts';
import { commonCodecs, pmapCodecs, rpcbCodecs } from './schema.ts';
import { NETID_FACTS, type NetId, toUniversal } from './universal.ts';

/** A program's version that is served over a transport at a port, on all addresses. */
export interface Registration {
  readonly program: number;
  readonly version: number;
  readonly netid: NetId;
  readonly port: number;
}

/** What a system's port mapper is called with. */
export interface RegistrationParts {
  readonly net: Net;
  readonly clock: Clock;
  readonly random: Random;
  /** Where it is: a loopback address, since it takes registrations from this machine alone. */
  readonly portmapper: Endpoint;
}

/** A port mapper that does not do what it was asked to; the message has the cure. */
export class PortmapError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PortmapError';
  }
}

/** A call to a port mapper on this machine is sent again after so many milliseconds, doubling, and so often at most: it gives up after 6.2 s. */
const PATIENCE = { timeoutMs: 200, tries: 5 };
/** The ports below 1024 that RPC callers take, from above: rpcbind takes registrations from those alone. */
const HIGHEST_RESERVED = 1023;
const LOWEST_RESERVED = 600;

const { bool, void: none } = commonCodecs;

function procedure<A, R>(version: number, number: number, types: Pick<RemoteProcedure<A, R>, 'arguments' | 'result'>) {
  return { program: PORTMAP_PROGRAM, version, procedure: number, ...types };
}

const NULL4 = procedure(4, 0, { arguments: none, result: none });
const RPCB = { set: 1, unset: 2 } as const;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** A socket on loopback with a port below 1024 if this process may have one. */
async function bindReserved(net: Net, address: string): Promise<DatagramSocket> {
  for (let port = HIGHEST_RESERVED; port >= LOWEST_RESERVED; port--) {
    try {
      return await net.bindDatagram([address], port);
    } catch (error) {
      if (codeOf(error) === 'EACCES') break;
      if (codeOf(error) !== 'EADDRINUSE') throw error;
    }
  }
  return net.bindDatagram([address], 0);
}

/** Our registrations with the port mapper that runs on this machine: with rpcbind by its version 4, with older ones by version 2, IPv4 alone. */
export class SystemPortmapper {
  readonly #client: RpcClient;
  readonly #endpoint: Endpoint;
  readonly #version: 2 | 4;
  readonly #registered: Registration[] = [];

  private constructor(client: RpcClient, endpoint: Endpoint, version: 2 | 4) {
    this.#client = client;
    this.#endpoint = endpoint;
    this.#version = version;
  }

  /** Finds out what runs there. Throws `PortmapError` when nothing answers. */
  static async open(parts: RegistrationParts): Promise<SystemPortmapper> {
    const { net, clock, random, portmapper } = parts;
    const socket = await bindReserved(net, portmapper.address);
    const client = new RpcClient(
      new UdpTransport(socket, portmapper, clock),
      random.below(2 ** 32),
      noCredential,
      PATIENCE,
    );
    try {
      await client.call(NULL4, undefined);
      return new SystemPortmapper(client, portmapper, 4);
    } catch (error) {
      if (error instanceof RpcError && error.kind === 'PROG_MISMATCH')
        return new SystemPortmapper(client, portmapper, 2);
      await client.close();
      throw new PortmapError(
        `no port mapper answers at ${portmapper.address} port ${portmapper.port}: start rpcbind, or use --portmap own or off`,
        error,
      );
    }
  }

  /**
   * Registers in place of what an earlier run may have left. Throws `PortmapError` at the first that is refused, with those before it
   * taken back.
   */
  async register(registrations: readonly Registration[]): Promise<void> {
    const possible = registrations.filter(({ netid }) => this.#version === 4 || NETID_FACTS[netid].family === 'inet');
    try {
      // All first: version 2 removes a program's version for all protocols at once.
      for (const one of possible) await this.#change(RPCB.unset, one);
      for (const one of possible) {
        if (!(await this.#change(RPCB.set, one))) throw this.#refused(one);
        this.#registered.push(one);
      }
    } catch (error) {
      await this.unregister().catch(() => {});
      throw error;
    }
  }

  /** Takes all registrations back and closes. Rejects when the port mapper no longer answers. */
  async unregister(): Promise<void> {
    try {
      for (const one of this.#registered.splice(0)) await this.#change(RPCB.unset, one);
    } finally {
      await this.#client.close();
    }
  }

  #change(number: (typeof RPCB)['set' | 'unset'], { program, version, netid, port }: Registration): Promise<boolean> {
    const { family, protocol } = NETID_FACTS[netid];
    if (this.#version === 2) {
      const types = { arguments: pmapCodecs.mapping, result: bool };
      return this.#client.call(procedure(2, number, types), { program, version, protocol, port });
    }
    const address = toUniversal({ address: family === 'inet' ? '0.0.0.0' : '::', port });
    const args = {
      program,
      version,
      netid: Buffer.from(netid),
      address: Buffer.from(address),
      owner: Buffer.from('superuser'),
    };
    return this.#client.call(procedure(4, number, { arguments: rpcbCodecs.rpcb, result: bool }), args);
  }

  #refused({ program, version, netid, port }: Registration): PortmapError {
    const { address, port: at } = this.#endpoint;
    const cause =
      this.#client.local.port > HIGHEST_RESERVED
        ? 'it takes registrations only from ports below 1024: run as root, or use --portmap off'
        : `another server has registered it: stop that, or run "rpcinfo -d ${program} ${version}", or use --portmap off`;
    return new PortmapError(
      `the port mapper at ${address} port ${at} does not register program ${program} version ${version} (${netid}, port ${port}): ${cause}`,
    );
  }
}
