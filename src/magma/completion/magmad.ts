import { SETTINGS, type Setting } from '../../magmad/settings.ts';
import type { Flag } from '../command.ts';
import type { Program } from './model.ts';

/** The words that a setting may be; undefined when they are not a few. */
function choicesOf({ schema }: Setting): readonly string[] | undefined {
  const { options } = schema as { options?: unknown };
  return Array.isArray(options) && options.every((one) => typeof one === 'string') ? options : undefined;
}

/** magmad's flags, from the table that it reads them by. */
export function magmad(): Program {
  const flags = new Map<string, Flag>();
  for (const [name, setting] of Object.entries<Setting>(SETTINGS)) {
    const { short, value, help, path } = setting;
    const takes = path === true ? (name === 'data' ? 'directory' : 'file') : choicesOf(setting);
    flags.set(name, {
      help,
      ...(short === undefined ? {} : { short }),
      ...(value === undefined ? {} : { value }),
      ...(takes === undefined ? {} : { takes }),
    });
  }
  return { name: 'magmad', flags, words: undefined, commands: new Map() };
}
