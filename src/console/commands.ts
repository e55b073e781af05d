import type { Command } from './command.ts';
import { cache } from './commands/cache.ts';
import { cat } from './commands/cat.ts';
import { cd } from './commands/cd.ts';
import { check } from './commands/check.ts';
import { clients } from './commands/clients.ts';
import { debug } from './commands/debug.ts';
import { erase } from './commands/erase.ts';
import { exit } from './commands/exit.ts';
import { helpCommand } from './commands/help.ts';
import { inspect } from './commands/inspect.ts';
import { lava } from './commands/lava.ts';
import { locks } from './commands/locks.ts';
import { log } from './commands/log.ts';
import { ls } from './commands/ls.ts';
import { print } from './commands/print.ts';
import { pwd } from './commands/pwd.ts';
import { shutdown } from './commands/shutdown.ts';

/** All commands of the console, as `help` lists them. */
export const COMMANDS: readonly Command[] = [
  helpCommand(() => COMMANDS),
  ...[ls, cd, pwd, cat, inspect, erase],
  ...[lava, clients, locks, check],
  ...[log, print, debug, cache],
  ...[shutdown, exit],
];
