import { parseArgs } from 'node:util';
import { allowedCores, type Cores, chooseCores, parseCores } from '../cores.ts';
import { numberOf, parsedFlags, wordsOf } from '../flags.ts';

/** What the benchmark of failover is to do. */
export interface FailoverOptions {
  readonly kills: number;
  /** `--failover` of the volcanos, in seconds. */
  readonly failoverSeconds: number;
  /** Files that are written all the time, each by calls one after the other. */
  readonly files: number;
  /** Where the maps lie: in etcd, or on the first volcano, which survives. */
  readonly register: 'etcd' | 'first';
  readonly cores: Cores;
  readonly directory: string | null;
  readonly json: boolean;
}

export const HELP = `npm run bench:failover -- [options]

How long clients wait when a volcano dies. For each kill a ring of three (two copies) is begun anew, files are written through two of its volcanos, and the third, a primary of
slices, is killed (SIGKILL). Then: the longest that a WRITE waited of those to files of the dead one, and what of that was spent until its mirror noticed, until the map was changed, and
until the mirror answered; and the longest that a WRITE waited for a mirror that was the dead one.

  --kills N           kills; 30
  --failover SECONDS  the volcanos' --failover; 10
  --files N           files that are written all the time; 64
  --register WHERE    where the maps lie: etcd (Debian's etcd-server), or first: on the first volcano, which is not killed; etcd
  --cores S,G         the core of all volcanos and that of who writes; the first two
  --dir DIR           where the data directories are made; the directory for temporary files
  --json              one JSON object in place of the tables
`;

const FLAGS = {
  kills: { type: 'string', default: '30' },
  failover: { type: 'string', default: '10' },
  files: { type: 'string', default: '64' },
  register: { type: 'string', default: 'etcd' },
  cores: { type: 'string' },
  dir: { type: 'string' },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What the flags ask for; null: the help. Throws `UsageError`. */
export function readFailoverOptions(
  argv: readonly string[],
  allowed: readonly number[] = allowedCores(),
): FailoverOptions | null {
  const flags = parsedFlags(() => parseArgs({ args: [...argv], options: FLAGS }).values);
  if (flags.help) return null;
  const [register = 'etcd'] = wordsOf('register', flags.register, ['etcd', 'first']);
  return {
    kills: numberOf('kills', flags.kills, 1, 1000, true),
    failoverSeconds: numberOf('failover', flags.failover, 1, 600, false),
    files: numberOf('files', flags.files, 3, 1000, true),
    register: register as FailoverOptions['register'],
    cores: flags.cores === undefined ? chooseCores(allowed) : parseCores(flags.cores, allowed),
    directory: flags.dir ?? null,
    json: flags.json,
  };
}
