import { FlareType } from '../../flare/types.ts';
import { pathOf } from '../../operator/paths.ts';
import { type Command, CommandError } from '../command.ts';

export const cd: Command = {
  name: 'cd',
  usage: '[PATH]',
  brief: 'go to a directory',
  help: [
    'Goes to a directory; without PATH to the root. `..` is the directory before it in the path. Symbolic links are not followed.',
  ],
  completes: ['path'],
  wordsMax: 1,
  async run({ words, find, go }) {
    const { names, attributes } = await find(words[0] ?? '/');
    if (attributes.type !== FlareType.directory) throw new CommandError(`${pathOf(names)}: not a directory`);
    go(names);
  },
};
