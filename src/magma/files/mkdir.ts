import { FlareError } from '../../flare/errors.ts';
import { type FlareId, FlareType } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import { find, need, pathText, remotePath } from './paths.ts';
import { FileProblem } from './problem.ts';
import { goOn, type Work } from './run.ts';

/** The permissions of a directory that is made. */
const MODE = 0o755;

/** `magma mkdir`. */
export async function makeDirectories(words: readonly string[], work: Work): Promise<void> {
  const { tree, report, signal, flags } = work;
  for (const word of words) {
    await report.part(word, async () => {
      const { names } = remotePath(word);
      const first = flags.parents === true ? 0 : Math.max(0, names.length - 1);
      let at: FlareId = await need(tree, names.slice(0, first));
      for (let depth = first; depth < names.length; depth++) {
        const path = names.slice(0, depth + 1);
        const known = flags.parents === true ? await find(tree, path) : null;
        if (known !== null && known.type !== FlareType.directory)
          throw FileProblem.of(pathText(path), FlareError.of('NOTDIR'));
        at = known ?? (await make(at, path, work));
      }
      if (names.length === 0 && flags.parents !== true) throw new FileProblem('/', 'is there already');
    });
    goOn(signal);
  }
}

async function make(parent: FlareId, path: readonly string[], { tree, report, flags }: Work): Promise<FlareId> {
  try {
    const birth = { type: FlareType.directory, mode: MODE };
    const made = await tree.create(ROOT, parent, path.at(-1)!, birth);
    report.directories += 1;
    return made;
  } catch (error) {
    if (!(error instanceof FlareError && error.status === 'EXIST')) throw FileProblem.of(pathText(path), error);
    // With -p somebody else may have been faster.
    const found = flags.parents === true ? await need(tree, path) : null;
    if (found?.type === FlareType.directory) return found;
    throw new FileProblem(pathText(path), 'is there already');
  }
}
