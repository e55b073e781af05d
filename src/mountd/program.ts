import { joinPath, splitPath } from '../acl/path.ts';
import { readable } from '../acl/problem.ts';
import { RefusalLog } from '../acl/refusals.ts';
import type { Mount, Shares } from '../acl/shares.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { FlareError, FlareStatus } from '../flare/errors.ts';
import type { FlareId } from '../flare/types.ts';
import type { CallContext, Procedure, Program, ProgramVersion } from '../rpc/program.ts';
import type { MountList } from './mount-list.ts';
import { dumpReply, exportReply, PATHCONF, PATHCONF_ERROR } from './replies.ts';
import { codecs, MNTNAMLEN } from './schema.ts';

/** The number of the mount program (RFC 1094 appendix A.1). */
export const MOUNT_PROGRAM = 100005;

/** What the mount program works with. */
export interface MountdParts {
  readonly shares: Shares;
  readonly mounts: MountList;
  /** The 32-byte handle of a directory that was reached through the share of that number. */
  readonly issueHandle: (id: FlareId, share: number) => Buffer;
  readonly clock: Clock;
  readonly logger: Logger;
}

function procedure<A, R>(
  name: string,
  types: Pick<Procedure<A, R>, 'arguments' | 'result'>,
  handle: Procedure<A, R>['handle'],
) {
  return { name, ...types, handle };
}

/** The path as it is kept; one that is none is kept as it came, and matches nothing. */
function normalised(path: string): string {
  const names = splitPath(path);
  return typeof names === 'string' ? path : joinPath(names);
}

class Mountd {
  readonly #parts: MountdParts;
  readonly #refusals: RefusalLog;

  constructor(parts: MountdParts) {
    this.#parts = parts;
    this.#refusals = new RefusalLog(parts.clock, parts.logger);
  }

  async #find(path: string, call: CallContext): Promise<Mount> {
    try {
      return await this.#parts.shares.mountable(path, call.client);
    } catch (error) {
      if (!(error instanceof FlareError)) throw error;
      return { status: error.status, access: null, reason: `the tree answered ${error.status}` };
    }
  }

  /** RFC 1094 appendix A.5.2. The status is an errno of UNIX. */
  async mnt(argument: Buffer, call: CallContext) {
    const { mounts, issueHandle, logger } = this.#parts;
    // U-Boot asks for the empty path when the file that it wants lies in the root directory.
    const path = argument.length === 0 ? '/' : argument.toString('latin1');
    const mount = await this.#find(path, call);
    if (mount.status !== 'OK') {
      this.#refusals.refused(call.client, path, mount.access, mount.reason);
      return { status: FlareStatus[mount.status] };
    }
    const client = call.client.address.slice(0, MNTNAMLEN);
    await mounts.add({ client, path: mount.path });
    const rule = mount.access.rule!;
    const { address, port } = call.client;
    logger.info({ client: address, port, path: readable(mount.path), rule: `${rule.where}: ${rule.text}` }, 'Mounted');
    return { status: 0 as const, directory: issueHandle(mount.directory, mount.share.number) };
  }

  /** RFC 1094 appendix A.5.4: only the caller's own entry. */
  async umnt(argument: Buffer, call: CallContext): Promise<void> {
    const path = normalised(argument.toString('latin1'));
    const client = call.client.address.slice(0, MNTNAMLEN);
    if (await this.#parts.mounts.remove({ client, path }))
      this.#parts.logger.info({ client, port: call.client.port, path: readable(path) }, 'Unmounted');
  }

  /** RFC 1094 appendix A.5.5: only the caller's own entries. */
  async umntAll(call: CallContext): Promise<void> {
    const client = call.client.address.slice(0, MNTNAMLEN);
    const count = await this.#parts.mounts.removeAll(client);
    if (count > 0) this.#parts.logger.info({ client, port: call.client.port, count }, 'Unmounted all');
  }

  async pathconf(argument: Buffer, call: CallContext) {
    const mount = await this.#find(argument.toString('latin1'), call);
    return mount.status === 'OK' ? PATHCONF : PATHCONF_ERROR;
  }

  procedures(): ReadonlyMap<number, Procedure<any, any>> {
    const { shares, mounts } = this.#parts;
    const path = codecs.dirpath;
    const none = codecs.void;
    return new Map<number, Procedure<any, any>>([
      [0, procedure('NULL', { arguments: none, result: none }, () => {})],
      [1, procedure('MNT', { arguments: path, result: codecs.fhstatus }, (dir, call) => this.mnt(dir, call))],
      [
        2,
        procedure('DUMP', { arguments: none, result: codecs.mountlist }, (_, call) =>
          dumpReply(mounts.list(), call.transport),
        ),
      ],
      [3, procedure('UMNT', { arguments: path, result: none }, (dir, call) => this.umnt(dir, call))],
      [4, procedure('UMNTALL', { arguments: none, result: none }, (_, call) => this.umntAll(call))],
      [
        5,
        procedure('EXPORT', { arguments: none, result: codecs.exportlist }, (_, call) =>
          exportReply(shares.exports(), call.transport),
        ),
      ],
    ]);
  }

  /** Version 2 adds this one to version 1. */
  pathconfProcedure(): Procedure<any, any> {
    const types = { arguments: codecs.dirpath, result: codecs.ppathcnf };
    return procedure('PATHCONF', types, (dir, call) => this.pathconf(dir, call));
  }
}

/**
 * The mount program, versions 1 (RFC 1094 appendix A) and 2 (that and PATHCONF). Others are answered with PROG_MISMATCH 1 to 2 (FIELD.md
 * row 12). Every mount is logged, and every refusal, within the bounds of `RefusalLog`.
 */
export function mountProgram(parts: MountdParts): Program {
  const mountd = new Mountd(parts);
  const first: ProgramVersion = mountd.procedures();
  const second: ProgramVersion = new Map([...first, [7, mountd.pathconfProcedure()]]);
  return {
    number: MOUNT_PROGRAM,
    name: 'mountd',
    versions: new Map([
      [1, first],
      [2, second],
    ]),
  };
}
