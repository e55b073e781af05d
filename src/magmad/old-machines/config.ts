import { TFTP_PORT } from '../../tftp/server.ts';
import { TIME_PORT } from '../../time/service.ts';
import type { SettingName } from '../settings.ts';
import { parseServes, type Serves } from './serves.ts';

/** What is served to old machines besides files; null: not served. */
export interface OldMachinesConfig {
  /** PCNFSD: the file of its users. */
  readonly pcnfsd: { readonly users: string; readonly port: number } | null;
  /** TIME; the offset is seconds. */
  readonly time: { readonly port: number; readonly offset: number } | null;
  readonly tftp: (Serves & { readonly port: number }) | null;
}

/** What was told, setting by setting. */
export interface Told {
  readonly origins: ReadonlyMap<SettingName, string>;
  get<T>(name: SettingName, otherwise: T): T;
  path(name: SettingName): string | null;
}

/** Reads what is to be served to old machines. What has no effect is added to `warnings`. */
export function readOldMachines(told: Told, warnings: string[]): OldMachinesConfig {
  const users = told.path('pcnfsd');
  const time = told.get<string>('time', 'off') === 'on';
  const serves = told.get<string | null>('tftp', null);
  const idle: [SettingName, boolean, string][] = [
    ['pcnfsd-port', users !== null, 'pcnfsd'],
    ['time-port', time, 'time "on"'],
    ['time-offset', time, 'time "on"'],
    ['tftp-port', serves !== null, 'tftp'],
  ];
  for (const [name, served, needs] of idle) {
    const origin = told.origins.get(name);
    if (origin !== undefined && !served) warnings.push(`${origin}: no effect without ${needs}`);
  }
  return {
    pcnfsd: users === null ? null : { users, port: told.get<number>('pcnfsd-port', 0) },
    time: time ? { port: told.get('time-port', TIME_PORT), offset: told.get('time-offset', 0) } : null,
    tftp: serves === null ? null : { ...parseServes(serves)!, port: told.get('tftp-port', TFTP_PORT) },
  };
}

/** The ports of what is served, by their settings. */
export function oldMachinePorts({ pcnfsd, time, tftp }: OldMachinesConfig): (readonly [SettingName, number])[] {
  const all = [
    ['pcnfsd-port', pcnfsd?.port] as const,
    ['time-port', time?.port] as const,
    ['tftp-port', tftp?.port] as const,
  ];
  return all.flatMap(([name, port]) => (port === undefined ? [] : [[name, port] as const]));
}

/** What `--check-config` says of it. */
export function reportOldMachines({ pcnfsd, time, tftp }: OldMachinesConfig): Partial<Record<SettingName, unknown>> {
  return {
    pcnfsd: pcnfsd?.users ?? '(nobody)',
    'pcnfsd-port': pcnfsd?.port ?? '(closed)',
    time: time === null ? 'off' : 'on',
    'time-port': time?.port ?? '(closed)',
    'time-offset': time?.offset ?? 0,
    tftp: tftp === null ? '(nothing)' : Buffer.from(`${tftp.share}:${tftp.path}`, 'latin1').toString('utf8'),
    'tftp-port': tftp?.port ?? '(closed)',
  };
}
