import { DEPTH_MAX } from '../operator/paths.ts';
import { CommandError } from './command.ts';

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
