import { pathOf } from '../../operator/paths.ts';
import type { Command } from '../command.ts';

export const pwd: Command = {
  name: 'pwd',
  usage: '',
  brief: 'where you are',
  help: ['Shows the directory that paths begin in.'],
  wordsMax: 0,
  run: ({ cwd, print }) => print(pathOf(cwd)),
};
