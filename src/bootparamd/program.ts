import { readable } from '../acl/problem.ts';
import { RefusalLog } from '../acl/refusals.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { type CallContext, DROP, type Procedure, type Program } from '../rpc/program.ts';
import { type BootClient, ipv4Of } from './clients.ts';
import { getfile } from './getfile.ts';
import { codecs, NAME_MAX } from './schema.ts';
import { fromBootAddress, type IpAddress, whoami } from './whoami.ts';

/** The number of the bootparam program. */
export const BOOTPARAM_PROGRAM = 100026;

/** What the bootparam program works with. */
export interface BootparamParts {
  readonly clients: readonly BootClient[];
  /** The NIS domain that clients are told; may be empty. */
  readonly domain: string;
  /** The IPv4 address of the router that clients are told; null: none. */
  readonly router: string | null;
  /** This server's name. */
  readonly serverName: string;
  /** The addresses of the other servers that `clients` name. */
  readonly servers: ReadonlyMap<string, string>;
  /** Whether callers from there are answered. */
  readonly allows: (address: string) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * SunOS's bootparam protocol, version 1: a diskless machine that has its address (by RARP or BOOTP) asks who it is, and where its files are. It broadcasts, through the
 * portmapper's CALLIT; so who is not known, or comes from a network that is not configured, is not answered: another server may know him.
 */
export function bootparamProgram(parts: BootparamParts): Program {
  const { clients, logger, allows } = parts;
  const refusals = new RefusalLog(parts.clock, logger);
  const here = { name: parts.serverName.slice(0, NAME_MAX), addressOf: (server: string) => parts.servers.get(server) };

  function told<T>(call: CallContext, what: string, about: string, find: () => T | null): T | typeof DROP {
    const client = call.client.address;
    const reason = 'it comes from a network for which there is no bootparam-network';
    const answer = allows(client) ? find() : null;
    if (answer !== null) logger.info({ client, about: readable(about) }, `Bootparam ${what}`);
    else refusals.refused(call.client, about, null, allows(client) ? `${what} of what is not configured` : reason);
    return answer ?? DROP;
  }

  const procedures = new Map<number, Procedure<any, any>>([
    [0, { name: 'NULL', arguments: codecs.void, result: codecs.void, handle: () => undefined }],
    [
      1,
      {
        name: 'WHOAMI',
        arguments: codecs.whoami,
        result: codecs.whoamiResults,
        handle: ({ client: { ip } }: { client: { ip: IpAddress } }, call) =>
          told(call, 'WHOAMI', fromBootAddress(ip), () => whoami(clients, ip, parts.domain, parts.router)),
      },
    ],
    [
      2,
      {
        name: 'GETFILE',
        arguments: codecs.getfile,
        result: codecs.getfileResults,
        handle(args: { client: Buffer; file: Buffer }, call) {
          const [client, file] = [args.client.toString('latin1'), args.file.toString('latin1')];
          const asked = { ...here, address: ipv4Of(call.server.address) };
          return told(call, 'GETFILE', `${client} ${file}`, () => getfile(clients, client, file, asked));
        },
      },
    ],
  ]);
  return { number: BOOTPARAM_PROGRAM, name: 'bootparamd', versions: new Map([[1, procedures]]) };
}
