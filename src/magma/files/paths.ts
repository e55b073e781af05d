import { FlareError } from '../../flare/errors.ts';
import type { FlareService } from '../../flare/service.ts';
import { type Attributes, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { DEPTH_MAX, pathOf, ROOT } from '../../operator/paths.ts';
import { shown } from '../../operator/text.ts';
import { FileProblem } from './problem.ts';
import { bytesOf } from './words.ts';

/** A path of the ring's tree, as a word of the command line named it. */
export interface RemotePath {
  /** Latin-1, one character a byte. */
  readonly names: readonly Name[];
  /** Whether it was written as a directory: with a slash at its end. */
  readonly directory: boolean;
}

/** The path that a word means: it begins at the root, with or without a slash. Throws `FileProblem` when it is too long. */
export function remotePath(word: string): RemotePath {
  const text = bytesOf(word).toString('latin1');
  const names: Name[] = [];
  for (const name of text.split('/')) {
    if (name === '..') names.pop();
    else if (name !== '' && name !== '.') names.push(name);
  }
  if (names.length > DEPTH_MAX) throw new FileProblem(word.slice(0, 100), `a path has at most ${DEPTH_MAX} names`);
  return { names, directory: /(^|\/)\.{0,2}$/.test(text) };
}

/** Bytes as people read them: text, with `\xNN` for what is none or what a terminal would obey. */
export function readable(bytes: string): string {
  return Buffer.from(shown(bytes), 'latin1').toString('utf8');
}

/** A path as people read it. */
export function pathText(names: readonly Name[]): string {
  return Buffer.from(pathOf(names), 'latin1').toString('utf8');
}

/** A path of this machine as people read it. */
export function localText(path: Buffer): string {
  return readable(path.toString('latin1'));
}

/** What a path means; null when its last name means nothing. `from`: what its first `depth` names are known to mean. Symbolic links are not followed. Rejects with `FileProblem` naming the part that is wrong. */
export async function find(
  tree: FlareService,
  names: readonly Name[],
  from: { readonly id: FlareId; readonly depth: number } = { id: tree.root(), depth: 0 },
): Promise<Attributes | null> {
  let found = await tree.getattr(from.id);
  for (const [at, name] of names.entries()) {
    if (at < from.depth) continue;
    try {
      found = await tree.lookup(ROOT, found, name);
    } catch (error) {
      if (!(error instanceof FlareError)) throw FileProblem.of(pathText(names), error);
      if (error.status === 'NOENT' && at === names.length - 1) return null;
      if (error.status === 'NOTDIR' && found.type === FlareType.symlink) {
        const link = 'is a symbolic link, and these are not followed in the tree';
        throw new FileProblem(pathText(names.slice(0, at)), `${link}. Cure: name what it points to`);
      }
      throw FileProblem.of(pathText(names.slice(0, error.status === 'NOTDIR' ? at : at + 1)), error);
    }
  }
  return found;
}

/** What a path means. Rejects with `FileProblem`. */
export async function need(tree: FlareService, names: readonly Name[]): Promise<Attributes> {
  const found = await find(tree, names);
  if (found === null) throw FileProblem.of(pathText(names), FlareError.of('NOENT'));
  return found;
}
