import { parseAddress } from '../base/address.ts';
import { ExitError, ExitStatus, usageError } from './exit.ts';
import { ENCRYPTION, GENERIC, IGNORED, SECONDS_MAX, SETTINGS, type Setting } from './settings.ts';

/** What is to be mounted, where and how. */
export interface MountRequest {
  /** Volcanos: addresses or names, without ports. */
  readonly hosts: readonly string[];
  /** The directory of the tree: `/`, or names below it. */
  readonly path: string;
  readonly target: string;
  readonly port: number;
  readonly nodePort: number;
  /** From `--key`: others can see it for a moment. */
  readonly key: string | null;
  readonly keyFile: string | null;
  readonly allowOther: boolean;
  /** In seconds; 0: for ever. */
  readonly timeout: number;
  /** In seconds. */
  readonly attributes: number;
  readonly entries: number;
  readonly negative: number;
  readonly log: string | null;
  readonly foreground: boolean;
  /** mount(8)'s -f: everything but the mount itself. */
  readonly fake: boolean;
  readonly verbose: boolean;
  /** Options of every file system. */
  readonly generic: readonly string[];
}

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | (MountRequest & { readonly kind: 'mount' });

/** The most volcanos that can be named. */
export const HOSTS_MAX = 32;

class Words {
  readonly values = new Map<string, string>();
  readonly flags = new Set<string>();
  readonly generic: string[] = [];
  readonly positionals: string[] = [];
  key: string | null = null;

  /** `name` or `name=value`; `from` is what stood before it. */
  set(word: string, from: string): void {
    const at = word.indexOf('=');
    const name = (at < 0 ? word : word.slice(0, at)).replaceAll('-', '_');
    const value = at < 0 ? null : word.slice(at + 1);
    const setting = SETTINGS[name === 'key_file' ? 'keyfile' : name];
    if (setting !== undefined) this.#put(name === 'key_file' ? 'keyfile' : name, setting, value, from);
    else if (ENCRYPTION.has(name)) throw notYet(`${from}${name}`);
    else throw usageError(`${from}${name}: there is no such option`);
  }

  #put(name: string, setting: Setting, value: string | null, from: string): void {
    if (setting.kind === 'flag') {
      if (value !== null) throw usageError(`${from}${name}: it takes no value`);
      this.flags.add(name);
    } else {
      if (value === null || value === '') throw usageError(`${from}${name}: it needs a value (${setting.what})`);
      this.values.set(name, value);
    }
  }

  /** A list as `-o` takes it. */
  list(text: string): void {
    for (const word of text.split(',')) {
      const name = word.split('=')[0]!;
      if (word === '' || IGNORED.has(name) || name.startsWith('x-') || name === 'comment') continue;
      if (GENERIC.has(word)) this.generic.push(word);
      else if (name === 'key') throw usageError('-o key: others can read it in fstab. Cure: keyfile=FILE, mode 0600');
      else this.set(word, '-o ');
    }
  }
}

function notYet(what: string): ExitError {
  const cure = 'with --plain the tree is mounted as NFSv2 clients see it';
  return new ExitError(ExitStatus.usage, `${what}: encryption is not in this version of mount.magma. Cure: ${cure}`);
}

/** Flags of one letter, as mount(8) gives them to its helpers. */
const LETTERS: Readonly<Record<string, (words: Words) => void>> = {
  f: (words) => words.flags.add('fake'),
  v: (words) => words.flags.add('verbose'),
  r: (words) => words.generic.push('ro'),
  w: (words) => words.generic.push('rw'),
  // Do not write /etc/mtab: nothing here does. Sloppy: unknown options are errors all the same.
  n: () => {},
  s: () => {},
};

/** Reads a command line. Throws `ExitError`. */
export function readRequest(argv: readonly string[]): Request {
  const words = new Words();
  let at = 0;
  const next = (flag: string): string => {
    const word = argv[at++];
    if (word === undefined) throw usageError(`${flag}: it needs a value`);
    return word;
  };
  while (at < argv.length) {
    const word = argv[at++]!;
    if (word === '--help' || word === '-h') return { kind: 'help' };
    if (word === '--version' || word === '-V') return { kind: 'version' };
    if (word === '--') {
      words.positionals.push(...argv.slice(at));
      break;
    }
    if (word === '--key' || word.startsWith('--key=')) words.key = word === '--key' ? next(word) : word.slice(6);
    else if (word.startsWith('--')) words.set(withValue(word.slice(2), next), '--');
    else if (word === '-o') words.list(next(word));
    else if (word.startsWith('-o')) words.list(word.slice(2));
    else if (word === '-t' || word === '-N') next(word);
    else if (word.startsWith('-') && word !== '-') letters(word, words);
    else words.positionals.push(word);
  }
  return requestOf(words);
}

