import { FlareType } from '../../flare/types.ts';
import { pathOf, ROOT } from '../../operator/paths.ts';
import { type Command, CommandError } from '../command.ts';
import { typeText } from '../lines.ts';

export const erase: Command = {
  name: 'erase',
  usage: 'PATH',
  brief: 'remove a file, after asking',
  help: [
    'Takes a name off a file, or removes an empty directory, as rm and rmdir do; for all who use the tree, and for good. It asks first: anything but yes leaves all as it is.',
    'A directory with rules of its own is not removed.',
  ],
  completes: ['path'],
  wordsMin: 1,
  wordsMax: 1,
  async run({ words, find, ask, print, wait, parts }) {
    const { names, attributes } = await find(words[0]!);
    const name = names.at(-1);
    if (name === undefined) throw new CommandError('the root cannot be erased');
    if (parts.rules.carriesRule(attributes.key))
      throw new CommandError(`${pathOf(names)}: a rule is bound to it: see print acl`);
    const isDirectory = attributes.type === FlareType.directory;
    const what = isDirectory ? 'directory' : `${typeText(attributes.type)}, ${attributes.size} bytes`;
    const answer = await ask(`Erase ${pathOf(names)} (${what}) for good? Type yes: `);
    if (answer !== 'yes') {
      await print('Nothing was erased.');
      return;
    }
    const { tree } = parts;
    const { attributes: directory } = await find(`/${names.slice(0, -1).join('/')}`);
    await wait(isDirectory ? tree.rmdir(ROOT, directory, name) : tree.remove(ROOT, directory, name));
    await print(`${pathOf(names)} is erased.`);
  },
};
