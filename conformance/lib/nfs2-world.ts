import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { GroupsOf } from '../../src/acl/host-groups.ts';
import { parseRule } from '../../src/acl/rule.ts';
import { Shares } from '../../src/acl/shares.ts';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import type { Endpoint } from '../../src/base/net.ts';
import { seededRandom } from '../../src/base/random.ts';
import { type ManualClock, manualClock } from '../../src/base/testing/manual-clock.ts';
import type { FlareService } from '../../src/flare/service.ts';
import { MemoryNotes } from '../../src/flare/testing/memory-notes.ts';
import { type MemoryOptions, MemoryService } from '../../src/flare/testing/memory-service.ts';
import { Handles } from '../../src/nfs2/handle.ts';
import { nfs2Program } from '../../src/nfs2/program.ts';
import { fsidOf } from '../../src/nfs2/server.ts';
import type { CallContext, Program, RpcCredential } from '../../src/rpc/program.ts';
import { Nfs2Client } from './nfs2-client.ts';

/** Who calls, and from where. Default: root from a port below 1024 of 192.0.2.1. */
export interface Who {
  readonly uid?: number;
  readonly gid?: number;
  readonly gids?: readonly number[];
  /** AUTH_NULL instead. */
  readonly nobody?: boolean;
  readonly address?: string;
  readonly port?: number;
  /** All calls have this xid. Default: a new one each. */
  readonly xid?: number;
}

/** NFS version 2 over a flare service in memory, with clients that call it without sockets, byte for byte as over them. */
export interface World {
  readonly store: MemoryService;
  readonly clock: ManualClock;
  readonly shares: Shares;
  readonly handles: Handles;
  /** The program, to be served over sockets. */
  readonly program: Program;
  /** Errors that were logged. */
  readonly errors: object[];
  /** A client. */
  as(who?: Who): Nfs2Client;
  /** A client who is root, and the handle of the root directory. */
  readonly root: Nfs2Client;
  readonly top: Buffer;
}

/** What a world is made of; default: `/ * w no_root_squash`. */
export interface WorldOptions {
  readonly rules?: readonly string[];
  readonly store?: Partial<MemoryOptions>;
  /** The groups of users on the server's host. */
  readonly groupsOf?: GroupsOf;
  /** Puts something between NFS and the store. */
  readonly around?: (store: MemoryService) => FlareService;
}

const SECRET = createHash('sha256').update('a network').digest();

function recorder(errors: object[]): Logger {
  return { ...silentLogger, error: (fields) => errors.push(fields), child: () => recorder(errors) };
}

function context(who: Who, xid: number, procedure: number, args: Buffer): CallContext {
  const { uid = 0, gid = 0, gids = [], nobody = false, address = '192.0.2.1', port = 700 } = who;
  const client: Endpoint = { address, port };
  const credential: RpcCredential = nobody
    ? { flavor: 'none' }
    : { flavor: 'unix', stamp: 0, machine: Buffer.from('client'), uid, gid, gids };
  return {
    transport: 'udp',
    client,
    server: { address: '192.0.2.99', port: 2049 },
    xid,
    credential,
    replayIdentity: () => [address, port, xid, procedure, args.toString('latin1')].join(' '),
  };
}

export async function makeWorld(options: WorldOptions = {}): Promise<World> {
  const clock = manualClock();
  const store = new MemoryService({ clock, random: seededRandom(7), root: { mode: 0o777 }, ...options.store });
  const service = options.around?.(store) ?? store;
  const errors: object[] = [];
  const rules = (options.rules ?? ['/ * w no_root_squash']).map((line, at) => parseRule(line, `rules:${at + 1}`));
  const resolver = { resolve: async () => [] };
  const shares = await Shares.open(rules, {
    service: store,
    notes: new MemoryNotes(),
    resolver,
    clock,
    logger: silentLogger,
  });
  const handles = new Handles(SECRET, service);
  const program = nfs2Program({
    service,
    gate: shares,
    handles,
    fsid: fsidOf(SECRET),
    logger: recorder(errors),
    ...(options.groupsOf === undefined ? {} : { groupsOf: options.groupsOf }),
  });
  const procedures = program.versions.get(2)!;
  let lastXid = 0;

  function as(who: Who = {}): Nfs2Client {
    return new Nfs2Client(async (number, bytes) => {
      const procedure = procedures.get(number)!;
      lastXid += 1;
      // The receive buffer is used again as soon as the handler has returned.
      const receive = Buffer.from(bytes);
      const call = context(who, who.xid ?? lastXid, number, bytes);
      const answer = procedure.handle(procedure.arguments.decode(receive), call);
      receive.fill(0xee);
      return procedure.result.encode(await answer);
    });
  }

  const share = shares.list()[0]?.number ?? 0;
  return { store, clock, shares, handles, program, errors, as, root: as(), top: handles.issue(store.root(), share) };
}

/** The value of a result; throws when there is none. */
export function must<T>(result: { readonly status: number; readonly value?: T }): T {
  if (result.status !== 0) throw new Error(`the call was refused with ${result.status}`);
  return result.value as T;
}
