import { FlareError } from '../../flare/errors.ts';
import { type Attributes, FlareType } from '../../flare/types.ts';
import { pathOf, ROOT } from '../../operator/paths.ts';
import { told } from '../../operator/text.ts';
import { type Command, CommandError } from '../command.ts';

/** Flares that are looked at. */
export const LOADED_MAX = 100_000;
const PAGE = 500;
const AT_ONCE = 16;

export const cache: Command = {
  name: 'cache',
  usage: 'load [PATH]',
  brief: 'bring a tree into memory',
  help: [
    `cache load looks at all that lies in a directory and below it, ${LOADED_MAX} flares at most, so that names and attributes are in memory when clients ask for them: after a start, before machines boot. Contents of files are not read.`,
    'What is in memory already, and how much: print cache.',
  ],
  completes: [['load'], 'path'],
  wordsMin: 1,
  wordsMax: 2,
  async run({ words, find, print, wait, turn, parts }) {
    if (words[0] !== 'load') throw new CommandError(`load, not ${told(words[0]!)}`);
    const { names, attributes } = await find(words[1] ?? '.');
    if (attributes.type !== FlareType.directory) throw new CommandError(`${pathOf(names)}: not a directory`);
    const { tree } = parts;
    const directories = [attributes];
    let seen = 0;
    const look = async (directory: Attributes, name: string): Promise<void> => {
      try {
        const found = await wait(tree.lookup(ROOT, directory, name));
        seen += 1;
        if (found.type === FlareType.directory) directories.push(found);
      } catch (error) {
        // What went away meanwhile is not missed.
        if (!(error instanceof FlareError)) throw error;
      }
    };
    for (
      let directory = directories.pop();
      directory !== undefined && seen < LOADED_MAX;
      directory = directories.pop()
    ) {
      for (let cookie = 0, ended = false; !ended && seen < LOADED_MAX; ) {
        const { entries, end } = await wait(tree.readdir(ROOT, directory, cookie, PAGE));
        ended = end || entries.length === 0;
        cookie = entries.at(-1)?.cookie ?? cookie;
        const of = directory;
        for (let at = 0; at < entries.length; at += AT_ONCE) {
          await Promise.all(entries.slice(at, at + AT_ONCE).map(({ name }) => look(of, name)));
          await turn();
        }
      }
    }
    await print(
      `${seen} flares below ${pathOf(names)} were looked at${seen >= LOADED_MAX ? ', and there are more' : ''}.`,
    );
  },
};
