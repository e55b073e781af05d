import { chmod, lstat, mkdir, stat, utimes } from 'node:fs/promises';
import { typeText } from '../../console/lines.ts';
import { FlareError } from '../../flare/errors.ts';
import { type Attributes, FlareType, type Name } from '../../flare/types.ts';
import { DEPTH_MAX, ROOT } from '../../operator/paths.ts';
import { each, Pool, type Slots } from './at-once.ts';
import { cat } from './cat.ts';
import { FILES_AT_ONCE, FILES_QUEUED, pieceSlots } from './content.ts';
import { DirectoryNode } from './directory-node.ts';
import { getFile, getLink, inDirectory, modeHere, timesOf } from './get-file.ts';
import { pages } from './listing.ts';
import { Output } from './output.ts';
import { localText, need, pathText, remotePath } from './paths.ts';
import { FileProblem } from './problem.ts';
import { goOn, type Work } from './run.ts';
import { bytesOf } from './words.ts';

/** What is to be copied, and where to. */
interface Item {
  readonly names: readonly Name[];
  readonly attributes: Attributes;
  readonly target: Buffer;
  readonly node: DirectoryNode | null;
  /** An existing directory may be it. */
  readonly merges: boolean;
}

/** `magma get`. */
export async function get(words: readonly string[], work: Work): Promise<void> {
  const local = words.length > 1 ? words.at(-1)! : '.';
  const sources = words.length > 1 ? words.slice(0, -1) : words;
  if (local === '-') return cat(sources, work, new Output());
  await new Getting(work).run(sources, bytesOf(local));
}

class Getting {
  readonly #work: Work;
  readonly #slots: Slots = pieceSlots();
  readonly #pool = new Pool(FILES_AT_ONCE, FILES_QUEUED);

  constructor(work: Work) {
    this.#work = work;
  }

  async run(sources: readonly string[], local: Buffer): Promise<void> {
    const { report, tree, signal } = this.#work;
    const there = await stat(local).catch(() => null);
    const into = there?.isDirectory() === true;
    if (!into && (sources.length > 1 || local.at(-1) === 0x2f) && there !== null)
      throw new FileProblem(localText(local), 'is no directory, and something is to go into it');
    if (!into && sources.length > 1) throw new FileProblem(localText(local), 'there is no such directory. Cure: mkdir');
    for (const word of sources) {
      await report.part(word, async () => {
        const { names } = remotePath(word);
        const attributes = await need(tree, names);
        const name = names.at(-1);
        const merges = name === undefined;
        const target = into && name !== undefined ? inDirectory(local, Buffer.from(name, 'latin1')) : local;
        await this.#take({ names, attributes, target, node: null, merges: merges || this.#force }, true);
      });
      if (signal.aborted) break;
    }
    report.progress.known();
    await this.#pool.done();
    goOn(signal);
  }

  get #force(): boolean {
    return this.#work.flags.force === true;
  }

  async #take(item: Item, named: boolean): Promise<void> {
    const { attributes, names, target, node } = item;
    const { report, tree, flags } = this.#work;
    const place = pathText(names);
    const { type } = attributes;
    if (type === FlareType.directory) {
      if (flags.recursive !== true) throw FileProblem.of(place, FlareError.of('ISDIR'));
      await this.#directory(item);
    } else if (type === FlareType.file) {
      report.progress.expect(attributes.size);
      node?.begin();
      await this.#pool.take(async () => {
        await report.part(place, () => getFile(this.#work, this.#slots, attributes, target, place));
        await node?.end();
      });
    } else if (type === FlareType.symlink) {
      const to = await tree.readlink(ROOT, attributes);
      if (named && flags.recursive !== true) {
        const cure = 'Cure: name what it points to; or -r, which takes links as links';
        throw new FileProblem(place, `is a symbolic link to ${localText(to)}, and these are not followed. ${cure}`);
      }
      await getLink(this.#work, to, target);
    } else throw new FileProblem(place, `is a ${typeText(type)}: it is left out`);
  }

  async #directory({ names, attributes, target, node: parent, merges }: Item): Promise<void> {
    const { report, tree, signal, flags } = this.#work;
    if (names.length > DEPTH_MAX) throw new FileProblem(pathText(names), `lies deeper than ${DEPTH_MAX} names`);
    const keep = flags.preserve === true;
    const wanted = modeHere(attributes, keep);
    // What goes into it must be able to: the rest comes at the end.
    const isNew = await makeDirectory(target, wanted | 0o700, merges);
    report.directories += 1;
    const node = new DirectoryNode(parent, () =>
      report.part(localText(target), async () => {
        if (isNew && (wanted & 0o700) !== 0o700) await chmod(target, wanted);
        if (keep) await chmod(target, wanted);
        if (keep) await utimes(target, ...timesOf(attributes));
      }),
    );
    try {
      for await (const entries of pages(tree, attributes)) {
        const found: Item[] = [];
        await each(entries, FILES_AT_ONCE, async ({ name }) => {
          const path = [...names, name];
          goOn(signal);
          await report.part(pathText(path), async () => {
            const inside = await tree.lookup(ROOT, attributes, name);
            const to = inDirectory(target, Buffer.from(name, 'latin1'));
            found.push({ names: path, attributes: inside, target: to, node, merges: this.#force });
          });
        });
        for (const item of found) {
          goOn(signal);
          await report.part(pathText(item.names), () => this.#take(item, false));
        }
      }
    } catch (error) {
      throw FileProblem.of(pathText(names), error);
    } finally {
      await node.end();
    }
  }
}

/** Whether it was made now; one that was there is taken when it `merges`, and is no link. */
async function makeDirectory(path: Buffer, mode: number, merges: boolean): Promise<boolean> {
  try {
    await mkdir(path, mode);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EEXIST') throw FileProblem.of(localText(path), error);
    if (!merges) throw new FileProblem(localText(path), 'is there already. Cure: -f goes on in it');
    const there = await (path.equals(Buffer.from('.')) ? stat(path) : lstat(path));
    if (!there.isDirectory()) throw new FileProblem(localText(path), 'is no directory');
    return false;
  }
}
