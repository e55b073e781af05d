import type { Config } from './config.ts';

/** What a reload puts into effect at once. */
const RELOADED = new Set<keyof Config>(['shares', 'sharesFile', 'origins', 'warnings']);

/** The settings that differ and take effect only at the next start, by their names in `Config`. */
export function waitingForRestart(before: Config, after: Config): string[] {
  const names = Object.keys(before) as (keyof Config)[];
  return names.filter((name) => !RELOADED.has(name) && JSON.stringify(before[name]) !== JSON.stringify(after[name]));
}
