import { parseArgs } from 'node:util';
import { allowedCores, type Cores, chooseCores, parseCores } from './cores.ts';
import { listOf, numberOf, parsedFlags, wordsOf } from './flags.ts';
import { DEFAULT_OPERATIONS, OPERATIONS, type Transport } from './operations.ts';
import { UsageError } from './usage-error.ts';

/** How to run one server. */
export interface ServerChoice {
  /** What the tables call it. */
  readonly name: string;
  /** A shell command, with `{port}`, `{mountport}` and `{dir}` to be filled in. */
  readonly command: string;
  readonly version: 2 | 3;
  /** The path to mount; `{dir}` is filled in. */
  readonly path: string;
}

/** What the benchmark is to do. */
export interface Options {
  readonly server: ServerChoice;
  readonly vs: ServerChoice | null;
  readonly operations: readonly string[];
  readonly transports: readonly Transport[];
  readonly windows: readonly number[];
  readonly connections: number;
  readonly seconds: number;
  readonly warmup: number;
  readonly cores: Cores;
  /** Where the servers' data directories are made; null: the directory for temporary files. */
  readonly directory: string | null;
  readonly json: boolean;
  /** The operation to profile, in place of the measurement. */
  readonly profile: string | null;
  /** How many functions a profile lists. */
  readonly top: number;
}

/** A volcano on the loopback address: the flags are magmad's. */
export const VOLCANO =
  "./bin/magmad -b -n bench -d {dir} -i 127.0.0.1 --nfs-port {port} --mount-port {mountport} --portmap off --share '/ 127.0.0.1 w no_root_squash'";

const WINDOWS_MAX = 8;

/** The text of `--help`. */
export function helpText(): string {
  const operations = OPERATIONS.map(({ name, what }) => `                      ${name.padEnd(8)} ${what}`).join('\n');
  return `npm run bench -- [options]

Starts a volcano, loads it with one operation after the other, and says what a call costs the server.

  --ops A,B,...       operations; without it, those that have a target:
${operations}
  --transports A,B    udp, tcp; both
  --windows N,...     outstanding calls a connection; 1,16. At 1 there is one connection: one call at a time
  --conns N           connections at windows above 1; 4
  --seconds S         how long each run is measured; 2
  --warmup S          how long it runs before; 1
  --cores S,G         the server's core and the generator's; the first two
  --dir DIR           where the data directories are made; the directory for temporary files
  --server CMD        another server than the volcano of this clone. {port}, {mountport} and {dir} are filled in. It must
                      stay in the foreground and serve {port} and {mountport} on 127.0.0.1
  --vs CMD            one more server, each run in turn with the first; prints ratios. bench/peers/ has some
  --vs-vers 2|3       the version of NFS that it speaks; 2
  --vs-path PATH      what to mount from it; /
  --json              one JSON object in place of the tables
  --profile OP        profiles the volcano (--cpu-prof) under that operation, for each transport, at the largest window
  --top N             how many functions a profile lists; 25
`;
}

function versionOf(text: string): 2 | 3 {
  if (text !== '2' && text !== '3') throw new UsageError(`--vs-vers ${text}: 2 or 3 is needed`);
  return text === '2' ? 2 : 3;
}

function commandOf(flag: string, text: string): string {
  if (text.trim() === '') throw new UsageError(`--${flag}: a command is needed`);
  return text;
}

/** Options as parseArgs wants them. */
const FLAGS = {
  ops: { type: 'string', default: DEFAULT_OPERATIONS.join(',') },
  transports: { type: 'string', default: 'udp,tcp' },
  windows: { type: 'string', default: '1,16' },
  conns: { type: 'string', default: '4' },
  seconds: { type: 'string', default: '2' },
  warmup: { type: 'string', default: '1' },
  cores: { type: 'string' },
  dir: { type: 'string' },
  server: { type: 'string' },
  vs: { type: 'string' },
  'vs-vers': { type: 'string', default: '2' },
  'vs-path': { type: 'string', default: '/' },
  json: { type: 'boolean', default: false },
  profile: { type: 'string' },
  top: { type: 'string', default: '25' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What the flags ask for; null: the help. Throws `UsageError`. */
export function readOptions(argv: readonly string[], allowed: readonly number[] = allowedCores()): Options | null {
  const flags = parsedFlags(() => parseArgs({ args: [...argv], options: FLAGS }).values);
  if (flags.help) return null;
  const names = OPERATIONS.map(({ name }) => name);
  const { vs, profile } = flags;
  if (profile !== undefined) wordsOf('profile', profile, names);
  if (profile !== undefined && vs !== undefined)
    throw new UsageError('--profile and --vs do not go together: a profile is of one server');
  const server = commandOf('server', flags.server ?? VOLCANO);
  return {
    server: { name: flags.server === undefined ? 'volcano' : 'server', command: server, version: 2, path: '/' },
    vs:
      vs === undefined
        ? null
        : { name: 'other', command: commandOf('vs', vs), version: versionOf(flags['vs-vers']), path: flags['vs-path'] },
    operations: wordsOf('ops', flags.ops, names),
    transports: wordsOf('transports', flags.transports, ['udp', 'tcp']) as Transport[],
    windows: listOf('windows', flags.windows, WINDOWS_MAX).map((text) => numberOf('windows', text, 1, 256, true)),
    connections: numberOf('conns', flags.conns, 1, 64, true),
    seconds: numberOf('seconds', flags.seconds, 0.1, 600, false),
    warmup: numberOf('warmup', flags.warmup, 0, 60, false),
    cores: flags.cores === undefined ? chooseCores(allowed) : parseCores(flags.cores, allowed),
    directory: flags.dir ?? null,
    json: flags.json,
    profile: profile ?? null,
    top: numberOf('top', flags.top, 1, 500, true),
  };
}
