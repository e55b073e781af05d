import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { isLoopback } from '../base/address.ts';
import { MOVE_PAUSE_MS } from '../dht/balance/times.ts';
import { FAILOVER_MS } from '../dht/failover/times.ts';
import { NETWORK_KEY_BYTES_MAX } from '../dht/secrets.ts';
import { readEnvironment } from './environment.ts';
import { checkEtcd, type EtcdConfig } from './etcd.ts';
import { othersMayRead, readConfigFile, readTextFile } from './file.ts';
import { readFlags } from './flags.ts';
import { type OldMachinesConfig, oldMachinePorts, readOldMachines } from './old-machines/config.ts';
import { NODE_PORT, parseSeed, type Seed } from './seeds.ts';
import { NICKNAME_MAX } from './setting-schemas.ts';
import { SETTINGS, type SettingName } from './settings.ts';
import { UsageError } from './usage.ts';
import type { Given, Source } from './values.ts';

/** How clients find the ports. */
export type PortmapMode = 'own' | 'system' | 'auto' | 'off';
export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';

/** Everything that magmad was told, checked. Paths are absolute. */
export interface Config {
  readonly boot: boolean;
  /** Null: what the data directory says, else the host's name. */
  readonly nickname: string | null;
  /** The name in the mount command: of the machine, or the first of `addresses`, unless given. */
  readonly serverName: string;
  readonly data: string;
  readonly weight: number;
  /** Volcanos to join through, in the order in which they are tried. */
  readonly join: readonly Seed[];
  /** Copies that a network which is begun keeps. */
  readonly replicas: number;
  /** In milliseconds. */
  readonly failoverMs: number;
  /** In milliseconds; null: volcanos that are away stay members. */
  readonly deadAfterMs: number | null;
  /** For how long slices are measured before any move, in milliseconds. */
  readonly balanceAfterMs: number;
  /** Where the network's maps lie; null: on its first volcano. */
  readonly etcd: EtcdConfig | null;
  /** Empty: all local addresses. */
  readonly addresses: readonly string[];
  readonly nfsPort: number;
  readonly mountPort: number;
  readonly portmap: PortmapMode;
  readonly portmapPort: number;
  /** Of the flare and of the node program. */
  readonly port: number;
  readonly nodePort: number;
  readonly console: boolean;
  readonly consolePort: number;
  readonly consoleListen: readonly string[];
  readonly web: boolean;
  readonly webPort: number;
  readonly webListen: readonly string[];
  /** PEM files; null: a certificate of its own making. */
  readonly webCert: { readonly cert: string; readonly key: string } | null;
  /** Rules by flag, variable or configuration file, each with its place for messages. */
  readonly shares: readonly { readonly rule: string; readonly origin: string }[];
  /** The shares file, or null. */
  readonly sharesFile: string | null;
  readonly oldMachines: OldMachinesConfig;
  readonly key: string | null;
  readonly debug: string;
  readonly logLevel: LogLevel;
  /** Null: by whether the output is a terminal. */
  readonly logFormat: 'pretty' | 'json' | null;
  readonly pidFile: string | null;
  readonly configFile: string | null;
  /** Where each setting came from; absent ones are defaults. */
  readonly origins: ReadonlyMap<SettingName, string>;
  /** Things that are accepted and should still be told. */
  readonly warnings: readonly string[];
}

/** What the command line asks for. */
export type Request =
  | { readonly ask: 'help' }
  | { readonly ask: 'version' }
  | { readonly ask: 'serve' | 'check'; readonly config: Config };

/** The flare program's port when nobody says another one. */
const FLARE_PORT = 12_000;
/** The console's port, and where it listens, when nobody says otherwise. */
const CONSOLE_PORT = 12_002;
const CONSOLE_LISTEN = ['127.0.0.1', '::1'];
/** The same of the web page. */
const WEB_PORT = 12_003;
const WEB_LISTEN = CONSOLE_LISTEN;
/** Where magmad keeps its files when nobody says so. */
export const DEFAULT_DATA = '/var/lib/magma';

/**
 * Reads flags, environment and configuration file, in this order of precedence, setting by setting. Throws `UsageError`.
 */
