import { clashOf, parseBootClient } from '../../bootparamd/clients.ts';
import { TFTP_PORT } from '../../tftp/server.ts';
import { TIME_PORT } from '../../time/service.ts';
import type { SettingName } from '../settings.ts';
import { UsageError } from '../usage.ts';
import { parseServes, type Serves } from './serves.ts';

/** The machines that boot, and how they are answered. */
export interface BootparamConfig {
  /** As they were written. */
  readonly clients: readonly string[];
  readonly networks: readonly string[];
  readonly domain: string;
  readonly router: string | null;
  readonly port: number;
}

/** What is served to old machines besides files; null: not served. */
export interface OldMachinesConfig {
  /** PCNFSD: the file of its users. */
  readonly pcnfsd: { readonly users: string; readonly port: number } | null;
  /** TIME; the offset is seconds. */
  readonly time: { readonly port: number; readonly offset: number } | null;
  readonly tftp: (Serves & { readonly port: number }) | null;
  readonly bootparam: BootparamConfig | null;
}

/** What was told, setting by setting. */
export interface Told {
  readonly origins: ReadonlyMap<SettingName, string>;
  get<T>(name: SettingName, otherwise: T): T;
  path(name: SettingName): string | null;
}

const BOOTPARAM = ['bootparam-network', 'bootparam-domain', 'bootparam-router', 'bootparam-port'] as const;

function readBootparam(told: Told): BootparamConfig | null {
  const clients = told.get<readonly string[]>('bootparam', []);
  if (clients.length === 0) return null;
  const parsed = clients.map((text) => parseBootClient(text)).filter((one) => typeof one !== 'string');
  const clash = clashOf(parsed);
  if (clash !== null)
    throw new UsageError(`${told.origins.get('bootparam')}: ${clash}. Cure: one line for each machine`);
  return {
    clients,
    networks: told.get('bootparam-network', parsed.map(({ address }) => address) as readonly string[]),
    domain: told.get('bootparam-domain', ''),
    router: told.get<string | null>('bootparam-router', null),
    port: told.get('bootparam-port', 0),
  };
}

/** Reads what is to be served to old machines. What has no effect is added to `warnings`. */
export function readOldMachines(told: Told, warnings: string[]): OldMachinesConfig {
  const users = told.path('pcnfsd');
  const time = told.get<string>('time', 'off') === 'on';
  const serves = told.get<string | null>('tftp', null);
  const bootparam = readBootparam(told);
  const idle: [SettingName, boolean, string][] = [
    ['pcnfsd-port', users !== null, 'pcnfsd'],
    ['time-port', time, 'time "on"'],
    ['time-offset', time, 'time "on"'],
    ['tftp-port', serves !== null, 'tftp'],
    ...BOOTPARAM.map((name) => [name, bootparam !== null, 'bootparam'] as [SettingName, boolean, string]),
  ];
  for (const [name, served, needs] of idle) {
    const origin = told.origins.get(name);
    if (origin !== undefined && !served) warnings.push(`${origin}: no effect without ${needs}`);
  }
  return {
    pcnfsd: users === null ? null : { users, port: told.get<number>('pcnfsd-port', 0) },
    time: time ? { port: told.get('time-port', TIME_PORT), offset: told.get('time-offset', 0) } : null,
    tftp: serves === null ? null : { ...parseServes(serves)!, port: told.get('tftp-port', TFTP_PORT) },
    bootparam,
  };
}

/** The ports of what is served, by their settings. */
export function oldMachinePorts(served: OldMachinesConfig): (readonly [SettingName, number])[] {
  const all = [
    ['pcnfsd-port', served.pcnfsd?.port],
    ['time-port', served.time?.port],
    ['tftp-port', served.tftp?.port],
    ['bootparam-port', served.bootparam?.port],
  ] as const;
  return all.flatMap(([name, port]) => (port === undefined ? [] : [[name, port] as const]));
}

/** What `--check-config` says of it. */
export function reportOldMachines({
  pcnfsd,
  time,
  tftp,
  bootparam,
}: OldMachinesConfig): Partial<Record<SettingName, unknown>> {
  return {
    pcnfsd: pcnfsd?.users ?? '(nobody)',
    'pcnfsd-port': pcnfsd?.port ?? '(closed)',
    time: time === null ? 'off' : 'on',
    'time-port': time?.port ?? '(closed)',
    'time-offset': time?.offset ?? 0,
    tftp: tftp === null ? '(nothing)' : Buffer.from(`${tftp.share}:${tftp.path}`, 'latin1').toString('utf8'),
    'tftp-port': tftp?.port ?? '(closed)',
    bootparam: bootparam === null ? '(nobody)' : bootparam.clients.map((one) => one.split(' ', 1)[0]).join(' '),
    'bootparam-network': bootparam?.networks.join(' ') ?? '(none)',
    'bootparam-domain': bootparam?.domain || '(none)',
    'bootparam-router': bootparam?.router ?? '(none)',
    'bootparam-port': bootparam?.port ?? '(closed)',
  };
}
