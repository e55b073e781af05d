import { readable } from '../../acl/problem.ts';
import type { Shares } from '../../acl/shares.ts';
import type { Clock } from '../../base/clock.ts';
import type { Net } from '../../base/net.ts';
import type { Random } from '../../base/random.ts';
import type { Resolver } from '../../base/resolver.ts';
import { parseBootClient } from '../../bootparamd/clients.ts';
import { bootparamProgram } from '../../bootparamd/program.ts';
import { resolveServers } from '../../bootparamd/servers.ts';
import type { FlareService } from '../../flare/service.ts';
import { pcnfsdProgram } from '../../pcnfsd/program.ts';
import { type PcUsers, parseUsers, UsersError } from '../../pcnfsd/users.ts';
import type { Forwarded } from '../../rpc/portmap/callit.ts';
import type { Registration } from '../../rpc/portmap/registration.ts';
import type { Program } from '../../rpc/program.ts';
import type { Listening } from '../../rpc/server.ts';
import { TftpServer } from '../../tftp/server.ts';
import { TimeService } from '../../time/service.ts';
import { cannotListen } from '../cannot-listen.ts';
import type { Config } from '../config.ts';
import { othersMayRead, readTextFile } from '../file.ts';
import type { Log } from '../logging.ts';
import { registrationsOf } from '../portmapper.ts';
import type { SettingName } from '../settings.ts';
import { UsageError } from '../usage.ts';
import type { OldMachinesConfig } from './config.ts';
import { allowing } from './networks.ts';

/** What is served to old machines with. */
export interface OldMachinesParts {
  readonly config: Pick<Config, 'oldMachines' | 'addresses' | 'origins' | 'serverName'>;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly net: Net;
  readonly resolver: Resolver;
  readonly tree: FlareService;
  readonly shares: Shares;
  /** Serves a program at a port; the setting that gives it is for messages. */
  readonly listen: (program: Program, port: number, setting: SettingName) => Promise<Listening>;
}

/** The users of PCNFSD. Throws `UsageError` with all that is wrong with their file. */
export function readUsers(path: string): PcUsers {
  try {
    return parseUsers(readTextFile(path, '--pcnfsd'), path);
  } catch (error) {
    throw error instanceof UsersError ? new UsageError(error.message) : error;
  }
}

/** Looks at the files that a configuration names. Throws `UsageError`. */
export function checkOldMachines({ pcnfsd }: OldMachinesConfig): void {
  if (pcnfsd !== null) readUsers(pcnfsd.users);
}

/** What old machines ask of their file server besides files, as far as it was told to serve it. */
export class OldMachines {
  readonly registrations: Registration[] = [];
  /** What the portmapper calls for who broadcasts. */
  readonly forwarded: Forwarded[] = [];
  /** Where it is served, for the log. */
  readonly ports: Record<string, number> = {};
  readonly #parts: OldMachinesParts;
  readonly #services: { close(): Promise<void> }[] = [];
  #users: PcUsers | undefined;

  private constructor(parts: OldMachinesParts) {
    this.#parts = parts;
  }

  /** Serves it. Rejects with an error that says what is wrong and the cure. */
  static async open(parts: OldMachinesParts): Promise<OldMachines> {
    const opened = new OldMachines(parts);
    try {
      await opened.#servePcnfsd();
      await opened.#serveTime();
      await opened.#serveTftp();
      await opened.#serveBootparam();
      return opened;
    } catch (error) {
      await opened.close();
      throw error;
    }
  }

  /** Reads again what may change while it is served; what is returned puts it in force. Throws `UsageError`. */
  reread(): () => void {
    const { pcnfsd } = this.#parts.config.oldMachines;
    if (pcnfsd === null) return () => {};
    const users = readUsers(pcnfsd.users);
    return () => {
      this.#users = users;
    };
  }

  /** Ends what is no program of the RPC server. */
  async close(): Promise<void> {
    await Promise.all(this.#services.splice(0).map((service) => service.close()));
  }

  async #serveTime(): Promise<void> {
    const { config, log, clock, net } = this.#parts;
    const { addresses, oldMachines } = config;
    if (oldMachines.time === null) return;
    const { port, offset } = oldMachines.time;
    const logger = log.room('time');
    const service = await TimeService.open({ net, clock, logger, addresses, port, offset }).catch((error: unknown) => {
      throw cannotListen(error, port, 'time-port', addresses);
    });
    this.#services.push(service);
    this.ports.timePort = service.port;
  }

  async #serveTftp(): Promise<void> {
    const { config, log, clock, net, tree: service, shares } = this.#parts;
    const { addresses, oldMachines, origins } = config;
    if (oldMachines.tftp === null) return;
    const { share, path, port } = oldMachines.tftp;
    const paths = shares.list().map((one) => one.path);
    if (!paths.includes(share))
      throw new UsageError(
        `${origins.get('tftp')}: there is no share ${readable(share)}. Cure: one of ${paths.map(readable).join(', ')}, or a rule for it`,
      );
    const logger = log.room('tftp');
    const tree = { service, shares, share, path };
    const server = await TftpServer.open({ net, clock, logger, addresses, port, tree }).catch((error: unknown) => {
      throw cannotListen(error, port, 'tftp-port', addresses);
    });
    this.#services.push(server);
    this.ports.tftpPort = server.port;
  }

  async #serveBootparam(): Promise<void> {
    const { config, log, clock, listen, resolver } = this.#parts;
    const { oldMachines, origins, serverName } = config;
    if (oldMachines.bootparam === null) return;
    const { clients: lines, networks, domain, router, port } = oldMachines.bootparam;
    const clients = lines.map((line) => parseBootClient(line)).filter((one) => typeof one !== 'string');
    const servers = await resolveServers(clients, resolver, origins.get('bootparam') ?? '--bootparam');
    const logger = log.room('bootparamd');
    const allows = allowing(networks);
    const program = bootparamProgram({ clients, servers, domain, router, serverName, allows, clock, logger });
    const listening = await listen(program, port, 'bootparam-port');
    this.registrations.push(...registrationsOf(program, listening));
    this.forwarded.push({ program, allows });
    this.ports.bootparamPort = listening.port;
  }

  async #servePcnfsd(): Promise<void> {
    const { config, log, clock, random, listen } = this.#parts;
    const { pcnfsd } = config.oldMachines;
    if (pcnfsd === null) return;
    const { users: path, port } = pcnfsd;
    const logger = log.room('pcnfsd');
    this.#users = readUsers(path);
    if (othersMayRead(path)) logger.warn({ path }, `others may read the PC-NFS users; chmod 600 ${path} hides them`);
    const program = pcnfsdProgram({ users: () => this.#users!, clock, random, logger });
    const listening = await listen(program, port, 'pcnfsd-port');
    this.registrations.push(...registrationsOf(program, listening));
    this.ports.pcnfsdPort = listening.port;
    logger.info({ users: this.#users.size, path }, 'PC-NFS users may log in');
  }
}
