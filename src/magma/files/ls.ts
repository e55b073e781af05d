import { modeText, timeText, typeText } from '../../console/lines.ts';
import { inColumns } from '../../console/terminal.ts';
import { type Attributes, type DirectoryEntry, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { ROOT } from '../../operator/paths.ts';
import { pages } from './listing.ts';
import type { Output } from './output.ts';
import { need, pathText, readable, remotePath } from './paths.ts';
import { FileProblem } from './problem.ts';
import { goOn, type Work } from './run.ts';

/** Up to so many entries of a directory are sorted; more come in the directory's own order. */
export const SORTED_MAX = 100_000;
/** Flares that are asked for at a time. */
const AT_ONCE = 32;

interface Line {
  readonly name: Name;
  readonly attributes: Attributes | null;
  readonly target: Buffer | null;
}

function isText(bytes: Buffer): boolean {
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);
}

/** A name or target for programs: text, and where it is no UTF-8 as it is shown, with its bytes in hexadecimal digits. */
function jsonName(key: string, bytes: Buffer): object {
  return isText(bytes)
    ? { [key]: bytes.toString('utf8') }
    : { [key]: readable(bytes.toString('latin1')), [`${key}Hex`]: bytes.toString('hex') };
}

function jsonLine({ name, target }: Line, attributes: Attributes, directory: readonly Name[]): string {
  const path = Buffer.from(`/${[...directory, name].join('/')}`, 'latin1');
  const named = { ...jsonName('path', path), ...jsonName('name', Buffer.from(name, 'latin1')) };
  const { type, mode, nlink, uid, gid, size, used, major, minor, fileid, mtime } = attributes;
  const isDevice = type === FlareType.block || type === FlareType.character;
  return JSON.stringify({
    ...named,
    type: typeText(type),
    ...{ mode: mode.toString(8).padStart(4, '0'), nlink, uid, gid, size, used },
    ...(isDevice ? { major, minor } : {}),
    ...(target === null ? {} : jsonName('target', target)),
    ...{ fileid, mtime: mtime.seconds + mtime.nanoseconds / 1e9 },
  });
}

function longLines(lines: readonly Line[], show: (bytes: string) => string): string[] {
  const rows = lines.map(({ name, attributes, target }) => {
    if (attributes === null) return ['??????????', '?', '?', '?', '?', '?', show(name)];
    const { type, nlink, uid, gid, size, major, minor, mtime } = attributes;
    const isDevice = type === FlareType.block || type === FlareType.character;
    const named = show(name) + (target === null ? '' : ` -> ${show(target.toString('latin1'))}`);
    const much = isDevice ? `${major}, ${minor}` : `${size}`;
    return [modeText(attributes), `${nlink}`, `${uid}`, `${gid}`, much, timeText(mtime), named];
  });
  const widths = [0, 1, 2, 3, 4, 5].map((column) => rows.reduce((most, row) => Math.max(most, row[column]!.length), 0));
  return rows.map((row) => row.map((cell, at) => (at === 6 ? cell : cell.padStart(widths[at]!))).join(' '));
}

/** `magma ls`. */
export async function list(words: readonly string[], work: Work, output: Output): Promise<void> {
  const paths = words.length === 0 ? ['/'] : words;
  const { report, json, tree } = work;
  let first = true;
  for (const word of paths) {
    await report.part(word, async () => {
      const { names, directory } = remotePath(word);
      const found = await need(tree, names);
      if (found.type !== FlareType.directory) {
        if (directory) throw new FileProblem(pathText(names), 'is no directory');
        // As ls(1) does: the path as it was named, not the name.
        const line = await lineOf(work, names.at(-1)!, found);
        await show([json ? line : { ...line, name: names.join('/') }], names.slice(0, -1), work, output);
      } else {
        if (paths.length > 1 && !json) await output.line(`${first ? '' : '\n'}/${names.map(output.text).join('/')}:`);
        await listDirectory(found, names, work, output);
      }
      first = false;
      // Before what is told of the next one.
      await output.flush();
    });
    goOn(work.signal);
  }
}

async function listDirectory(id: FlareId, names: readonly Name[], work: Work, output: Output): Promise<void> {
  let gathered: DirectoryEntry[] = [];
  const some = async (): Promise<void> => {
    await showEntries(id, gathered, names, work, output);
    gathered = [];
  };
  let sorted = true;
  for await (const entries of pages(work.tree, id)) {
    goOn(work.signal);
    gathered.push(...entries);
    if (gathered.length <= SORTED_MAX && sorted) continue;
    sorted = false;
    await some();
  }
  if (sorted) gathered.sort((one, other) => (one.name < other.name ? -1 : 1));
  await some();
}

async function showEntries(
  directory: FlareId,
  entries: readonly DirectoryEntry[],
  names: readonly Name[],
  work: Work,
  output: Output,
): Promise<void> {
  const { tree, json, flags, signal } = work;
  if (!json && flags.long !== true) {
    const lines = entries.map(({ name }) => output.text(name));
    for (const line of output.terminal ? inColumns(lines, output.columns) : lines) await output.line(line);
    return;
  }
  const lines: Line[] = [];
  for (let at = 0; at < entries.length; at += AT_ONCE) {
    goOn(signal);
    const some = entries.slice(at, at + AT_ONCE).map(async ({ name }) => {
      try {
        return await lineOf(work, name, await tree.lookup(ROOT, directory, name));
      } catch (error) {
        const problem = FileProblem.of(pathText([...names, name]), error);
        work.report.problem(pathText([...names, name]), problem);
        return { name, attributes: null, target: null };
      }
    });
    const got = await Promise.all(some);
    if (json) await show(got, names, work, output);
    else lines.push(...got);
  }
  if (!json) await show(lines, names, work, output);
}

async function lineOf({ tree }: Work, name: Name, attributes: Attributes): Promise<Line> {
  const target = attributes.type === FlareType.symlink ? await tree.readlink(ROOT, attributes) : null;
  return { name, attributes, target };
}

async function show(
  lines: readonly Line[],
  directory: readonly Name[],
  { json, flags }: Work,
  output: Output,
): Promise<void> {
  const texts = json
    ? lines.flatMap((line) => {
        // What is gone has been told.
        const { attributes } = line;
        return attributes === null
          ? []
          : [Buffer.from(jsonLine(line, attributes, directory), 'utf8').toString('latin1')];
      })
    : flags.long === true
      ? longLines(lines, output.text)
      : lines.map(({ name }) => output.text(name));
  for (const text of texts) await output.line(text);
}
