import { FlareError } from '../../flare/errors.ts';
import { FlareType } from '../../flare/types.ts';
import { inOrder } from './content.ts';
import type { Output } from './output.ts';
import { need, pathText, remotePath } from './paths.ts';
import { FileProblem } from './problem.ts';
import { goOn, type Work } from './run.ts';

/** `magma cat`: files, one after the other, as they are. */
export async function cat(words: readonly string[], work: Work, output: Output): Promise<void> {
  const { report, signal, tree } = work;
  for (const word of words) {
    await report.part(word, async () => {
      const { names } = remotePath(word);
      const found = await need(tree, names);
      if (found.type === FlareType.directory) throw new FileProblem(pathText(names), 'is a directory');
      if (found.type !== FlareType.file) throw FileProblem.of(pathText(names), FlareError.of('INVAL'));
      try {
        report.progress.expect(found.size);
        for await (const data of inOrder(work, found, found.size)) {
          await output.write(data);
          report.progress.add(data.length);
          report.bytes += data.length;
        }
        report.files += 1;
      } catch (error) {
        throw FileProblem.of(pathText(names), error);
      }
    });
    goOn(signal);
    if (report.interrupted) return;
  }
}