export function readConfig(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Request {
  const flags = readFlags(argv);
  if (flags.has('help')) return { ask: 'help' };
  if (flags.has('version')) return { ask: 'version' };
  const variables = readEnvironment(environment);
  const configFile = flags.get('config')?.value as string | undefined;
  const file: Source = configFile === undefined ? new Map() : readConfigFile(configFile);
  const config = assemble(new Settled([flags, variables, file]), configFile ?? null);
  return { ask: flags.has('check-config') ? 'check' : 'serve', config };
}

class Settled {
  readonly origins = new Map<SettingName, string>();
  readonly #sources: readonly Source[];

  constructor(sources: readonly Source[]) {
    this.#sources = sources;
    for (const name of Object.keys(SETTINGS) as SettingName[]) {
      const given = this.given(name);
      if (given !== undefined) this.origins.set(name, given.origin);
    }
  }

  given(name: SettingName): Given | undefined {
    for (const source of this.#sources) {
      const given = source.get(name);
      if (given !== undefined) return given;
    }
    return undefined;
  }

  /** The value, or the default. The schema has made sure of the type. */
  get<T>(name: SettingName, otherwise: T): T {
    return (this.given(name)?.value as T | undefined) ?? otherwise;
  }

  path(name: SettingName): string | null {
    const path = this.get<string | null>(name, null);
    return path === null ? null : resolve(path);
  }

  /** How strongly a setting was given: 0 is the strongest. */
  rank(name: SettingName): number {
    const at = this.#sources.findIndex((source) => source.has(name));
    return at < 0 ? this.#sources.length : at;
  }
}

function assemble(settled: Settled, configFile: string | null): Config {
  const warnings: string[] = [];
  const { origins } = settled;
  const addresses = settled.get<readonly string[]>('address', []);
  const shareOrigin = origins.get('share') ?? '--share';
  const portmap = settled.get<PortmapMode>('portmap', 'auto');
  const portmapPort = settled.get<number>('portmap-port', 111);
  if (portmapPort === 0 && portmap !== 'own') {
    throw new UsageError(`${origins.get('portmap-port')}: 0 (a free port) works only with --portmap own`);
  }
  const nfsPort = settled.get<number>('nfs-port', 2049);
  const mountPort = settled.get<number>('mount-port', 20048);
  const key = readKey(settled, warnings);
  const port = settled.get<number>('port', FLARE_PORT);
  const nodePort = settled.get<number>('node-port', NODE_PORT);
  const console = settled.get('console', 'on') === 'on';
  const consolePort = settled.get<number>('console-port', CONSOLE_PORT);
  const web = settled.get('web', 'on') === 'on';
  const webPort = settled.get<number>('web-port', WEB_PORT);
  checkElsewhere(settled, key, 'console-listen', 'the console');
  checkElsewhere(settled, key, 'web-listen', 'the web page');
  const oldMachines = readOldMachines(settled, warnings);
  const deadAfter = settled.get<number | null>('dead-after', null);
  refuseSamePort(origins, [
    ['nfs-port', nfsPort],
    ['mount-port', mountPort],
    ...(portmap === 'off' ? [] : [['portmap-port', portmapPort] as const]),
    ...(key === null ? [] : [['port', port] as const, ['node-port', nodePort] as const]),
    ...(console ? [['console-port', consolePort] as const] : []),
    ...(web ? [['web-port', webPort] as const] : []),
    ...oldMachinePorts(oldMachines),
  ]);
  checkRing(origins, settled.get('boot', false), key, warnings);
  checkEtcd(origins, key);
  return {
    boot: settled.get('boot', false),
    nickname: settled.get<string | null>('nickname', null),
    serverName: settled.get('server-name', addresses[0] ?? hostname()),
    data: resolve(settled.get('data', DEFAULT_DATA)),
    weight: settled.get('weight', 1),
    join: settled.get<readonly string[]>('join', []).map((text) => parseSeed(text)!),
    replicas: settled.get('replicas', 2),
    failoverMs: settled.get('failover', FAILOVER_MS / 1000) * 1000,
    deadAfterMs: deadAfter === null ? null : deadAfter * 1000,
    balanceAfterMs: settled.get('balance-after', MOVE_PAUSE_MS / 1000) * 1000,
    etcd: readEtcd(settled),
    addresses,
    nfsPort,
    mountPort,
    portmap,
    portmapPort,
    port,
    nodePort,
    console,
    consolePort,
    consoleListen: settled.get<readonly string[]>('console-listen', CONSOLE_LISTEN),
    web,
    webPort,
    webListen: settled.get<readonly string[]>('web-listen', WEB_LISTEN),
    webCert: readWebCert(settled),
    shares: settled.get<readonly string[]>('share', []).map((rule) => ({ rule, origin: shareOrigin })),
    sharesFile: settled.path('shares'),
    oldMachines,
    key,
    debug: settled.get('debug', ''),
    logLevel: settled.get<LogLevel>('log-level', 'info'),
    logFormat: settled.get<'pretty' | 'json' | null>('log-format', null),
    pidFile: settled.path('pid-file'),
    configFile: configFile === null ? null : resolve(configFile),
    origins,
    warnings,
  };
}

function readEtcd(settled: Settled): EtcdConfig | null {
  const urls = settled.get<readonly string[]>('etcd', []);
  if (urls.length === 0) return null;
  return {
    urls,
    ca: settled.path('etcd-ca'),
    cert: settled.path('etcd-cert'),
    certKey: settled.path('etcd-cert-key'),
    user: settled.get<string | null>('etcd-user', null),
    passwordFile: settled.path('etcd-password-file'),
  };
}

/** What only means something in a network, or only when that is begun. */
function checkRing(
  origins: ReadonlyMap<SettingName, string>,
  boot: boolean,
  key: string | null,
  warnings: string[],
): void {
  const join = origins.get('join');
  if (join !== undefined && boot)
    throw new UsageError(
      `${origins.get('boot')} and ${join}: a network is booted, or one is joined. Cure: leave one of them out`,
    );
  if (key !== null) return;
  if (join !== undefined)
    throw new UsageError(`${join}: who joins a network needs its key. Cure: --key-file, MAGMA_KEY or --key`);
  for (const name of ['replicas', 'failover', 'dead-after', 'balance-after', 'port', 'node-port'] as const) {
    const origin = origins.get(name);
    if (origin !== undefined) warnings.push(`${origin}: no effect: without a key this volcano is alone`);
  }
}

/** Who comes from elsewhere must give the key, so there must be one. */
function checkElsewhere(
  settled: Settled,
  key: string | null,
  setting: 'console-listen' | 'web-listen',
  what: string,
): void {
  const elsewhere = settled.get<readonly string[]>(setting, []).filter((one) => !isLoopback(one));
  if (key !== null || elsewhere.length === 0) return;
  throw new UsageError(
    `${settled.origins.get(setting)}: ${elsewhere[0]}: from other machines ${what} asks for the key of the network, and there is none. Cure: a key (--key-file), or 127.0.0.1`,
  );
}

function readWebCert(settled: Settled): Config['webCert'] {
  const [cert, key] = [settled.path('web-cert'), settled.path('web-cert-key')];
  if (cert !== null && key !== null) return { cert, key };
  if (cert === null && key === null) return null;
  const [given, missing] =
    cert === null ? (['web-cert-key', 'web-cert'] as const) : (['web-cert', 'web-cert-key'] as const);
  throw new UsageError(
    `${settled.origins.get(given)}: a certificate and its key go together. Cure: give --${missing} as well`,
  );
}

function refuseSamePort(
  origins: ReadonlyMap<SettingName, string>,
  ports: readonly (readonly [SettingName, number])[],
): void {
  const taken = new Map<number, SettingName>();
  for (const [name, port] of ports) {
    const other = port === 0 ? undefined : taken.get(port);
    if (other !== undefined) {
      const place = origins.get(name) ?? origins.get(other) ?? `--${name}`;
      throw new UsageError(`${place}: ${name} and ${other} are both ${port}. Cure: give each a port of its own`);
    }
    taken.set(port, name);
  }
}

function readKey(settled: Settled, warnings: string[]): string | null {
  const key = settled.given('key');
  const file = settled.given('key-file');
  if (key === undefined && file === undefined) return null;
  const keyRank = settled.rank('key');
  const fileRank = settled.rank('key-file');
  if (keyRank === fileRank) {
    throw new UsageError(`${key!.origin} and ${file!.origin} both give the key. Cure: leave one of them out`);
  }
  if (keyRank < fileRank) {
    if (keyRank === 0) {
      warnings.push(
        `${key!.origin}: others on this machine could see the key for a moment; --key-file or MAGMA_KEY hide it`,
      );
    }
    return key!.value as string;
  }
  const path = resolve(file!.value as string);
  const line = readTextFile(path, file!.origin).split('\n', 1)[0]!.replace(/\r$/, '');
  if (line === '') throw new UsageError(`${file!.origin}: the first line of ${path} is empty; the key belongs there`);
  if (Buffer.byteLength(line) > NETWORK_KEY_BYTES_MAX)
    throw new UsageError(`${file!.origin}: the key in ${path} is longer than ${NETWORK_KEY_BYTES_MAX} bytes`);
  if (othersMayRead(path)) warnings.push(`${file!.origin}: others may read ${path}; chmod 600 ${path} hides it`);
  return line;
}

/** The nickname of a volcano that was never given one: the host's name, made to fit. */
export function nicknameFromHost(host: string): string {
  const name = host
    .split('.')[0]!
    .replace(/[^A-Za-z0-9_-]/g, '-')
    .slice(0, NICKNAME_MAX);
  return /^[A-Za-z0-9]/.test(name) ? name : 'volcano';
}
