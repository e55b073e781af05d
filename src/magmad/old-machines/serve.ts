import type { Clock } from '../../base/clock.ts';
import type { Random } from '../../base/random.ts';
import { pcnfsdProgram } from '../../pcnfsd/program.ts';
import { type PcUsers, parseUsers, UsersError } from '../../pcnfsd/users.ts';
import type { Registration } from '../../rpc/portmap/registration.ts';
import type { Program } from '../../rpc/program.ts';
import type { Listening } from '../../rpc/server.ts';
import { othersMayRead, readTextFile } from '../file.ts';
import type { Log } from '../logging.ts';
import { registrationsOf } from '../portmapper.ts';
import type { SettingName } from '../settings.ts';
import { UsageError } from '../usage.ts';
import type { OldMachinesConfig } from './config.ts';

/** What is served to old machines with. */
export interface OldMachinesParts {
  readonly config: OldMachinesConfig;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
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
  /** Where it is served, for the log. */
  readonly ports: Record<string, number> = {};
  readonly #parts: OldMachinesParts;
  #users: PcUsers | undefined;

  private constructor(parts: OldMachinesParts) {
    this.#parts = parts;
  }

  /** Serves it. Rejects with an error that says what is wrong and the cure. */
  static async open(parts: OldMachinesParts): Promise<OldMachines> {
    const opened = new OldMachines(parts);
    await opened.#servePcnfsd();
    return opened;
  }

  /** Reads again what may change while it is served; what is returned puts it in force. Throws `UsageError`. */
  reread(): () => void {
    const { pcnfsd } = this.#parts.config;
    if (pcnfsd === null) return () => {};
    const users = readUsers(pcnfsd.users);
    return () => {
      this.#users = users;
    };
  }

  async #servePcnfsd(): Promise<void> {
    const { config, log, clock, random, listen } = this.#parts;
    if (config.pcnfsd === null) return;
    const { users: path, port } = config.pcnfsd;
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
