import { FlareError } from '../../flare/errors.ts';
import { type Attributes, type DirectoryEntry, FlareType } from '../../flare/types.ts';
import { OperatorError, pathOf, ROOT, reasonOf } from '../../operator/paths.ts';
import { shown } from '../../operator/text.ts';
import { type Command, CommandError, type Run } from '../command.ts';
import { modeText, timeText } from '../lines.ts';
import { inColumns } from '../terminal.ts';

/** Up to so many entries are sorted; more come in the directory's own order. */
export const SORTED_MAX = 5_000;
const PAGE = 500;
/** Files that are asked for at a time. */
const AT_ONCE = 16;

export const ls: Command = {
  name: 'ls',
  usage: '[-l] [PATH]',
  brief: 'a directory',
  help: [
    'Lists a directory, or a file. With -l also type, permissions, links, owner, group, size and time (UTC) of each.',
    'Bytes of names that are no UTF-8, or that a terminal would obey, are shown as \\xNN, a backslash as \\\\; they can be typed so as well.',
    `Directories of more than ${SORTED_MAX} entries are not sorted.`,
  ],
  completes: ['path', 'path'],
  wordsMax: 2,
  async run(run) {
    const long = run.words.includes('-l');
    const paths = run.words.filter((word) => word !== '-l');
    if (paths.length > 1) throw new CommandError('one path at a time');
    const { names, attributes } = await run.find(paths[0] ?? '.');
    if (attributes.type !== FlareType.directory) {
      await run.print(long ? lineOf(attributes, pathOf(names)) : pathOf(names));
      return;
    }
    const show = (entries: readonly DirectoryEntry[]): Promise<void> =>
      long
        ? showLong(run, attributes, entries)
        : run.print(
            ...inColumns(
              entries.map(({ name }) => shown(name)),
              run.columns,
            ),
          );
    let gathered: DirectoryEntry[] = [];
    let shownSome = false;
    for (let cookie = 0, ended = false; !ended; ) {
      const { entries, end } = await run.wait(run.parts.tree.readdir(ROOT, attributes, cookie, PAGE));
      gathered.push(...entries);
      ended = end || entries.length === 0;
      cookie = entries.at(-1)?.cookie ?? cookie;
      await run.turn();
      if (!ended && gathered.length <= SORTED_MAX) continue;
      if (ended && !shownSome) gathered.sort(byName);
      if (gathered.length > 0) await show(gathered);
      shownSome = true;
      gathered = [];
    }
  },
};

function byName(one: DirectoryEntry, other: DirectoryEntry): number {
  return one.name < other.name ? -1 : 1;
}

function lineOf(attributes: Attributes, name: string): string {
  const { nlink, uid, gid, size, major, minor, type, mtime } = attributes;
  const isDevice = type === FlareType.block || type === FlareType.character;
  const much = isDevice ? `${major}, ${minor}` : `${size}`;
  return `${modeText(attributes)} ${`${nlink}`.padStart(3)} ${`${uid}`.padStart(5)} ${`${gid}`.padStart(5)} ${much.padStart(12)} ${timeText(mtime)} ${name}`;
}

async function showLong(run: Run, directory: Attributes, entries: readonly DirectoryEntry[]): Promise<void> {
  const { tree } = run.parts;
  const line = async ({ name }: DirectoryEntry): Promise<string> => {
    try {
      const attributes = await run.wait(tree.lookup(ROOT, directory, name));
      const target = attributes.type === FlareType.symlink ? await run.wait(tree.readlink(ROOT, attributes)) : null;
      return lineOf(attributes, shown(name) + (target === null ? '' : ` -> ${shown(target.toString('latin1'))}`));
    } catch (error) {
      if (run.signal.aborted || !(error instanceof FlareError || error instanceof OperatorError)) throw error;
      return `?????????? ${shown(name)}: ${error instanceof FlareError ? reasonOf(error.status) : error.message}`;
    }
  };
  for (let at = 0; at < entries.length; at += AT_ONCE)
    await run.print(...(await Promise.all(entries.slice(at, at + AT_ONCE).map(line))));
}
