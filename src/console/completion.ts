import type { FlareService } from '../flare/service.ts';
import { type Attributes, FlareType } from '../flare/types.ts';
import { ROOT, walk } from '../operator/paths.ts';
import type { Command, Completion } from './command.ts';
import { namesOf } from './paths.ts';
import { asWord, cutLine } from './words.ts';

/** Entries of a directory that TAB looks at. */
export const LOOKED_AT_MAX = 5_000;
/** And of those that fit so many are shown. */
export const PROPOSED_MAX = 200;
const PAGE = 500;

/** What completion looks into. */
export interface Surroundings {
  readonly tree: FlareService;
  readonly cwd: readonly string[];
  readonly commands: readonly Command[];
}

/** What may stand in place of the last word of a line that ends at the cursor, each ready to be put in from byte `start` on. */
export async function completions(
  typed: string,
  around: Surroundings,
): Promise<{ start: number; words: readonly string[] }> {
  const { words, last } = cutLine(typed);
  const [name, ...rest] = last === typed.length ? [...words, ''] : words;
  const partial = rest.at(-1);
  if (partial === undefined) return { start: last, words: fitting(namesOfCommands(around), name ?? '') };
  const command = around.commands.find((one) => one.name === name || one.also?.includes(name!));
  const kind = command?.completes?.[rest.length - 1];
  if (kind === 'path') return { start: last, words: await paths(partial, around) };
  return { start: last, words: fitting(wordsOf(kind, around), partial) };
}

function wordsOf(kind: Completion | undefined, around: Surroundings): readonly string[] {
  if (kind === undefined || kind === 'path') return [];
  return kind === 'command' ? namesOfCommands(around) : kind;
}

function namesOfCommands({ commands }: Surroundings): string[] {
  return commands.flatMap(({ name, also = [] }) => [name, ...also]);
}

function fitting(all: readonly string[], partial: string): string[] {
  return all.filter((word) => word.startsWith(partial)).map((word) => `${asWord(word)} `);
}

async function paths(partial: string, { tree, cwd }: Surroundings): Promise<string[]> {
  const cut = partial.lastIndexOf('/') + 1;
  const [above, start] = [partial.slice(0, cut), partial.slice(cut)];
  const directory = await walk(tree, namesOf(cwd, above), async (answer) => answer);
  const found = await namesIn(tree, directory, start);
  const [only] = found;
  if (only === undefined || found.length > 1) return found.map((name) => asWord(above + name));
  const { type } = await tree.lookup(ROOT, directory, only);
  return [`${asWord(above + only)}${type === FlareType.directory ? '/' : ' '}`];
}

async function namesIn(tree: FlareService, directory: Attributes, start: string): Promise<string[]> {
  const found: string[] = [];
  let cookie = 0;
  for (let seen = 0; seen < LOOKED_AT_MAX && found.length < PROPOSED_MAX; seen += PAGE) {
    const { entries, end } = await tree.readdir(ROOT, directory, cookie, PAGE);
    for (const { name } of entries) if (name.startsWith(start) && found.length < PROPOSED_MAX) found.push(name);
    if (end || entries.length === 0) break;
    cookie = entries.at(-1)!.cookie;
  }
  return found.sort();
}
