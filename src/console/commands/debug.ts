import { told } from '../../operator/text.ts';
import { type Command, CommandError } from '../command.ts';

export const debug: Command = {
  name: 'debug',
  usage: 'on|off CHANNEL',
  brief: 'turn a debug channel on, off',
  help: [
    'Turns a channel of the log on or off while the volcano runs; CHANNEL is its letter or its room (print debug has them), or all. The next start goes by --debug again.',
    'What a channel tells goes into the log of magmad: see log.',
  ],
  completes: [['on', 'off']],
  wordsMin: 2,
  wordsMax: 2,
  async run({ words, parts, print }) {
    const [how, which] = words as [string, string];
    if (how !== 'on' && how !== 'off') throw new CommandError(`on or off, not ${told(how)}`);
    const all = parts.debug.channels();
    const meant = all.filter(({ letter, room }) => which === 'all' || which === letter || which === room);
    if (meant.length === 0) throw new CommandError(`there is no channel ${told(which)}: see print debug`);
    for (const { letter } of meant) parts.debug.set(letter, how === 'on');
    const now = parts.debug.channels().filter(({ letter }) => meant.some((one) => one.letter === letter));
    await print(...now.map(({ room, on }) => `${room} is ${on ? 'on' : 'off'}`));
  },
};
