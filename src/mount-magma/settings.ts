/** What a command line asks for: to mount, or something about an encrypted tree. */
export type Command = 'mount' | 'init' | 'passwd' | 'info';

/** What `-o` and the flags of the same names set, besides the options of every file system. */
export interface Setting {
  readonly kind: 'flag' | 'seconds' | 'port' | 'text' | 'number';
  /** For the help. */
  readonly what: string;
  readonly help: string;
  /** With which commands; with all when it is not given. */
  readonly with?: readonly Command[];
}

const MOUNT = ['mount'] as const;
const SECRET = ['mount', 'init', 'passwd'] as const;

export const SETTINGS: Readonly<Record<string, Setting>> = {
  plain: { kind: 'flag', what: '', help: 'without encryption: the tree that NFSv2 clients see', with: MOUNT },
  host: { kind: 'text', what: 'HOST[,HOST]', help: 'volcanos, tried in this order; in -o with + between them' },
  port: { kind: 'port', what: 'PORT', help: 'their flare port (12000)' },
  node_port: { kind: 'port', what: 'PORT', help: 'their node port (12001): asked only when the key is a network key' },
  keyfile: { kind: 'text', what: 'FILE', help: 'a file with what `magma key client` prints, or with the network key' },
  passfile: {
    kind: 'text',
    what: 'FILE',
    help: 'a file with the passphrase in its first line; else it is asked for, or read from standard input',
    with: SECRET,
  },
  new_passfile: { kind: 'text', what: 'FILE', help: 'for --passwd: a file with the new passphrase', with: ['passwd'] },
  masterkeyfile: {
    kind: 'text',
    what: 'FILE',
    help: 'for --passwd: a file with the master key, when the passphrase or gocryptfs.conf is lost',
    with: ['passwd'],
  },
  scryptn: {
    kind: 'number',
    what: 'N',
    help: 'for --init and --passwd: what a guess at the passphrase costs, 10 to 20 (17: 128 MiB)',
    with: ['init', 'passwd'],
  },
  longnamemax: {
    kind: 'number',
    what: 'N',
    help: 'for --init: the longest encrypted name, in bytes, 62 to 255 (255)',
    with: ['init', 'passwd'],
  },
  allow_other: { kind: 'flag', what: '', help: 'others than the user who mounts may use it', with: MOUNT },
  timeout: {
    kind: 'seconds',
    what: 'S',
    help: 'how long a volcano that does not answer is waited for, then EIO (30); 0: for ever',
  },
  attr_timeout: { kind: 'seconds', what: 'S', help: 'how long attributes are believed (1)', with: MOUNT },
  entry_timeout: { kind: 'seconds', what: 'S', help: 'how long names are believed (1)', with: MOUNT },
  negative_timeout: {
    kind: 'seconds',
    what: 'S',
    help: 'how long it is believed that a name means nothing (1)',
    with: MOUNT,
  },
  lock_lease: {
    kind: 'seconds',
    what: 'S',
    help: 'how long volcanos keep the locks of a mount that they hear nothing of (60)',
    with: MOUNT,
  },
  log: {
    kind: 'text',
    what: 'FILE',
    help: 'where the log goes; nowhere, or to standard error with --foreground',
    with: MOUNT,
  },
  foreground: { kind: 'flag', what: '', help: 'stay in the foreground', with: MOUNT },
};

/** Other ways to write the names of settings. */
export const ALIASES: Readonly<Record<string, string>> = {
  key_file: 'keyfile',
  pass_file: 'passfile',
  new_pass_file: 'new_passfile',
  master_key_file: 'masterkeyfile',
  masterkey_file: 'masterkeyfile',
};

/** Flags that ask for something else than a mount. */
export const COMMANDS: ReadonlySet<string> = new Set<Command>(['init', 'passwd', 'info']);

/** Options of every file system that mount(8) and fusermount3 understand: passed on. */
export const GENERIC: ReadonlySet<string> = new Set(
  'ro rw suid nosuid dev nodev exec noexec atime noatime relatime strictatime diratime nodiratime sync async dirsync'.split(
    ' ',
  ),
);

/** Options that are for fstab and whoever reads that: nothing is done about them. */
export const IGNORED: ReadonlySet<string> = new Set(
  'defaults auto noauto user nouser users owner group nofail _netdev silent loud bg fg'.split(' '),
);

/** Secrets that nobody is to write where others can read them, and what to do instead. */
export const SECRETS: Readonly<Record<string, string>> = {
  key: 'keyfile=FILE, mode 0600',
  passphrase: 'passfile=FILE, mode 0600, or standard input',
  password: 'passfile=FILE, mode 0600, or standard input',
  pass: 'passfile=FILE, mode 0600, or standard input',
  masterkey: 'masterkeyfile=FILE, mode 0600',
  extpass: 'let that program write to standard input of this one, which takes the passphrase from there',
};

/** The longest time that can be asked for, in seconds. */
export const SECONDS_MAX = 86_400;
