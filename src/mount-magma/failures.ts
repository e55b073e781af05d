import { CipherError, type CipherFault } from '../client-fuse/crypto/errors.ts';
import { TreeError } from '../client-fuse/encrypted/tree-error.ts';
import { MountError } from '../client-fuse/mount/options.ts';
import { FlareError, UnavailableError } from '../flare/errors.ts';
import { ExitError, ExitStatus } from './exit.ts';

/** What the caller did wrong, rather than what is wrong with the tree. */
const OWN: ReadonlySet<CipherFault> = new Set(['PASSPHRASE_WRONG', 'PASSPHRASE_REFUSED', 'MASTER_KEY_BROKEN']);

/** The `ExitError` for whatever was in the way of a command that is about `tree`; what is not known here stays as it is. */
export function exitOf(error: unknown, tree: string): unknown {
  const exit = (status: ExitStatus, message: string): ExitError => new ExitError(status, message, { cause: error });
  if (error instanceof MountError) {
    return exit(error.kind === 'fuse' ? ExitStatus.system : ExitStatus.failed, error.message);
  }
  if (error instanceof CipherError) {
    return exit(OWN.has(error.fault) ? ExitStatus.usage : ExitStatus.failed, `${tree}: ${error.message}`);
  }
  if (error instanceof TreeError) return exit(ExitStatus.failed, `${tree}: ${error.message}`);
  if (error instanceof FlareError) {
    return exit(ExitStatus.failed, `${tree}: the volcano refuses it: ${REFUSALS[error.status] ?? error.status}`);
  }
  if (error instanceof UnavailableError) {
    return exit(ExitStatus.failed, `${tree}: no answer in time: ${error.message}. Cure: try again, or timeout=SECONDS`);
  }
  return error;
}

/** Runs a command that is about `tree`; rejects with `exitOf` of what it rejects with. */
export async function exiting<Result>(tree: string, work: () => Result | Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw exitOf(error, tree);
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  ACCES: 'its rules, or the permissions there, do not let this user in',
  PERM: 'it belongs to somebody else',
  ROFS: 'it may only be read. Cure: a share that this machine may write to',
  NOSPC: 'there is no room',
  NOTDIR: 'it is no directory',
  STALE: 'it is gone',
};
