import type { SettingName } from '../settings.ts';

/** What is served to old machines besides files; null: not served. */
export interface OldMachinesConfig {
  /** PCNFSD: the file of its users. */
  readonly pcnfsd: { readonly users: string; readonly port: number } | null;
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
  const idle: [SettingName, boolean, SettingName][] = [['pcnfsd-port', users !== null, 'pcnfsd']];
  for (const [name, served, needs] of idle) {
    const origin = told.origins.get(name);
    if (origin !== undefined && !served) warnings.push(`${origin}: no effect without ${needs}`);
  }
  return { pcnfsd: users === null ? null : { users, port: told.get<number>('pcnfsd-port', 0) } };
}

/** The ports of what is served, by their settings. */
export function oldMachinePorts({ pcnfsd }: OldMachinesConfig): (readonly [SettingName, number])[] {
  return pcnfsd === null ? [] : [['pcnfsd-port', pcnfsd.port]];
}

/** What `--check-config` says of it. */
export function reportOldMachines({ pcnfsd }: OldMachinesConfig): Partial<Record<SettingName, unknown>> {
  return {
    pcnfsd: pcnfsd?.users ?? '(nobody)',
    'pcnfsd-port': pcnfsd === null ? '(closed)' : pcnfsd.port,
  };
}
