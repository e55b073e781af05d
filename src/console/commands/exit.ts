import type { Command } from '../command.ts';

export const exit: Command = {
  name: 'exit',
  also: ['quit'],
  usage: '',
  brief: 'end this session',
  help: ['Ends this session. The volcano goes on.'],
  wordsMax: 0,
  async run({ leave }) {
    leave();
  },
};
