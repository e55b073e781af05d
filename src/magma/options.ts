import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { type Config, readConfig } from '../magmad/config.ts';
import { parseSeed, type Seed } from '../magmad/seeds.ts';
import { UsageError } from '../magmad/usage.ts';

/** The flags of every command that talks to volcanos, in its help. */
export const ASKING_HELP = `  --at ADDR[:PORT]   the volcano to ask, and its node port; else this machine's, as the configuration says
  --key-file FILE    a file whose first line is the network's key; else MAGMA_KEY, else the configuration
  --config FILE      magmad's configuration file
  --json             JSON, for programs
`;

const ASKING = {
  at: { type: 'string' },
  'key-file': { type: 'string' },
  config: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const satisfies ParseArgsOptionsConfig;

/** What such a command was told. */
export interface Asking {
  readonly help: boolean;
  readonly json: boolean;
  readonly at: Seed;
  /** As magmad reads it from the same file and environment. */
  readonly config: Config;
  readonly words: readonly string[];
  /** Further flags. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
}

/** Reads the command line of a command that talks to volcanos. Throws `UsageError`. */
export function readAsking(
  command: string,
  usage: string,
  argv: readonly string[],
  more: ParseArgsOptionsConfig = {},
): Asking {
  try {
    const options = { ...ASKING, ...more };
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const flags = values as Record<string, string | boolean | undefined>;
    const config = configOf(flags);
    const given = typeof flags.at === 'string' ? parseSeed(flags.at) : seedOf(config);
    if (given === null) throw new Error(`--at: "${flags.at}" is no address and no host name`);
    return { help: flags.help === true, json: flags.json === true, at: given, config, words: positionals, flags };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${command}: ${(error as Error).message}. Usage: ${usage}`);
  }
}

function configOf(flags: Record<string, string | boolean | undefined>): Config {
  const words: string[] = [];
  for (const name of ['config', 'key-file', 'data'] as const) {
    const value = flags[name];
    if (typeof value === 'string') words.push(`--${name}=${value}`);
  }
  // Of the environment only what says where the volcano is, and its key: the rest is magmad's own.
  const environment: Record<string, string | undefined> = {};
  for (const name of ['MAGMA_KEY', 'MAGMA_KEY_FILE', 'MAGMA_DATA', 'MAGMA_ADDRESS', 'MAGMA_NODE_PORT'])
    environment[name] = process.env[name];
  const request = readConfig(words, environment);
  if (!('config' in request)) throw new Error('no configuration');
  return request.config;
}

function seedOf({ addresses, nodePort }: Config): Seed {
  const [first = '127.0.0.1'] = addresses;
  const host = first === '0.0.0.0' ? '127.0.0.1' : first === '::' ? '::1' : first;
  return { host, port: nodePort };
}

/** The key, without which nothing can be asked. Throws `UsageError`. */
export function keyOf(command: string, { key }: Config): string {
  if (key === null)
    throw new UsageError(`${command}: volcanos answer only who knows the key. Cure: --key-file, MAGMA_KEY or --config`);
  return key;
}
