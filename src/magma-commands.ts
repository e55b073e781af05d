import type { Command } from './magma/command.ts';
import { COMMANDS } from './magma/commands.ts';
import { completion } from './magma/completion/command.ts';
import { mountMagma } from './mount-magma/flags.ts';

/** All commands of `magma`; of completion alone it knows the other programs. */
export const ALL_COMMANDS: readonly Command[] = [...COMMANDS, completion(COMMANDS, [mountMagma()])];
