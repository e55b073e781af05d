import { parseArgs } from 'node:util';
import { allowedCores, type Cores, chooseCores, parseCores } from '../cores.ts';
import { listOf, numberOf, parsedFlags, wordsOf } from '../flags.ts';
import { OPERATIONS, type Transport } from '../operations.ts';

/** What the benchmark of a ring is to do. */
export interface RingOptions {
  readonly operations: readonly string[];
  readonly transports: readonly Transport[];
  readonly windows: readonly number[];
  readonly connections: number;
  readonly seconds: number;
  readonly warmup: number;
  /** How often READ of an own key is measured, alone and in rings in turn. */
  readonly rounds: number;
  readonly cores: Cores;
  readonly directory: string | null;
  readonly json: boolean;
}

const OPERATIONS_RUN = ['getattr', 'lookup', 'read', 'write', 'create', 'remove', 'rename', 'mkdir', 'readdir', 'mix'];
const WINDOWS_MAX = 8;

export const HELP = `npm run bench:ring -- [options]

What a call costs in a ring, all its volcanos together: alone (without a key), in a ring of one, of two and of three (two copies), by operation, each in turn: CPU
of the servers, and writes to stable storage. The generator asks the first volcano. Then READ of a file that is the first volcano's own, in turn.

  --ops A,B,...       operations; ${OPERATIONS_RUN.join(',')}
  --transports A,B    udp, tcp; tcp
  --windows N,...     outstanding calls a connection; 1,16
  --conns N           connections at windows above 1; 4
  --seconds S         how long each run is measured; 2
  --warmup S          how long it runs before; 1
  --rounds N          rounds of READ of an own key; 7
  --cores S,G         the core of all volcanos and the generator's; the first two
  --dir DIR           where the data directories are made; the directory for temporary files
  --json              one JSON object in place of the tables
`;

const FLAGS = {
  ops: { type: 'string', default: OPERATIONS_RUN.join(',') },
  transports: { type: 'string', default: 'tcp' },
  windows: { type: 'string', default: '1,16' },
  conns: { type: 'string', default: '4' },
  seconds: { type: 'string', default: '2' },
  warmup: { type: 'string', default: '1' },
  rounds: { type: 'string', default: '7' },
  cores: { type: 'string' },
  dir: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What the flags ask for; null: the help. Throws `UsageError`. */
export function readRingOptions(
  argv: readonly string[],
  allowed: readonly number[] = allowedCores(),
): RingOptions | null {
  const flags = parsedFlags(() => parseArgs({ args: [...argv], options: FLAGS }).values);
  if (flags.help) return null;
  const names = OPERATIONS.map(({ name }) => name);
  return {
    operations: wordsOf('ops', flags.ops, names),
    transports: wordsOf('transports', flags.transports, ['udp', 'tcp']) as Transport[],
    windows: listOf('windows', flags.windows, WINDOWS_MAX).map((text) => numberOf('windows', text, 1, 256, true)),
    connections: numberOf('conns', flags.conns, 1, 64, true),
    seconds: numberOf('seconds', flags.seconds, 0.1, 600, false),
    warmup: numberOf('warmup', flags.warmup, 0, 60, false),
    rounds: numberOf('rounds', flags.rounds, 1, 100, true),
    cores: flags.cores === undefined ? chooseCores(allowed) : parseCores(flags.cores, allowed),
    directory: flags.dir ?? null,
    json: flags.json,
  };
}
