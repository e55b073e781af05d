import { FlareError } from '../../flare/errors.ts';
import { type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import { find, need, pathText, remotePath } from './paths.ts';
import { FileProblem } from './problem.ts';
import { goOn, type Work } from './run.ts';

/** `magma mv`: renames, or moves into a directory; no data move. */
export async function move(words: readonly string[], work: Work): Promise<void> {
  const { tree, report, signal } = work;
  const target = remotePath(words.at(-1)!);
  const sources = words.slice(0, -1);
  const there = await find(tree, target.names);
  const into = there?.type === FlareType.directory ? there : null;
  if (into === null && (sources.length > 1 || target.directory))
    throw new FileProblem(pathText(target.names), 'is no directory, and something is to go into it');
  for (const word of sources) {
    await report.part(word, async () => {
      const from = remotePath(word).names;
      const name = from.at(-1);
      if (name === undefined) throw new FileProblem('/', 'is the root, and stays');
      const found = await need(tree, from);
      const names = into === null ? target.names : [...target.names, name];
      const fromParent = await need(tree, from.slice(0, -1));
      const toParent = into ?? (await need(tree, names.slice(0, -1)));
      await rename([fromParent, name], [toParent, names], work);
      if (found.type === FlareType.directory) report.directories += 1;
      else report.files += 1;
    });
    goOn(signal);
  }
}

async function rename(
  [from, fromName]: readonly [FlareId, Name],
  [to, names]: readonly [FlareId, readonly Name[]],
  { tree, flags }: Work,
): Promise<void> {
  if (flags.force !== true && (await find(tree, names)) !== null)
    throw FileProblem.of(pathText(names), FlareError.of('EXIST'));
  try {
    await tree.rename(ROOT, from, fromName, to, names.at(-1)!);
  } catch (error) {
    const what = error instanceof FlareError ? REFUSED[error.status] : undefined;
    throw what === undefined ? FileProblem.of(pathText(names), error) : new FileProblem(pathText(names), what);
  }
}

const REFUSED: Readonly<Record<string, string>> = {
  ISDIR: 'is a directory, which no file can take the place of',
  NOTDIR: 'is no directory, and no directory can take its place',
  INVAL: 'a directory cannot be moved into itself',
};