/** `name=value`, whether the value stands in the same word or in the next one. */
function withValue(word: string, next: (flag: string) => string): string {
  const kind = SETTINGS[word.replaceAll('-', '_').replace('key_file', 'keyfile')]?.kind;
  return kind === undefined || kind === 'flag' || word.includes('=') ? word : `${word}=${next(`--${word}`)}`;
}

function letters(word: string, words: Words): void {
  for (const letter of word.slice(1)) {
    const act = LETTERS[letter];
    if (act === undefined) throw usageError(`-${letter}: there is no such flag`);
    act(words);
  }
}

function requestOf(words: Words): Request {
  const { values, flags, generic, positionals, key } = words;
  const spec = positionals.length === 2 ? specOf(positionals[0]!) : null;
  const target = positionals.at(-1);
  if (target === undefined || positionals.length > 2) {
    throw usageError('say what to mount and where: HOST:/ DIRECTORY, or --host=HOST DIRECTORY');
  }
  const named = values.get('host')?.split(/[,+]/) ?? [];
  const hosts = [...named, ...(spec?.hosts ?? [])];
  if (hosts.length === 0) throw usageError('say on which volcano it is: HOST:/ DIRECTORY, or --host=HOST DIRECTORY');
  if (hosts.length > HOSTS_MAX) throw usageError(`${hosts.length} hosts; the most is ${HOSTS_MAX}`);
  for (const host of hosts) checkHost(host);
  if (!flags.has('plain')) throw notYet('a mount without --plain');
  const keyFile = values.get('keyfile') ?? null;
  if (key !== null && keyFile !== null) throw usageError('--key and keyfile: one of them says the key');
  return {
    kind: 'mount',
    hosts,
    path: spec?.path ?? '/',
    target,
    port: portOf(values, 'port', 12_000),
    nodePort: portOf(values, 'node_port', 12_001),
    key,
    keyFile,
    allowOther: flags.has('allow_other'),
    timeout: secondsOf(values, 'timeout', 30),
    attributes: secondsOf(values, 'attr_timeout', 1),
    entries: secondsOf(values, 'entry_timeout', 1),
    negative: secondsOf(values, 'negative_timeout', 1),
    log: values.get('log') ?? null,
    foreground: flags.has('foreground'),
    fake: flags.has('fake'),
    verbose: flags.has('verbose'),
    generic,
  };
}

/** `HOST:/PATH`; several hosts with `,` or `+` between them, IPv6 addresses in brackets. */
function specOf(text: string): { readonly hosts: readonly string[]; readonly path: string } {
  const [, hosts, path] = /^((?:\[[^\]]*\]|[^:/])+):(\/.*)$/s.exec(text) ?? [];
  if (hosts === undefined) throw usageError(`${text}: what to mount is HOST:/, or HOST:/DIRECTORY`);
  return { hosts: hosts.split(/[,+]/).map((host) => host.replace(/^\[(.*)\]$/, '$1')), path: path! };
}

function checkHost(host: string): void {
  const isName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(host);
  if (!isName && parseAddress(host) === null) throw usageError(`host "${host}": it is no name and no address`);
}

function portOf(values: ReadonlyMap<string, string>, name: string, otherwise: number): number {
  const text = values.get(name);
  if (text === undefined) return otherwise;
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw usageError(`${name}=${text}: a port is 1 to 65535`);
  return port;
}

function secondsOf(values: ReadonlyMap<string, string>, name: string, otherwise: number): number {
  const text = values.get(name);
  if (text === undefined) return otherwise;
  const seconds = /^[0-9]{1,6}(\.[0-9]{1,3})?$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  if (seconds > SECONDS_MAX) throw usageError(`${name}=${text}: it is 0 to ${SECONDS_MAX} seconds`);
  return seconds;
}
