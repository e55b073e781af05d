import { parseArgs } from 'node:util';
import { allowedCores, type Cores, chooseCores, parseCores } from './cores.ts';
import { numberOf, parsedFlags, wordsOf } from './flags.ts';
import { type ServerChoice, VOLCANO } from './options.ts';

/** A part of a long benchmark that can be run by itself. */
export interface Part {
  readonly name: string;
  /** What it does, for `--help`. */
  readonly what: string;
}

/** What all long benchmarks are told. */
export interface LongOptions {
  readonly server: ServerChoice;
  readonly parts: readonly string[];
  /** Entries of the large directory. */
  readonly entries: number;
  /** Bytes that are overwritten. */
  readonly workingSet: number;
  readonly cores: Cores;
  /** Where a new data directory is made; null: the directory for temporary files. */
  readonly directory: string | null;
  /** A data directory that is kept, and used again; null: a new one that is removed. */
  readonly data: string | null;
  readonly json: boolean;
}

/** A long benchmark: its name in package.json, and its parts in order. */
export interface LongBench {
  readonly script: string;
  readonly about: string;
  readonly parts: readonly Part[];
}

export const MIB = 1024 * 1024;
const ENTRIES = 1_000_000;
const WORKING_SET_MIB = 1024;

/** The text of `--help`. */
export function longHelp({ script, about, parts }: LongBench): string {
  const list = parts.map(({ name, what }) => `                      ${name.padEnd(10)} ${what}`).join('\n');
  return `npm run ${script} -- [options]

${about}

  --parts A,B,...     parts; without it, all:
${list}
  --entries N         entries of the large directory; ${ENTRIES}
  --working-set MIB   what is overwritten; ${WORKING_SET_MIB}
  --data DIR          a data directory that is kept in the end, and used again: parts can then be run one by one
  --dir DIR           where a data directory is made without --data; the directory for temporary files
  --server CMD        as in npm run bench
  --cores S,G         the server's core and the generator's; the first two
  --json              one JSON object in place of the table
`;
}

const FLAGS = {
  parts: { type: 'string' },
  entries: { type: 'string', default: String(ENTRIES) },
  'working-set': { type: 'string', default: String(WORKING_SET_MIB) },
  data: { type: 'string' },
  dir: { type: 'string' },
  server: { type: 'string', default: VOLCANO },
  cores: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What the flags of a long benchmark ask for; null: the help. Throws `UsageError`. */
export function readLongOptions(
  { parts }: LongBench,
  argv: readonly string[],
  allowed: readonly number[] = allowedCores(),
): LongOptions | null {
  const flags = parsedFlags(() => parseArgs({ args: [...argv], options: FLAGS }).values);
  if (flags.help) return null;
  const names = parts.map(({ name }) => name);
  const chosen = flags.parts === undefined ? names : wordsOf('parts', flags.parts, names);
  return {
    server: { name: 'volcano', command: flags.server, version: 2, path: '/' },
    // In their own order, because later ones need what earlier ones leave.
    parts: names.filter((name) => chosen.includes(name)),
    entries: numberOf('entries', flags.entries, 10_000, 9_000_000, true),
    workingSet: numberOf('working-set', flags['working-set'], 16, 4095, true) * MIB,
    cores: flags.cores === undefined ? chooseCores(allowed) : parseCores(flags.cores, allowed),
    directory: flags.dir ?? null,
    data: flags.data ?? null,
    json: flags.json,
  };
}
