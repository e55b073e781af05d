import { statSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { type Logger, silentLogger } from '../base/logger.ts';
import { openDisk } from '../base/system-disk.ts';
import { checkStore, type StoreCheck } from '../flare/check/check.ts';
import { UsageError } from '../magmad/usage.ts';

const HELP = `magma check: checks the data directory of a volcano that is stopped.

Usage: magma check [--json] DIR

Reads the whole log and checks every checksum; builds an index from it and compares that with the one in use; looks whether the tree
is one: every flare has its names, every link count is right.

DIR is not opened read-only, but as a start opens it: a new segment is begun behind the sound end of the log, and the index is brought up to
the log. What must stay as it is, copy first. Meanwhile DIR needs room for a second index.

  --json   one JSON object: sound, segments, records, flares, differences, faults, notices; or sound, error, notices

Exit status: 0 all is well, 1 it is not, or DIR cannot be checked, 2 the command line is wrong.
`;

/** The rebuilt index while a check runs. */
const SCRATCH_FILE = 'check.sqlite';

/** `magma check`. Resolves with the exit status. */
export async function checkCommand(argv: readonly string[]): Promise<number> {
  const { json, help, directory } = readArguments(argv);
  if (help) {
    process.stdout.write(HELP);
    return 0;
  }
  const notices: string[] = [];
  try {
    // openDisk would make it.
    if (!statSync(directory).isDirectory()) throw new Error('it is not a directory');
    const disk = await openDisk(directory);
    // One that ended early may have left its scratch.
    for (const rest of ['', '-wal', '-shm']) await disk.remove(SCRATCH_FILE + rest);
    const report = await checkStore({ disk, logger: noticing(notices), scratch: SCRATCH_FILE });
    const sound = report.differences.length === 0 && report.faults.length === 0;
    process.stdout.write(json ? `${JSON.stringify({ sound, ...report, notices })}\n` : describe(report, notices));
    return sound ? 0 : 1;
  } catch (error) {
    const reason = `${directory}: ${reasonOf(error)}`;
    if (json) process.stdout.write(`${JSON.stringify({ sound: false, error: reason, notices })}\n`);
    else process.stderr.write(`magma: ${reason}\n`);
    return 1;
  }
}

function readArguments(argv: readonly string[]): { json: boolean; help: boolean; directory: string } {
  try {
    const options = { json: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const;
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const [directory, ...more] = positionals;
    if (values.help === true) return { json: false, help: true, directory: '' };
    if (directory === undefined || more.length > 0) throw new Error('it takes one data directory');
    return { json: values.json === true, help: false, directory };
  } catch (error) {
    throw new UsageError(`check: ${(error as Error).message}. Usage: magma check [--json] DIR`);
  }
}

/** Keeps what the store has to say that is out of the ordinary. */
function noticing(notices: string[]): Logger {
  const notice = (_fields: object, message: string): void => {
    notices.push(message);
  };
  const logger: Logger = { ...silentLogger, warn: notice, error: notice, fatal: notice, child: () => logger };
  return logger;
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no such directory';
  if (code === 'EACCES') return 'this user may not read and write there';
  return message;
}

function describe({ flares, records, segments, differences, faults }: StoreCheck, notices: readonly string[]): string {
  const lines = [`${flares} flares, ${records} records, ${segments} segments`];
  for (const notice of notices) lines.push(`notice: ${notice}`);
  for (const { table, left, right } of differences) {
    lines.push(
      `PROBLEM: the index does not say what the log does, in ${table}: ${left ?? 'nothing'}; log: ${right ?? 'nothing'}`,
    );
  }
  for (const { what, where } of faults) lines.push(`PROBLEM: ${what}: ${where}`);
  const problems = differences.length + faults.length;
  lines.push(problems === 0 ? 'sound' : `${problems} problems`);
  return `${lines.join('\n')}\n`;
}
