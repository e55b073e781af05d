import { statSync } from 'node:fs';
import { type Logger, silentLogger } from '../base/logger.ts';
import { openDisk } from '../base/system-disk.ts';
import { checkStore, type StoreCheck } from '../flare/check/check.ts';
import type { SqliteDatabase } from '../flare/index/database.ts';
import { checkOnline } from './check-online.ts';
import { checkRing, type RingCheck, ringDirectory } from './check-ring.ts';
import { ASKING_FLAGS, type CommandSpec } from './command.ts';
import { keptNotes, notesIn } from './kept-notes.ts';
import { keyOf, readAsking, readWords, usageError } from './options.ts';
import { type Progress, progress } from './progress.ts';

/** `magma check`, as its help has it. */
export const CHECK: CommandSpec = {
  name: 'check',
  brief: 'checks data directories, or the copies of a network that runs',
  title:
    'checks the data directories of volcanos that are stopped; or, with --ring, copies against each other while they run',
  usage: ['[--json] [-q] DIR...', '--ring [--at ADDR[:PORT]] [--key-file FILE] [--config FILE] [--json] [-q]'],
  text: [
    'Reads the whole log and checks every checksum; builds an index from it and compares that with the one in use; looks whether the tree is one: every flare has its names, every link count is right. Given the directories of several volcanos of one ring, it does so with each, then holds all mirrors against their primaries, byte by byte, and looks at the tree that they hold together, which takes the directories of all.',
    'DIR is not opened read-only, but as a start opens it: a new segment is begun behind the sound end of the log, and the index is brought up to the log. What must stay as it is, copy first. Meanwhile DIR needs room for a second index.',
    'With --ring every volcano is asked for digests of the slices that it has, and reads all of them for that. What changes all the time is not compared; the tree is not looked at. The flags that say whom to ask go with --ring.',
    'On a terminal a line says how far it is.',
  ],
  flags: {
    ring: { help: 'ask the volcanos of a network that runs' },
    json: {
      help: 'one JSON object: sound, segments, records, flares, differences, faults, notices; or sound, error, notices. Of several directories: sound, directories (the same of each, with directory), ring (epoch, volcanos, copies, problems, faults, notices)',
    },
    quiet: { short: 'q', help: 'do not show how far it is' },
    at: ASKING_FLAGS.at,
    'key-file': ASKING_FLAGS['key-file'],
    config: ASKING_FLAGS.config,
  },
  asks: false,
  status: '0 all is well; 1 it is not, or DIR cannot be checked; 2 the command line is wrong',
  words: 'directory',
};

/** The rebuilt index while a check runs. */
const SCRATCH_FILE = 'check.sqlite';

/** What was found in one directory. */
type Checked =
  | { readonly sound: boolean; readonly report: StoreCheck; readonly notices: readonly string[] }
  | { readonly sound: false; readonly error: string; readonly notices: readonly string[] };

/** `magma check`. Resolves with the exit status. */
export async function checkCommand(argv: readonly string[]): Promise<number> {
  const { words: directories, flags } = readWords(CHECK, argv);
  const json = flags.json === true;
  if (flags.ring === true) {
    if (directories.length > 0) throw usageError(CHECK, '--ring asks volcanos that run, and takes no directory');
    const ring = readAsking(CHECK, argv);
    return checkOnline(ring, keyOf(CHECK, ring.config));
  }
  const astray = Object.keys(ASKING_FLAGS).find((name) => name !== 'json' && flags[name] !== undefined);
  if (astray !== undefined) throw usageError(CHECK, `--${astray} goes with --ring`);
  if (directories.length === 0) throw usageError(CHECK, 'of a volcano that is alone it takes one data directory');
  const all: Checked[] = [];
  for (const directory of directories) {
    const bar = progress(`check ${directory}`, 'bytes', { wanted: !json && flags.quiet !== true });
    bar.known();
    all.push(await checkDirectory(directory, bar));
    bar.end();
  }
  if (directories.length === 1) return tellOne(directories[0]!, all[0]!, json);
  return tellAll(directories, all, json);
}

