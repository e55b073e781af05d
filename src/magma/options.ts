import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { type Config, readConfig } from '../magmad/config.ts';
import { nearest } from '../magmad/nearest.ts';
import { parseSeed, type Seed } from '../magmad/seeds.ts';
import { settingOf } from '../magmad/settings.ts';
import { UsageError } from '../magmad/usage.ts';
import { type CommandSpec, flagsOf } from './command.ts';
import { usageOf } from './help.ts';

/** A command line taken apart. */
export interface Words {
  readonly help: boolean;
  readonly words: readonly string[];
  readonly flags: Readonly<Record<string, string | boolean | undefined>>;
}

/** What a command that talks to volcanos was told. */
export interface Asking extends Words {
  readonly json: boolean;
  readonly at: Seed;
  /** As magmad reads it from the same file and environment. */
  readonly config: Config;
}

/** Takes the command line of a command apart by its flags. Throws `UsageError`. */
export function readWords(spec: CommandSpec, argv: readonly string[]): Words {
  const all = flagsOf(spec);
  const options: ParseArgsOptionsConfig = {};
  for (const [name, { short, value }] of all)
    options[name] = { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) };
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true });
    const flags = values as Words['flags'];
    return { help: flags.help === true, words: positionals, flags };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const unknown = code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION' ? /'(-[^']*)'/.exec(message)?.[1] : undefined;
    if (unknown === undefined) throw usageError(spec, message.replace(/\.$/, ''));
    const close = unknown.startsWith('--') ? nearest(unknown.slice(2), all.keys()) : undefined;
    throw usageError(spec, `${unknown} is not a flag of it${close === undefined ? '' : `; did you mean --${close}?`}`);
  }
}

/** Reads the command line of a command that talks to volcanos. Throws `UsageError`. */
export function readAsking(spec: CommandSpec, argv: readonly string[]): Asking {
  const { help, words, flags } = readWords(spec, argv);
  try {
    const config = configOf(flags);
    const at = typeof flags.at === 'string' ? parseSeed(flags.at) : seedOf(config);
    if (at === null) throw new Error(`--at: "${flags.at}" is no address and no host name`);
    return { help, json: flags.json === true, at, config, words, flags };
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw usageError(spec, (error as Error).message);
  }
}

/** A mistake on the command line of a command. */
export function usageError(spec: CommandSpec, message: string): UsageError {
  return new UsageError(`${spec.name}: ${message}${message.endsWith('?') ? '' : '.'} Usage: ${usageOf(spec)}`);
}

/** Flags that are magmad's settings too, and mean the same; of a list the values, with commas. */
const SETTINGS_TOLD = [
  ...['config', 'key-file', 'data', 'nickname', 'address'],
  ...['port', 'node-port', 'nfs-port', 'mount-port', 'etcd'],
] as const;

function configOf(flags: Words['flags']): Config {
  const words: string[] = [];
  for (const name of SETTINGS_TOLD) {
    const value = flags[name];
    if (typeof value !== 'string') continue;
    const values = settingOf(name)?.kind === 'list' ? value.split(',') : [value];
    words.push(...values.map((one) => `--${name}=${one}`));
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
export function keyOf({ name }: CommandSpec, { key }: Config): string {
  if (key === null)
    throw new UsageError(`${name}: volcanos answer only who knows the key. Cure: --key-file, MAGMA_KEY or --config`);
  return key;
}
