import { parseAddress } from '../base/address.ts';
import { LONG_NAME_MAX } from '../client-fuse/crypto/conf.ts';
import { STRETCH_MAX, STRETCH_MIN } from '../client-fuse/crypto/stretch.ts';
import { LEASE_MS } from '../client-fuse/files/locks.ts';
import { LEASE_MIN_MS } from '../flare/locks/types.ts';
import { usageError } from './exit.ts';
import { SECONDS_MAX } from './settings.ts';
import { readWords, type Words } from './words.ts';

/** Which tree of which network, and how that is reached. */
export interface Reach {
  /** Volcanos: addresses or names, without ports. */
  readonly hosts: readonly string[];
  /** The directory of the tree: `/`, or names below it. */
  readonly path: string;
  readonly port: number;
  readonly nodePort: number;
  /** From `--key`: others can see it for a moment. */
  readonly key: string | null;
  readonly keyFile: string | null;
  /** In seconds; 0: for ever. */
  readonly timeout: number;
}

/** What is to be mounted, where and how. */
export interface MountRequest extends Reach {
  /** Without encryption. */
  readonly plain: boolean;
  /** Where the passphrase is; null: it is asked for, or read from standard input. */
  readonly passFile: string | null;
  readonly target: string;
  readonly allowOther: boolean;
  /** In seconds. */
  readonly attributes: number;
  readonly entries: number;
  readonly negative: number;
  /** For how long volcanos keep the locks of a mount that they hear nothing of, in seconds. */
  readonly lockLease: number;
  readonly log: string | null;
  readonly foreground: boolean;
  /** mount(8)'s -f: everything but the mount itself. */
  readonly fake: boolean;
  readonly verbose: boolean;
  /** Options of every file system. */
  readonly generic: readonly string[];
}

/** A new encrypted tree. */
export interface InitRequest extends Reach {
  readonly passFile: string | null;
  /** log2 of scrypt's N; null: as `STRETCH_LOG_N`. */
  readonly scryptN: number | null;
  readonly longNameMax: number | null;
}

/** Another passphrase. */
export interface PasswdRequest extends InitRequest {
  readonly newPassFile: string | null;
  /** Instead of the present passphrase. */
  readonly masterKeyFile: string | null;
}

/** What a command line asks for. */
export type Request =
  | { readonly kind: 'help' }
  | { readonly kind: 'version' }
  | (MountRequest & { readonly kind: 'mount' })
  | (InitRequest & { readonly kind: 'init' })
  | (PasswdRequest & { readonly kind: 'passwd' })
  | (Reach & { readonly kind: 'info' });

/** The most volcanos that can be named. */
export const HOSTS_MAX = 32;
/** What `scryptn` may be. */
export const SCRYPT_N = { least: Math.log2(STRETCH_MIN.N), most: Math.log2(STRETCH_MAX.N) } as const;

/** A tree as people name it: `HOST:/PATH`. */
export function treeText({ hosts, path }: Pick<Reach, 'hosts' | 'path'>): string {
  return `${hosts.map((host) => (host.includes(':') ? `[${host}]` : host)).join('+')}:${path}`;
}

/** Reads a command line. Throws `ExitError`. */
export function readRequest(argv: readonly string[]): Request {
  const words = readWords(argv);
  return words === 'help' || words === 'version' ? { kind: words } : REQUESTS[words.command](words);
}

const REQUESTS: Readonly<Record<Words['command'], (words: Words) => Request>> = {
  mount: mountRequest,
  init: (words) => ({ kind: 'init', ...initOf(words) }),
  passwd: (words) => ({
    kind: 'passwd',
    ...initOf(words),
    newPassFile: words.values.get('new_passfile') ?? null,
    masterKeyFile: masterKeyFileOf(words),
  }),
  info: (words) => ({ kind: 'info', ...treeOf(words) }),
};

function mountRequest(words: Words): Request {
  const { values, flags, generic, positionals } = words;
  const target = positionals.at(-1);
  if (target === undefined || positionals.length > 2) {
    throw usageError('say what to mount and where: HOST:/ DIRECTORY, or --host=HOST DIRECTORY');
  }
  const plain = flags.has('plain');
  const passFile = values.get('passfile') ?? null;
  if (plain && passFile !== null) throw usageError('--plain and passfile: a plain tree has no passphrase');
  return {
    kind: 'mount',
    ...reachOf(words, positionals.length === 2 ? positionals[0]! : null, 'HOST:/ DIRECTORY, or --host=HOST DIRECTORY'),
    plain,
    passFile,
    target,
    allowOther: flags.has('allow_other'),
    attributes: words.seconds('attr_timeout', 1),
    entries: words.seconds('entry_timeout', 1),
    negative: words.seconds('negative_timeout', 1),
    lockLease: lockLeaseOf(words),
    log: values.get('log') ?? null,
    foreground: flags.has('foreground'),
    fake: flags.has('fake'),
    verbose: flags.has('verbose'),
    generic,
  };
}

function lockLeaseOf(words: Words): number {
  const seconds = words.seconds('lock_lease', LEASE_MS / 1000);
  const least = LEASE_MIN_MS / 1000;
  if (seconds < least) throw usageError(`lock_lease=${seconds}: it is ${least} to ${SECONDS_MAX} seconds`);
  return seconds;
}

/** The tree that `--init` and the like are about: no directory of this machine is named. */
function treeOf(words: Words): Reach {
  const [spec, another] = words.positionals;
  const usage = `HOST:/ or HOST:/DIRECTORY, or --host=HOST for the root`;
  if (another !== undefined) throw usageError(`--${words.command} takes one tree, and no mount point: ${usage}`);
  return reachOf(words, spec ?? null, usage);
}

function reachOf(words: Words, text: string | null, usage: string): Reach {
  const { values, key } = words;
  const spec = text === null ? null : specOf(text);
  const named = values.get('host')?.split(/[,+]/) ?? [];
  const hosts = [...named, ...(spec?.hosts ?? [])];
  if (hosts.length === 0) throw usageError(`say on which volcano it is: ${usage}`);
  if (hosts.length > HOSTS_MAX) throw usageError(`${hosts.length} hosts; the most is ${HOSTS_MAX}`);
  for (const host of hosts) checkHost(host);
  const keyFile = values.get('keyfile') ?? null;
  if (key !== null && keyFile !== null) throw usageError('--key and keyfile: one of them says the key');
  return {
    hosts,
    path: spec?.path ?? '/',
    port: words.port('port', 12_000),
    nodePort: words.port('node_port', 12_001),
    key,
    keyFile,
    timeout: words.seconds('timeout', 30),
  };
}

function initOf(words: Words): InitRequest {
  return {
    ...treeOf(words),
    passFile: words.values.get('passfile') ?? null,
    scryptN: words.number('scryptn', SCRYPT_N.least, SCRYPT_N.most),
    longNameMax: words.number('longnamemax', LONG_NAME_MAX.least, LONG_NAME_MAX.most),
  };
}

function masterKeyFileOf({ values }: Words): string | null {
  const file = values.get('masterkeyfile') ?? null;
  if (file !== null && values.has('passfile')) throw usageError('passfile and masterkeyfile: one of them opens it');
  return file;
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
