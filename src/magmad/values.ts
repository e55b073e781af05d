import * as v from 'valibot';
import { SETTINGS, type Setting, type SettingName } from './settings.ts';
import { UsageError } from './usage.ts';

/** A value of any setting. */
export type Value = string | number | boolean | readonly string[];

/** A value and where it was set, in words for messages: `--nfs-port`, `MAGMA_NFS_PORT`, `magma.toml:3: nfs-port`. */
export interface Given {
  readonly value: Value;
  readonly origin: string;
}

/** What one source (flags, environment, file) sets. */
export type Source = ReadonlyMap<SettingName, Given>;

const TRUE = new Set(['true', 'yes', 'on', '1']);
const FALSE = new Set(['false', 'no', 'off', '0']);

/** The typed value that a flag's or a variable's text means. Throws `UsageError`. */
export function parseText(name: SettingName, text: string, origin: string): Value {
  const setting: Setting = SETTINGS[name];
  switch (setting.kind) {
    case 'switch': {
      const word = text.toLowerCase();
      return TRUE.has(word) ? true : FALSE.has(word) ? false : check(name, text, origin);
    }
    case 'number':
      return check(name, /^-?[0-9]{1,15}$/.test(text) ? Number(text) : text, origin);
    case 'list':
      return check(name, [text], origin);
    default:
      return check(name, text, origin);
  }
}

/** The value if it is one of that setting; else throws `UsageError`. Keys are not repeated in messages. */
export function check(name: SettingName, value: unknown, origin: string): Value {
  const setting: Setting = SETTINGS[name];
  const result = v.safeParse(setting.schema, value, { abortEarly: true });
  if (result.success) return result.output as Value;
  const issue = result.issues[0];
  const shown = setting.only === 'secret' ? 'the value' : show(v.getDotPath(issue) === null ? value : issue.input);
  throw new UsageError(`${origin}: ${shown} ${issue.message}`);
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
