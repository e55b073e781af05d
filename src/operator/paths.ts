import type { Eventually } from '../base/eventually.ts';
import { FlareError, type FlareStatusName } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import { type Attributes, type Caller, FlareType } from '../flare/types.ts';
import { shown } from './text.ts';

/** As whom operators look and change. */
export const ROOT: Caller = { uid: 0, gid: 0, gids: [] };

/** The longest path, in names. */
export const DEPTH_MAX = 512;

/** What an operator asked for cannot be done; the message says why, and the cure. Its bytes are harmless, as Latin-1. */
export class OperatorError extends Error {
  /** The refusal that it comes from; null: it is about the question itself. */
  readonly status: FlareStatusName | null;

  constructor(message: string, status: FlareStatusName | null = null) {
    super(message);
    this.name = 'OperatorError';
    this.status = status;
  }
}

const REASONS: Partial<Record<FlareStatusName, string>> = {
  NOENT: 'no such file or directory',
  NOTDIR: 'not a directory',
  ISDIR: 'is a directory',
  NOTEMPTY: 'the directory is not empty',
  INVAL: 'cannot be done to this type of file',
  NAMETOOLONG: 'a name has at most 255 bytes',
  NOSPC: 'no space left',
  DQUOT: 'the quota is used up',
  ROFS: 'cannot be changed',
  ACCES: 'is not allowed',
  PERM: 'is not allowed',
  STALE: 'is gone by now',
  IO: 'the disk cannot give it: see log',
  XDEV: 'a rule is bound to it: see print acl',
};

/** A refusal in words. */
export function reasonOf(status: FlareStatusName): string {
  return REASONS[status] ?? status;
}

/** A path of those names, as it is shown. */
export function pathOf(names: readonly string[]): string {
  return `/${names.map(shown).join('/')}`;
}

/** Walks from the root. Symbolic links are not followed: what they mean is for clients to say. Throws `OperatorError`. */
export async function walk(
  tree: FlareService,
  names: readonly string[],
  wait: <T>(answer: Eventually<T>) => Promise<T>,
): Promise<Attributes> {
  let attributes = await wait(tree.getattr(tree.root()));
  for (const [at, name] of names.entries()) {
    try {
      attributes = await wait(tree.lookup(ROOT, attributes, name));
    } catch (error) {
      if (!(error instanceof FlareError)) throw error;
      const link = attributes.type === FlareType.symlink ? ' (a symbolic link, which is not followed here)' : '';
      const faulty = error.status === 'NOTDIR' ? names.slice(0, at) : names.slice(0, at + 1);
      throw new OperatorError(`${pathOf(faulty)}: ${reasonOf(error.status)}${link}`, error.status);
    }
  }
  return attributes;
}
