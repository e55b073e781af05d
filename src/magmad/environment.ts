import { SETTINGS, type Setting, type SettingName, variableOf } from './settings.ts';
import { check, type Given, parseText, type Source } from './values.ts';

/**
 * What the environment sets: `MAGMA_NFS_PORT` for `nfs-port` and so on. Lists have one value a line. Empty variables count as not set.
 * Throws `UsageError`.
 */
export function readEnvironment(environment: Readonly<Record<string, string | undefined>>): Source {
  const given = new Map<SettingName, Given>();
  for (const [key, setting] of Object.entries<Setting>(SETTINGS)) {
    const name = key as SettingName;
    const origin = variableOf(name);
    const text = environment[origin];
    if (setting.only === 'flag' || text === undefined || text === '') continue;
    const lines = setting.kind === 'list' ? text.split('\n').filter((line) => line.trim() !== '') : [text];
    const values = lines.map((line) => parseText(name, line.trim(), origin));
    const value = setting.kind === 'list' ? check(name, (values as string[][]).flat(), origin) : values[0]!;
    given.set(name, { value, origin });
  }
  return given;
}
