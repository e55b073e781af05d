import type { SecureNet } from '../../base/secure-net.ts';
import type { FlareService } from '../../flare/service.ts';
import type { Procedure, Program } from '../../rpc/program.ts';
import { RpcServer } from '../../rpc/server.ts';
import type { KeyChain } from '../keys/chain.ts';
import type { Doorman } from '../keys/doorman.ts';
import type { Role } from '../keys/identity.ts';
import { ANSWER_MS, CALLS_MAX } from '../link.ts';
import { flareProgram } from '../programs/flare/program.ts';
import { FLARE_BOUNDS } from '../programs/flare/schema.ts';
import type { NodeHandlers } from '../programs/node/handlers.ts';
import { nodeProgram } from '../programs/node/program.ts';
import { NODE_BOUNDS } from '../programs/node/schema.ts';
import { endingOf } from '../programs/result.ts';
import { MEMBERS_MAX, type Member } from '../projection/types.ts';
import { answeredWithin } from './answered-within.ts';
import { nodeAllowed } from './handlers.ts';
import type { RingOptions } from './options.ts';
import type { RingMap } from './ring-map.ts';
import type { Serving } from './serving.ts';

/** A call of another volcano is answered in so many milliseconds, if need be with `busy`: before it gives up the connection. */
const ANSWERED_MS = ANSWER_MS / 2;
/** Every volcano may be connected twice, while an old connection is not known to be gone; and waits for a newer map at the arbiter. */
const CONNECTIONS = { connections: 2 * MEMBERS_MAX + 256, inFlight: 8 * MEMBERS_MAX, inFlightPerClient: CALLS_MAX };

/** Where a volcano's two programs listen. */
export type Ports = Pick<Member, 'flarePort' | 'nodePort'>;

/** What the two programs are served with. */
export interface ProgramsParts {
  readonly options: RingOptions;
  readonly chain: KeyChain;
  readonly doorman: Doorman;
  readonly handlers: NodeHandlers;
  /** The network's flares, and the tree that clients see. */
  readonly flares: FlareService;
  readonly tree: FlareService;
  readonly map: RingMap;
  readonly serving: Serving;
}

/** One program for volcanos and another one for everybody else, on the same port: callers are told apart by what they have proved. */
function byRole(volcanos: Program, others: Program, doorman: Doorman, epoch: () => number): Program {
  const versions = new Map<number, Map<number, Procedure<any, any>>>();
  for (const [version, procedures] of others.versions) {
    const both = new Map<number, Procedure<any, any>>();
    for (const [number, procedure] of procedures) {
      const inner = volcanos.versions.get(version)!.get(number)!;
      const handle: Procedure<any, any>['handle'] = (args, call) => {
        try {
          return (doorman.admit(call) === 'volcano' ? inner : procedure).handle(args, call);
        } catch (error) {
          return endingOf(error, epoch());
        }
      };
      both.set(number, { ...procedure, handle });
    }
    versions.set(version, both);
  }
  return { ...others, versions };
}

/** The flare and the node program of one volcano. */
export class Programs implements Ports {
  readonly #servers: readonly RpcServer[];
  readonly flarePort: number;
  readonly nodePort: number;

  private constructor(servers: readonly RpcServer[], flarePort: number, nodePort: number) {
    this.#servers = servers;
    this.flarePort = flarePort;
    this.nodePort = nodePort;
  }

  /** Listens. Rejects with the host's error; then nothing is served. */
  static async listen(parts: ProgramsParts, ports: Ports): Promise<Programs> {
    const { options, chain, doorman, handlers, flares, tree, map, serving } = parts;
    const { secure, clock, logger, gate } = options;
    const letIn = (...roles: readonly (Role | 'joiner')[]): SecureNet =>
      secure({
        keyOf: (identity) => chain.keyOf(identity, roles),
        refused: (remote, cause, claimed) => doorman.turnedAway(remote, cause, claimed),
      });
    const nodeNet = letIn('joiner', 'volcano');
    const flareNet = letIn('volcano', 'client');
    const node = nodeProgram({
      handlers,
      allowed: (procedure, call) => nodeAllowed(procedure, doorman.admit(call)),
      admit: (epoch) => serving.admit(epoch),
      epoch: () => map.epoch,
    });
    // What volcanos ask on behalf of clients they have let in themselves, by the same rules; and each shows `/.dht/` itself.
    const forVolcanos = flareProgram({
      service: answeredWithin(flares, clock, ANSWERED_MS),
      admit: (epoch, key) => (key === null ? 'serve' : serving.admitKey(epoch, key)),
      gate: ({ caller }) => caller,
      projection: () => map.projection,
      assigns: true,
    });
    const forClients = flareProgram({
      service: answeredWithin(tree, clock, ANSWERED_MS),
      admit: (epoch, key) => (key === null ? 'serve' : serving.admitClient(epoch, key)),
      gate,
      projection: () => map.projection,
    });
    const flare = byRole(forVolcanos, forClients, doorman, () => map.epoch);
    const servers: RpcServer[] = [];
    const serve = async (program: typeof node, net: typeof nodeNet, bounds: object, port: number): Promise<number> => {
      const server = new RpcServer({ net, clock, logger, bounds: { ...bounds, ...CONNECTIONS } });
      servers.push(server);
      const at = { programs: [program], addresses: options.listen, port, transports: ['tcp'] as const };
      return (await server.listen(at)).port;
    };
    try {
      const nodePort = await serve(node, nodeNet, NODE_BOUNDS, ports.nodePort);
      const flarePort = await serve(flare, flareNet, FLARE_BOUNDS, ports.flarePort);
      return new Programs(servers, flarePort, nodePort);
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()));
      throw error;
    }
  }

  /** Cuts connections off, by what calls have as theirs. */
  cut(which: (connection: object) => boolean): void {
    for (const server of this.#servers) server.cut(which);
  }

  /** Answers what is under way, and closes all. */
  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }
}
