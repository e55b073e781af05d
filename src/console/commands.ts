import type { Command } from './command.ts';
import { cat } from './commands/cat.ts';
import { cd } from './commands/cd.ts';
import { exit } from './commands/exit.ts';
import { helpCommand } from './commands/help.ts';
import { ls } from './commands/ls.ts';
import { pwd } from './commands/pwd.ts';

/** All commands of the console, as `help` lists them. */
export const COMMANDS: readonly Command[] = [helpCommand(() => COMMANDS), ls, cd, pwd, cat, exit];
