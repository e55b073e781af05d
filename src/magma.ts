import { helpOf, overview } from './magma/help.ts';
import { readWords } from './magma/options.ts';
import { ALL_COMMANDS as COMMANDS } from './magma-commands.ts';
import { nearest } from './magmad/nearest.ts';
import { UsageError } from './magmad/usage.ts';
import { VERSION } from './magmad/version.ts';

function commandOf(name: string) {
  const found = COMMANDS.find(({ spec }) => spec.name === name);
  if (found !== undefined) return found;
  const names = COMMANDS.map(({ spec }) => spec.name);
  const close = nearest(name, names);
  const cure = close === undefined ? `it has: ${names.join(', ')}.` : `did you mean ${close}?`;
  throw new UsageError(
    `"${name}" is not a command${close === undefined ? ' of this version' : ''}; ${cure} See magma --help`,
  );
}

async function main(argv: readonly string[]): Promise<number> {
  const [name, ...rest] = argv;
  const page = overview(COMMANDS.map(({ spec }) => spec));
  if (name === undefined) {
    process.stderr.write(page);
    return 2;
  }
  if (name === '--help' || name === '-h' || name === 'help') {
    const about = name === 'help' ? rest[0] : undefined;
    process.stdout.write(about === undefined ? page : helpOf(commandOf(about).spec));
    return 0;
  }
  if (name === '--version') {
    process.stdout.write(`magma ${VERSION}\n`);
    return 0;
  }
  const { spec, run } = commandOf(name);
  if (readWords(spec, rest).help) {
    process.stdout.write(helpOf(spec));
    return 0;
  }
  return run(rest);
}

try {
  const status = await main(process.argv.slice(2));
  // Connections to dead volcanos that are being made would hold the process for seconds.
  process.exit(status);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  // Programs look at one place for what is wrong.
  if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ error: error.message })}\n`);
  else process.stderr.write(`magma: ${error.message}\n`);
  process.exitCode = 2;
}
