/** What `-o` and the flags of the same names set, besides the options of every file system. */
export interface Setting {
  readonly kind: 'flag' | 'seconds' | 'port' | 'text';
  /** For the help. */
  readonly what: string;
  readonly help: string;
}

export const SETTINGS: Readonly<Record<string, Setting>> = {
  plain: { kind: 'flag', what: '', help: 'without encryption: the tree that NFSv2 clients see' },
  host: { kind: 'text', what: 'HOST[,HOST]', help: 'volcanos, tried in this order; in -o with + between them' },
  port: { kind: 'port', what: 'PORT', help: 'their flare port (12000)' },
  node_port: { kind: 'port', what: 'PORT', help: 'their node port (12001): asked only when the key is a network key' },
  keyfile: { kind: 'text', what: 'FILE', help: 'a file with what `magma key client` prints, or with the network key' },
  allow_other: { kind: 'flag', what: '', help: 'others than the user who mounts may use it' },
  timeout: {
    kind: 'seconds',
    what: 'S',
    help: 'how long a volcano that does not answer is waited for, then EIO (30); 0: for ever',
  },
  attr_timeout: { kind: 'seconds', what: 'S', help: 'how long attributes are believed (1)' },
  entry_timeout: { kind: 'seconds', what: 'S', help: 'how long names are believed (1)' },
  negative_timeout: { kind: 'seconds', what: 'S', help: 'how long it is believed that a name means nothing (1)' },
  log: { kind: 'text', what: 'FILE', help: 'where the log goes; nowhere, or to standard error with --foreground' },
  foreground: { kind: 'flag', what: '', help: 'stay in the foreground' },
};

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

/** Options and flags of the encryption layer, which this version does not have. */
export const ENCRYPTION: ReadonlySet<string> = new Set(['init', 'passwd', 'info', 'passfile', 'masterkey', 'ctlsock']);

/** The longest time that can be asked for, in seconds. */
export const SECONDS_MAX = 86_400;