async function checkDirectory(directory: string, bar: Progress): Promise<Checked> {
  const notices: string[] = [];
  try {
    // openDisk would make it.
    if (!statSync(directory).isDirectory()) throw new Error('it is not a directory');
    const disk = await openDisk(directory);
    // One that ended early may have left its scratch.
    for (const rest of ['', '-wal', '-shm']) await disk.remove(SCRATCH_FILE + rest);
    const whole = (database: SqliteDatabase): boolean => ringDirectory(directory, notesIn(database)) === null;
    const report = await checkStore({ disk, logger: noticing(notices), scratch: SCRATCH_FILE, whole, progress: bar });
    const sound = report.differences.length === 0 && report.faults.length === 0;
    return { sound, report, notices };
  } catch (error) {
    return { sound: false, error: `${directory}: ${reasonOf(error)}`, notices };
  }
}

function tellOne(directory: string, checked: Checked, json: boolean): number {
  const { sound, notices } = checked;
  if ('error' in checked) {
    const { error } = checked;
    if (json) process.stdout.write(`${JSON.stringify({ sound, error, notices })}\n`);
    else process.stderr.write(`magma: ${error}\n`);
    return 1;
  }
  const part = ringDirectory(directory, keptNotes(directory));
  const all =
    part === null
      ? notices
      : [
          ...notices,
          `it is of one of ${part.map.volcanos.length} volcanos: give all their directories to have the copies and the tree checked`,
        ];
  const { report } = checked;
  process.stdout.write(json ? `${JSON.stringify({ sound, ...report, notices: all })}\n` : describe(report, all));
  return sound ? 0 : 1;
}

async function tellAll(directories: readonly string[], all: readonly Checked[], json: boolean): Promise<number> {
  let ring: RingCheck | null = null;
  let error: string | null = null;
  if (all.every(({ sound }) => sound)) {
    try {
      const parts = directories.map((directory) => ringDirectory(directory, keptNotes(directory)));
      const alone = parts.indexOf(null);
      if (alone !== -1) throw new Error(`${directories[alone]} is of a volcano that is alone: check it alone`);
      ring = await checkRing(parts.map((part) => part!));
    } catch (problem) {
      error = reasonOf(problem);
    }
  }
  const sound = ring !== null && ring.problems.length === 0 && ring.faults.length === 0;
  if (json) {
    const each = all.map((checked, at) => {
      const { sound, notices } = checked;
      const found = 'error' in checked ? { error: checked.error } : checked.report;
      return { directory: directories[at], sound, ...found, notices };
    });
    const failed = error === null ? {} : { error };
    process.stdout.write(`${JSON.stringify({ sound, directories: each, ring, ...failed })}\n`);
    return sound ? 0 : 1;
  }
  for (const [at, checked] of all.entries()) {
    if ('error' in checked) process.stderr.write(`magma: ${checked.error}\n`);
    else process.stdout.write(`${directories[at]}: ${describe(checked.report, checked.notices)}`);
  }
  if (error !== null) process.stderr.write(`magma: ${error}\n`);
  if (ring !== null) process.stdout.write(describeRing(ring));
  return sound ? 0 : 1;
}

function describeRing({ volcanos, epoch, copies, problems, faults, notices }: RingCheck): string {
  const lines = [`ring: ${volcanos} volcanos, epoch ${epoch}, ${copies} copies of slices compared`];
  lines.push(...notices.map((notice) => `notice: ${notice}`));
  lines.push(...problems.map((problem) => `PROBLEM: ${problem}`));
  lines.push(...faults.map(({ what, where }) => `PROBLEM: ${what}: ${where}`));
  const count = problems.length + faults.length;
  lines.push(count === 0 ? 'sound' : `${count} problems`);
  return `${lines.join('\n')}\n`;
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
