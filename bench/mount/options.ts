import { parseArgs } from 'node:util';
import { allowedCores, type Cores, chooseCores, parseCores } from '../cores.ts';
import { numberOf, parsedFlags, wordsOf } from '../flags.ts';

/** What is mounted, in the order in which it is measured. */
export const KINDS = ['encrypted', 'plain', 'gocryptfs', 'nfs'] as const;
export type Kind = (typeof KINDS)[number];

/** What the benchmark of mounts is to do. */
export interface MountOptions {
  readonly kinds: readonly Kind[];
  /** MiB of the file that is written and read. */
  readonly mib: number;
  readonly rounds: number;
  /** How long stat is measured. */
  readonly seconds: number;
  readonly cores: Cores;
  readonly directory: string | null;
  readonly profile: boolean;
  readonly json: boolean;
}

export const HELP = `npm run bench:mount -- [options]

What files cost a client, through mount.magma, encrypted and plain, through gocryptfs on a local directory, and through Linux NFS where the kernel has
it: a file written and read by 1 MiB, and stat, each mount in turn. CPU of the mount's process, of the process that uses it, and of the volcano.

  --mounts A,B,...    ${KINDS.join(',')}; all
  --mib N             MiB of the file; 256
  --rounds N          how often all is measured, in turn; 5
  --seconds S         how long stat is measured; 1
  --cores S,C         the volcano's core, and that of the mounts and who uses them; the first two
  --dir DIR           where all files are; the directory for temporary files
  --profile           where the time of mount.magma goes, function by function, in the last round
  --json              one JSON object in place of the tables
`;

const FLAGS = {
  mounts: { type: 'string', default: KINDS.join(',') },
  mib: { type: 'string', default: '256' },
  rounds: { type: 'string', default: '5' },
  seconds: { type: 'string', default: '1' },
  cores: { type: 'string' },
  dir: { type: 'string' },
  profile: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What the flags ask for; null: the help. Throws `UsageError`. */
export function readMountOptions(
  argv: readonly string[],
  allowed: readonly number[] = allowedCores(),
): MountOptions | null {
  const flags = parsedFlags(() => parseArgs({ args: [...argv], options: FLAGS }).values);
  if (flags.help) return null;
  const chosen = wordsOf('mounts', flags.mounts, KINDS);
  return {
    kinds: KINDS.filter((kind) => chosen.includes(kind)),
    mib: numberOf('mib', flags.mib, 1, 4096, true),
    rounds: numberOf('rounds', flags.rounds, 1, 100, true),
    seconds: numberOf('seconds', flags.seconds, 0.1, 60, false),
    cores: flags.cores === undefined ? chooseCores(allowed) : parseCores(flags.cores, allowed),
    directory: flags.dir ?? null,
    profile: flags.profile,
    json: flags.json,
  };
}
