import { FlareError } from '../../flare/errors.ts';
import { type Attributes, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { DEPTH_MAX, ROOT } from '../../operator/paths.ts';
import { each } from './at-once.ts';
import { FILES_AT_ONCE } from './content.ts';
import { pages } from './listing.ts';
import { find, pathText, remotePath } from './paths.ts';
import { FileProblem } from './problem.ts';
import { goOn, type Work } from './run.ts';

/** `magma rm`. */
export async function remove(words: readonly string[], work: Work): Promise<void> {
  const { tree, report, signal, flags } = work;
  for (const word of words) {
    await report.part(word, async () => {
      const { names } = remotePath(word);
      const name = names.at(-1);
      if (name === undefined) throw new FileProblem('/', 'is the root, and stays. Cure: name what is in it');
      const parent = await find(tree, names.slice(0, -1));
      const found = parent === null ? null : await find(tree, names);
      if (parent === null || found === null) {
        if (flags.force === true) return;
        throw FileProblem.of(pathText(names), FlareError.of('NOENT'));
      }
      if (found.type === FlareType.directory && flags.recursive !== true)
        throw FileProblem.of(pathText(names), FlareError.of('ISDIR'));
      if (found.type === FlareType.directory) await removeTree(parent, found, names, work);
      else await removeFile(parent, name, names, work);
    });
    goOn(signal);
  }
}

async function removeFile(parent: FlareId, name: Name, names: readonly Name[], { tree, report }: Work): Promise<void> {
  try {
    await tree.remove(ROOT, parent, name);
    report.files += 1;
  } catch (error) {
    throw FileProblem.of(pathText(names), error);
  }
}

/** A directory with all that is in it. What cannot be removed is told, and stays with the directories above it. */
async function removeTree(parent: FlareId, directory: Attributes, names: readonly Name[], work: Work): Promise<void> {
  const { tree, report, signal } = work;
  if (names.length > DEPTH_MAX) throw new FileProblem(pathText(names), `lies deeper than ${DEPTH_MAX} names`);
  const failed = report.failed;
  for await (const entries of pages(tree, directory)) {
    const inside: Name[] = [];
    await each(entries, FILES_AT_ONCE, async ({ name }) => {
      goOn(signal);
      const path = [...names, name];
      await report.part(pathText(path), async () => {
        try {
          await tree.remove(ROOT, directory, name);
          report.files += 1;
        } catch (error) {
          if (error instanceof FlareError && error.status === 'ISDIR') inside.push(name);
          else if (!(error instanceof FlareError && error.status === 'NOENT')) throw error;
        }
      });
    });
    for (const name of inside) {
      goOn(signal);
      const path = [...names, name];
      await report.part(pathText(path), async () =>
        removeTree(directory, await tree.lookup(ROOT, directory, name), path, work),
      );
    }
  }
  goOn(signal);
  // What is left in it has been told.
  if (report.failed > failed) return;
  try {
    await tree.rmdir(ROOT, parent, names.at(-1)!);
    report.directories += 1;
  } catch (error) {
    throw FileProblem.of(pathText(names), error);
  }
}
