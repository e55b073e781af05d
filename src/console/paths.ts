import { FlareError, type FlareStatusName } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import { type Attributes, type Caller, FlareType } from '../flare/types.ts';
import { CommandError } from './command.ts';
import { shown } from './text.ts';

/** As whom the console looks and changes. */
export const ROOT: Caller = { uid: 0, gid: 0, gids: [] };

/** The longest path, in names. */
export const DEPTH_MAX = 512;

const REASONS: Partial<Record<FlareStatusName, string>> = {
  NOENT: 'no such file or directory',
  NOTDIR: 'not a directory',
  ISDIR: 'is a directory',
  NOTEMPTY: 'the directory is not empty',
  INVAL: 'cannot be done to this type of file',
  NAMETOOLONG: 'a name has at most 255 bytes',
  NOSPC: 'no space left',
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

/** The names along a path that begins in `cwd` unless it begins with `/`. Throws `CommandError`. */
export function namesOf(cwd: readonly string[], path: string): string[] {
  const names = path.startsWith('/') ? [] : [...cwd];
  for (const name of path.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  if (names.length > DEPTH_MAX) throw new CommandError(`a path has at most ${DEPTH_MAX} names`);
  return names;
}

/** Walks from the root. Symbolic links are not followed: what they mean is for clients to say. Throws `CommandError`. */
export async function walk(
  tree: FlareService,
  names: readonly string[],
  wait: <T>(answer: T | Promise<T>) => Promise<T>,
): Promise<Attributes> {
  let attributes = await wait(tree.getattr(tree.root()));
  for (const [at, name] of names.entries()) {
    try {
      attributes = await wait(tree.lookup(ROOT, attributes, name));
    } catch (error) {
      if (!(error instanceof FlareError)) throw error;
      const link = attributes.type === FlareType.symlink ? ' (a symbolic link, which the console does not follow)' : '';
      const faulty = error.status === 'NOTDIR' ? names.slice(0, at) : names.slice(0, at + 1);
      throw new CommandError(`${pathOf(faulty)}: ${reasonOf(error.status)}${link}`);
    }
  }
  return attributes;
}
