import * as v from 'valibot';
import { MOVE_PAUSE_MS_MAX, MOVE_PAUSE_MS_MIN } from '../dht/balance/times.ts';
import { WEIGHT_MAX } from '../dht/balance/work.ts';
import { FAILOVER_MS_MAX, FAILOVER_MS_MIN } from '../dht/failover/times.ts';
import { REPLICAS_MAX } from '../dht/projection/types.ts';
import { NETWORK_KEY_BYTES_MAX } from '../dht/secrets.ts';
import { OLD_MACHINE_SETTINGS } from './old-machines/settings.ts';
import { OPERATOR_SETTINGS } from './operator-settings.ts';
import {
  address,
  choice,
  etcdUrl,
  hostName,
  list,
  nickname,
  port,
  seed,
  text,
  toggle,
  whole,
} from './setting-schemas.ts';

/** How the text of a flag or of an environment variable becomes a value. */
export type SettingKind = 'switch' | 'text' | 'number' | 'list';

/** One thing that can be set: by flag, by environment variable, and, unless `only` says otherwise, in the configuration file. */
export interface Setting {
  /** The letter of the short flag. */
  readonly short?: string;
  readonly kind: SettingKind;
  /** What stands for the value in the help; absent for switches. */
  readonly value?: string;
  /** The heading that it stands under in the help. */
  readonly group: string;
  /** One or two sentences. */
  readonly help: string;
  /** What it is when nobody sets it, in words or as it would be written. */
  readonly otherwise?: string;
  /** `flag`: it means nothing in the environment or in a file. `secret`: never in a file that others might read. */
  readonly only?: 'flag' | 'secret';
  /** A file's name: relative ones are looked up from the working directory, or from the configuration file that names them. */
  readonly path?: boolean;
  readonly schema: v.GenericSchema<any, any>;
}

/** After how long a volcano may be declared dead by itself, in seconds: a minute to a year. */
export const DEAD_AFTER_MIN = 60;
export const DEAD_AFTER_MAX = 31_536_000;

/** The channels of `--debug`: a letter, the room that it makes talk, and what one sees then. */
export const DEBUG_CHANNELS: ReadonlyMap<string, { readonly room: string; readonly what: string }> = new Map([
  ['f', { room: 'flare', what: 'flares: log segments, recovery, compaction' }],
  ['s', { room: 'sql', what: 'the SQLite index' }],
  ['n', { room: 'nfs2', what: 'NFS calls' }],
  ['r', { room: 'rpc', what: 'RPC: connections, bad calls' }],
  ['m', { room: 'mountd', what: 'mounts' }],
  ['l', { room: 'lockd', what: 'locks of NFS clients' }],
  ['a', { room: 'acl', what: 'access rules' }],
  ['p', { room: 'portmap', what: 'the portmapper' }],
  ['d', { room: 'dht', what: 'the ring: the map, joining, copies' }],
  ['V', { room: 'volcano', what: 'the volcano itself: configuration, start, stop' }],
]);

const debugLetters = v.pipe(
  text,
  v.check(
    (letters) => [...letters].every((letter) => DEBUG_CHANNELS.has(letter)),
    `must be letters out of ${[...DEBUG_CHANNELS.keys()].join('')}`,
  ),
);

const VOLCANO = 'The volcano';
const RING = 'The lava network';
const NETWORK = 'Addresses and ports';
const SHARES = 'What is shared, with whom';
const KEY = 'The network key';
const LOG = 'Log';
const OTHER = 'Other';

/**
 * Everything that can be set, by its long name. Flags, environment variables (`MAGMA_NFS_PORT` for `nfs-port`), the keys of the configuration
 * file, the help and the checks all come from this table.
 */
