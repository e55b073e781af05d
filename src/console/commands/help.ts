import { tableOf } from '../../base/table.ts';
import { shown } from '../../operator/text.ts';
import { type Command, CommandError } from '../command.ts';

/** `help`, over the table of all commands. */
export function helpCommand(all: () => readonly Command[]): Command {
  return {
    name: 'help',
    usage: '[COMMAND]',
    brief: 'all commands, or one',
    help: ['Shows all commands, or what one of them does.'],
    completes: ['command'],
    wordsMax: 2,
    async run({ words, print }) {
      const [word] = words;
      if (word === undefined) {
        const rows = all().map(({ name, also = [], usage, brief }) => [[name, ...also].join(', '), usage, brief]);
        await print(...tableOf(['command', '', 'what it does'], rows));
        await print('', 'help COMMAND says more. ^C breaks a command off; TAB completes commands and paths.');
        return;
      }
      const command = all().find(({ name, also }) => name === word || also?.includes(word));
      if (command === undefined) throw new CommandError(`${shown(word)}: no such command`);
      await print(`${command.name} ${command.usage}`.trimEnd(), ...command.help.map((line) => `  ${line}`));
    },
  };
}
