import type { Command } from '../command.ts';
import { pathOf } from '../paths.ts';

export const pwd: Command = {
  name: 'pwd',
  usage: '',
  brief: 'where you are',
  help: ['Shows the directory that paths begin in.'],
  wordsMax: 0,
  run: ({ cwd, print }) => print(pathOf(cwd)),
};
