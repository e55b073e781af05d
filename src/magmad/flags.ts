import { parseArgs } from 'node:util';
import { nearest } from './nearest.ts';
import { SETTINGS, type Setting, type SettingName, settingOf } from './settings.ts';
import { UsageError } from './usage.ts';
import { check, type Given, parseText, type Source } from './values.ts';

/**
 * What the command line sets. Of a flag that is given twice the last one counts, so that flags can be appended to a script's; lists gather.
 * Throws `UsageError` for unknown flags, missing values, and anything that is no flag.
 */
export function readFlags(argv: readonly string[]): Source {
  const given = new Map<SettingName, Given>();
  for (const token of parseArgs({ args: [...argv], options: options(), strict: false, tokens: true }).tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') {
      throw new UsageError(
        `"${token.value}" belongs to no flag. Cure: quote values that hold spaces; see magmad --help`,
      );
    }
    const setting = settingOf(token.name);
    if (setting === undefined) throw unknownFlag(token.rawName, token.name);
    const name = token.name as SettingName;
    const origin = token.rawName;
    if (setting.kind === 'switch') {
      if (token.value !== undefined) throw new UsageError(`${origin} takes no value, but got "${token.value}"`);
      given.set(name, { value: true, origin });
      continue;
    }
    if (token.value === undefined || (!token.inlineValue && isFlag(token.value, setting))) {
      throw new UsageError(`${origin} needs a value: ${example(name, setting)}`);
    }
    const value = parseText(name, token.value, origin);
    const before = given.get(name)?.value;
    given.set(name, { value: Array.isArray(before) ? [...before, ...(value as string[])] : value, origin });
  }
  for (const [name, { value, origin }] of given) if (Array.isArray(value)) check(name, value, origin);
  return given;
}

/** What begins with a dash is the next flag, unless it is a number where one belongs. */
function isFlag(text: string, { kind }: Setting): boolean {
  return /^-./.test(text) && !(kind === 'number' && /^-[0-9]+$/.test(text));
}

function options(): Record<string, { type: 'string' | 'boolean'; short?: string }> {
  const all: Record<string, { type: 'string' | 'boolean'; short?: string }> = {};
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const type = setting.kind === 'switch' ? 'boolean' : 'string';
    all[name] = setting.short === undefined ? { type } : { type, short: setting.short };
  }
  return all;
}

function example(name: string, setting: Setting): string {
  const long = `--${name} ${setting.value}`;
  return setting.short === undefined ? long : `-${setting.short} ${setting.value} or ${long}`;
}

function unknownFlag(raw: string, name: string): UsageError {
  const close = raw.startsWith('--') ? nearest(name, Object.keys(SETTINGS)) : undefined;
  const cure = close === undefined ? 'see magmad --help' : `did you mean --${close}?`;
  return new UsageError(`${raw} is not a flag of magmad; ${cure}`);
}
