import type { BigIntStats } from 'node:fs';
import { lstat, opendir, stat } from 'node:fs/promises';
import { FlareError } from '../../flare/errors.ts';
import { type Attributes, FlareType } from '../../flare/types.ts';
import { DEPTH_MAX, ROOT } from '../../operator/paths.ts';
import { Pool, type Slots } from './at-once.ts';
import { FILES_AT_ONCE, FILES_QUEUED, pieceSlots } from './content.ts';
import { DirectoryNode } from './directory-node.ts';
import { inDirectory } from './get-file.ts';
import { find, localText, need, pathText, remotePath } from './paths.ts';
import { FileProblem } from './problem.ts';
import { modeThere, type Place, putFile, putLink, putStream, timeOf } from './put-file.ts';
import { goOn, type Work } from './run.ts';
import { bytesOf } from './words.ts';

/** `magma put`. `input` is what `-` means. */
export async function put(
  words: readonly string[],
  work: Work,
  input: AsyncIterable<Buffer> & { destroy?(): unknown } = process.stdin,
): Promise<void> {
  try {
    await new Putting(work, input).run(words.slice(0, -1), words.at(-1)!);
  } finally {
    // Else the process would wait for the end of what it does not read any more.
    if (words.includes('-')) input.destroy?.();
  }
}

/** The last name of a path of this machine; null for one that has none of its own: `/`, `.`, `..`. */
function lastName(path: Buffer): string | null {
  const [, name] = /([^/]*)\/*$/.exec(path.toString('latin1'))!;
  return name === '' || name === '.' || name === '..' ? null : name!;
}

class Putting {
  readonly #work: Work;
  readonly #input: AsyncIterable<Buffer>;
  readonly #slots: Slots = pieceSlots();
  readonly #pool = new Pool(FILES_AT_ONCE, FILES_QUEUED);

  constructor(work: Work, input: AsyncIterable<Buffer>) {
    this.#work = work;
    this.#input = input;
  }

  async run(sources: readonly string[], word: string): Promise<void> {
    const { report, tree, signal } = this.#work;
    const target = remotePath(word);
    const there = await find(tree, target.names);
    const into = there?.type === FlareType.directory ? there : null;
    if (into === null && there !== null && target.directory)
      throw new FileProblem(pathText(target.names), 'is no directory');
    if (into === null && sources.length > 1)
      throw new FileProblem(pathText(target.names), 'there is no such directory. Cure: magma mkdir');
    const parent = into === null ? await need(tree, target.names.slice(0, -1)) : null;
    if (parent !== null && parent.type !== FlareType.directory)
      throw FileProblem.of(pathText(target.names.slice(0, -1)), FlareError.of('NOTDIR'));
    for (const source of sources) {
      await report.part(source, async () => {
        const path = bytesOf(source);
        const name = source === '-' ? null : lastName(path);
        const isDirectory = source !== '-' && (await stat(path)).isDirectory();
        if (into !== null && name !== null) {
          const place = { directory: into, names: [...target.names, name], fresh: false };
          await this.#take(path, place, null, true);
        } else if (into !== null && isDirectory) await this.#inside(path, into, target.names, null, 0);
        else if (into !== null) throw new FileProblem(pathText(target.names), 'is a directory. Cure: name the file');
        else if (target.directory && !isDirectory)
          throw new FileProblem(pathText(target.names), 'there is no such directory. Cure: magma mkdir');
        else {
          const place = { directory: parent!, names: target.names, fresh: false };
          if (source === '-') await putStream(this.#work, this.#slots, this.#input, place);
          else await this.#take(path, place, null, true);
        }
      });
      if (signal.aborted) break;
    }
    report.progress.known();
    await this.#pool.done();
    goOn(signal);
  }

  async #take(path: Buffer, place: Place, node: DirectoryNode | null, named: boolean): Promise<void> {
    const { report, flags } = this.#work;
    const shown = localText(path);
    // What is named is what it points to; links that are found are links.
    const look = named ? stat(path, { bigint: true }) : lstat(path, { bigint: true });
    const found = await look.catch((error: unknown) => {
      throw FileProblem.of(shown, error);
    });
    if (found.isDirectory()) {
      if (flags.recursive !== true) throw FileProblem.of(shown, FlareError.of('ISDIR'));
      await this.#directory(path, found, place, node);
    } else if (found.isSymbolicLink()) await putLink(this.#work, path, place);
    else if (found.isFile()) {
      report.progress.expect(Number(found.size));
      node?.begin();
      await this.#pool.take(async () => {
        await report.part(shown, () => putFile(this.#work, this.#slots, path, place));
        await node?.end();
      });
    } else throw new FileProblem(shown, 'is a device, fifo or socket: it is left out');
  }

  async #directory(path: Buffer, found: BigIntStats, place: Place, parent: DirectoryNode | null): Promise<void> {
    const { report, tree, flags } = this.#work;
    const keep = flags.preserve === true;
    const { made, fresh } = await this.#make(place, modeThere(Number(found.mode), keep));
    report.directories += 1;
    const node = new DirectoryNode(parent, () =>
      report.part(pathText(place.names), async () => {
        if (!keep) return;
        await tree.setattr(ROOT, made, { mode: modeThere(Number(found.mode), true), mtime: timeOf(found.mtimeNs) });
      }),
    );
    try {
      await this.#inside(path, made, place.names, node, place.names.length, fresh);
    } finally {
      await node.end();
    }
  }

  async #inside(
    path: Buffer,
    directory: Attributes,
    names: readonly string[],
    node: DirectoryNode | null,
    depth: number,
    fresh = false,
  ): Promise<void> {
    const { report, signal, flags } = this.#work;
    const shown = localText(path);
    if (flags.recursive !== true) throw FileProblem.of(shown, FlareError.of('ISDIR'));
    if (depth > DEPTH_MAX) throw new FileProblem(shown, `lies deeper than ${DEPTH_MAX} names`);
    try {
      // Node gives names as bytes when it is asked to, which its types do not know.
      const entries = await opendir(path, { encoding: 'buffer' as 'utf8' });
      for await (const entry of entries) {
        goOn(signal);
        const name = entry.name as unknown as Buffer;
        const inside = inDirectory(path, name);
        const place = { directory, names: [...names, name.toString('latin1')], fresh };
        await report.part(localText(inside), () => this.#take(inside, place, node, false));
      }
    } catch (error) {
      throw FileProblem.of(shown, error);
    }
  }

  /** The directory; one that was there is taken with -f only. */
  async #make({ directory, names }: Place, mode: number): Promise<{ made: Attributes; fresh: boolean }> {
    const { tree, flags } = this.#work;
    const name = names.at(-1)!;
    try {
      return { made: await tree.create(ROOT, directory, name, { type: FlareType.directory, mode }), fresh: true };
    } catch (error) {
      if (!(error instanceof FlareError && error.status === 'EXIST')) throw FileProblem.of(pathText(names), error);
      if (flags.force !== true) throw new FileProblem(pathText(names), 'is there already. Cure: -f goes on in it');
      const made = await tree.lookup(ROOT, directory, name);
      if (made.type !== FlareType.directory) throw FileProblem.of(pathText(names), FlareError.of('NOTDIR'));
      return { made, fresh: false };
    }
  }
}