export const SETTINGS = {
  boot: {
    short: 'b',
    kind: 'switch',
    group: VOLCANO,
    help: 'Boot a new lava network in the data directory, and be its first volcano. Harmless when there is one already: it is opened.',
    schema: toggle,
  },
  nickname: {
    short: 'n',
    kind: 'text',
    value: 'NICK',
    group: VOLCANO,
    help: "The volcano's nickname, unique in its network.",
    otherwise: 'what it was last time, else the host name',
    schema: nickname,
  },
  data: {
    short: 'd',
    kind: 'text',
    value: 'DIR',
    group: VOLCANO,
    help: 'The data directory. It is made when it is not there. One magmad at a time.',
    otherwise: '/var/lib/magma',
    path: true,
    schema: text,
  },
  weight: {
    short: 'w',
    kind: 'number',
    value: 'N',
    group: VOLCANO,
    help: 'How much of the network this volcano takes, compared with the others: one of weight 2 gets twice the work of one of weight 1. Slices move for that little by little (magma balance).',
    otherwise: '1',
    schema: whole(1, WEIGHT_MAX, 'a weight'),
  },
  join: {
    short: 'r',
    kind: 'list',
    value: 'ADDR[:PORT]',
    group: RING,
    help:
      'Join the network of the volcano there: any of its volcanos will do. PORT is its --node-port; an IPv6 address with a port stands in ' +
      '[brackets]. Can be repeated: they are tried in turn. Once this volcano has joined it is not needed any more. Needs the key.',
    schema: list(seed),
  },
  replicas: {
    kind: 'number',
    value: 'N',
    group: RING,
    help: 'On how many volcanos every file is, in the network that is begun; while it has fewer volcanos, on all. Counts only when a network begins.',
    otherwise: '2',
    schema: whole(1, REPLICAS_MAX, 'a number of copies'),
  },
  failover: {
    kind: 'number',
    value: 'SECONDS',
    group: RING,
    help: 'Within how many seconds a volcano that does not answer is replaced: its slices by those of a mirror, its copies by others. The same on all volcanos, as a rule.',
    otherwise: '10',
    schema: whole(FAILOVER_MS_MIN / 1000, FAILOVER_MS_MAX / 1000, 'a number of seconds'),
  },
  'dead-after': {
    kind: 'number',
    value: 'SECONDS',
    group: RING,
    help: 'After how many seconds away a volcano is declared dead, as magma dead does. For networks where nobody looks: what comes back later must begin with an empty data directory.',
    otherwise: 'never',
    schema: whole(DEAD_AFTER_MIN, DEAD_AFTER_MAX, 'a number of seconds'),
  },
  'balance-after': {
    kind: 'number',
    value: 'SECONDS',
    group: RING,
    help: 'For how many seconds a volcano is measured, and its slices stay as they are, before some move to a neighbour that does less (magma balance). The same on all volcanos, as a rule.',
    otherwise: '300',
    schema: whole(MOVE_PAUSE_MS_MIN / 1000, MOVE_PAUSE_MS_MAX / 1000, 'a number of seconds'),
  },
  port: {
    short: 'p',
    kind: 'number',
    value: 'PORT',
    group: RING,
    help: 'The flare program: files, for other volcanos and for clients with a key. TCP. Only with a key. 0 takes a free port, and keeps it.',
    otherwise: '12000',
    schema: port,
  },
  'node-port': {
    kind: 'number',
    value: 'PORT',
    group: RING,
    help: 'The node program: for other volcanos alone. TCP. Only with a key. 0 takes a free port, and keeps it.',
    otherwise: '12001',
    schema: port,
  },
  etcd: {
    kind: 'list',
    value: 'URL',
    group: RING,
    help:
      'A client URL of the etcd in which the maps of the network lie, instead of on its first volcano: http://192.168.1.30:2379. Can be repeated, once for each of its ' +
      'members. All volcanos of the network are given the same. Settled when the network begins. Needs the key.',
    schema: list(etcdUrl),
  },
  'etcd-ca': {
    kind: 'text',
    value: 'FILE',
    group: RING,
    help: 'PEM certificates of the authorities that sign for etcd, for https.',
    otherwise: "the host's",
    path: true,
    schema: text,
  },
  'etcd-cert': {
    kind: 'text',
    value: 'FILE',
    group: RING,
    help: 'A PEM certificate by which etcd knows this volcano, where it asks for one. Goes with --etcd-cert-key.',
    path: true,
    schema: text,
  },
  'etcd-cert-key': {
    kind: 'text',
    value: 'FILE',
    group: RING,
    help: 'The PEM key of that certificate.',
    path: true,
    schema: text,
  },
  'etcd-user': {
    kind: 'text',
    value: 'NAME',
    group: RING,
    help: 'The user as whom to log in to etcd. Goes with --etcd-password-file.',
    schema: text,
  },
  'etcd-password-file': {
    kind: 'text',
    value: 'FILE',
    group: RING,
    help: "A file whose first line is that user's password.",
    path: true,
    schema: text,
  },
  address: {
    short: 'i',
    kind: 'list',
    value: 'ADDR',
    group: NETWORK,
    help: 'An address to listen on. Can be repeated.',
    otherwise: 'all addresses, IPv4 and IPv6',
    schema: list(address),
  },
  'server-name': {
    short: 's',
    kind: 'text',
    value: 'HOST',
    group: NETWORK,
    help: 'The name by which clients know this machine, for the mount command that is printed.',
    otherwise: 'the first --address, else the host name',
    schema: hostName,
  },
  'nfs-port': {
    kind: 'number',
    value: 'PORT',
    group: NETWORK,
    help: 'NFS, UDP and TCP. 0 takes a free port; the log says which.',
    otherwise: '2049',
    schema: port,
  },
  'mount-port': {
    kind: 'number',
    value: 'PORT',
    group: NETWORK,
    help: 'The mount protocol, the lock manager and the status monitor, UDP and TCP. 0 takes a free port.',
    otherwise: '20048',
    schema: port,
  },
  ...OPERATOR_SETTINGS,
  portmap: {
    kind: 'text',
    value: 'HOW',
    group: NETWORK,
    help:
      'How clients find the ports. own: serve the portmapper. system: register with the one that runs on this machine. ' +
      'auto: system if one runs, else own, else off with a warning. off: clients must name the ports.',
    otherwise: 'auto',
    schema: choice('own', 'system', 'auto', 'off'),
  },
  'portmap-port': {
    kind: 'number',
    value: 'PORT',
    group: NETWORK,
    help: 'Where the portmapper listens. Clients look for it at 111 only. 0 takes a free port (own only).',
    otherwise: '111',
    schema: port,
  },
  share: {
    kind: 'list',
    value: "'RULE'",
    group: SHARES,
    help: "One rule: PATH NETWORK r|w|n [option,...], as in '/home 192.168.1.0/24 w no_root_squash'. Can be repeated.",
    otherwise: 'without any rules: / read-write for this machine, root included; read-only for all others',
    schema: list(text),
  },
  shares: {
    kind: 'text',
    value: 'FILE',
    group: SHARES,
    help: 'A file with one rule a line, read again on SIGHUP. Its rules and those of --share count together.',
    path: true,
    schema: text,
  },
  ...OLD_MACHINE_SETTINGS,
  key: {
    short: 'k',
    kind: 'text',
    value: 'KEY',
    group: KEY,
    help:
      "The network's secret key, which all its volcanos have. Without it a volcano stays alone. Prefer --key-file or MAGMA_KEY: on the command " +
      'line others can see it for a moment.',
    otherwise: 'none',
    only: 'secret',
    schema: v.pipe(text, v.maxBytes(NETWORK_KEY_BYTES_MAX, `must be at most ${NETWORK_KEY_BYTES_MAX} bytes long`)),
  },
  'key-file': {
    kind: 'text',
    value: 'FILE',
    group: KEY,
    help: 'A file whose first line is the key.',
    path: true,
    schema: text,
  },
  debug: {
    short: 'D',
    kind: 'text',
    value: 'LETTERS',
    group: LOG,
    help: `Talk about: ${[...DEBUG_CHANNELS].map(([letter, { what }]) => `${letter} ${what}`).join('; ')}.`,
    schema: debugLetters,
  },
  'log-level': {
    kind: 'text',
    value: 'LEVEL',
    group: LOG,
    help: 'The least important lines to log: debug, info, warn, error or fatal.',
    otherwise: 'info',
    schema: choice('debug', 'info', 'warn', 'error', 'fatal'),
  },
  'log-format': {
    kind: 'text',
    value: 'FORMAT',
    group: LOG,
    help: 'pretty: for people. json: one object a line.',
    otherwise: 'pretty on a terminal, else json',
    schema: choice('pretty', 'json'),
  },
  config: {
    kind: 'text',
    value: 'FILE',
    group: OTHER,
    help: 'A TOML file whose keys are the long names on this page. Flags win over the environment, the environment over the file.',
    only: 'flag',
    path: true,
    schema: text,
  },
  'pid-file': {
    kind: 'text',
    value: 'FILE',
    group: OTHER,
    help: 'Write the process number there, once everything is served; removed at the end.',
    path: true,
    schema: text,
  },
  'check-config': {
    kind: 'switch',
    group: OTHER,
    help: 'Check flags, environment, configuration and shares, print what would be used, and end.',
    only: 'flag',
    schema: toggle,
  },
  help: { short: 'h', kind: 'switch', group: OTHER, help: 'Print this page.', only: 'flag', schema: toggle },
  version: { kind: 'switch', group: OTHER, help: 'Print the version.', only: 'flag', schema: toggle },
} as const satisfies Record<string, Setting>;

export type SettingName = keyof typeof SETTINGS;

/** The setting of that name; undefined when there is none. */
export function settingOf(name: string): Setting | undefined {
  return Object.hasOwn(SETTINGS, name) ? SETTINGS[name as SettingName] : undefined;
}

/** The environment variable that sets it: `MAGMA_NFS_PORT` for `nfs-port`. */
export function variableOf(name: string): string {
  return `MAGMA_${name.toUpperCase().replaceAll('-', '_')}`;
}
