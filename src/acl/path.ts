import type { Name } from '../flare/types.ts';
import { NAME_MAX } from '../flare/types.ts';

/** The longest path of a rule or a mount, in bytes (`MNTPATHLEN`, RFC 1094 appendix A.3). */
export const PATH_MAX = 1024;

/** Why a path cannot be used. */
export type PathFault = 'relative' | 'dotdot' | 'nul' | 'long';

/**
 * The names along an absolute path (bytes as a Latin-1 string): doubled and trailing `/` and `.` are left out; none for the root.
 * `..` is a fault, because what it means depends on renames.
 */
export function splitPath(path: string): readonly Name[] | PathFault {
  if (path.length > PATH_MAX) return 'long';
  if (!path.startsWith('/')) return 'relative';
  if (path.includes('\0')) return 'nul';
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  if (names.includes('..')) return 'dotdot';
  return names.some((name) => name.length > NAME_MAX) ? 'long' : names;
}

/** The normal form of a path of these names. */
export function joinPath(names: readonly Name[]): string {
  return `/${names.join('/')}`;
}
