import type { Command, CommandSpec } from '../command.ts';
import { readWords, usageError } from '../options.ts';
import { bash } from './bash.ts';
import { fish } from './fish.ts';
import { magmad } from './magmad.ts';
import { type Program, programOf, type Shell } from './model.ts';
import { zsh } from './zsh.ts';

const SHELLS: Readonly<Record<string, Shell>> = { bash, zsh, fish };

/** `magma completion`, as its help has it. */
export const COMPLETION: CommandSpec = {
  name: 'completion',
  brief: 'prints what completes words in a shell',
  title: 'prints a script with which a shell completes commands, flags and files of magma, magmad and mount.magma',
  usage: ['bash|zsh|fish'],
  text: [
    '  bash:  source <(magma completion bash)    in ~/.bashrc\n  zsh:   magma completion zsh > _magma, in a directory of $fpath\n  fish:  magma completion fish > ~/.config/fish/completions/magma.fish',
  ],
  flags: {},
  asks: false,
  status: '0 printed; 2 the command line is wrong',
  words: Object.keys(SHELLS),
};

/** `magma completion` for these commands, for magmad and for these programs. */
export function completion(commands: readonly Command[], others: readonly Program[]): Command {
  const run = async (argv: readonly string[]): Promise<number> => {
    const { words } = readWords(COMPLETION, argv);
    const shell = words.length === 1 && Object.hasOwn(SHELLS, words[0]!) ? SHELLS[words[0]!] : undefined;
    if (shell === undefined) throw usageError(COMPLETION, `it is for ${Object.keys(SHELLS).join(', ')}`);
    const specs = [...commands.map(({ spec }) => spec), COMPLETION];
    process.stdout.write(shell([programOf('magma', specs), magmad(), ...others]));
    return 0;
  };
  return { spec: COMPLETION, run };
}
