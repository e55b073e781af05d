import { checkCommand } from './magma/check.ts';
import { deadCommand } from './magma/dead.ts';
import { keyCommand } from './magma/key.ts';
import { locksCommand } from './magma/locks.ts';
import { readyCommand } from './magma/ready.ts';
import { ringCommand, statusCommand } from './magma/ring.ts';
import { takeoverCommand } from './magma/takeover.ts';
import { UsageError } from './magmad/usage.ts';
import { VERSION } from './magmad/version.ts';

const HELP = `magma: the operator's tool.

Usage: magma COMMAND ...

  magma ring             the volcanos of a network, and how each fares
  magma status [NICK]    one volcano
  magma dead NICK        takes a volcano that is away for good out of its network
  magma ready            whether clients are well served here, for keepalived
  magma locks            what is locked, by whom; and the end of a holder's locks
  magma takeover         goes on without the volcano that keeps the maps
  magma check DIR...     check the data directories of volcanos that are stopped
  magma check --ring     compare the copies of a network that runs
  magma key client       print what an encrypted client needs

      --help             print this page, or with a command that command's
      --version          print the version

Exit status: 0 all is well, 1 it is not, 2 the command line is wrong.
`;

/** A command: its words after the name in, the process's exit status out. */
type Command = (argv: readonly string[]) => Promise<number>;

const COMMANDS: ReadonlyMap<string, Command> = new Map([
  ['check', checkCommand],
  ['dead', deadCommand],
  ['key', keyCommand],
  ['locks', locksCommand],
  ['ready', readyCommand],
  ['ring', ringCommand],
  ['status', statusCommand],
  ['takeover', takeoverCommand],
]);

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === '--help' || name === '-h') {
    (name === undefined ? process.stderr : process.stdout).write(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === '--version') {
    process.stdout.write(`magma ${VERSION}\n`);
    return 0;
  }
  const command = COMMANDS.get(name);
  if (command === undefined) {
    const known = [...COMMANDS.keys()].join(', ');
    throw new UsageError(`"${name}" is not a command of this version; it has: ${known}. See magma --help`);
  }
  return command(rest);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`magma: ${error.message}\n`);
  process.exitCode = 2;
}
