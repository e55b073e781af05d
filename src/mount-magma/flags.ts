import type { Flag } from '../magma/command.ts';
import type { Program } from '../magma/completion/model.ts';
import { COMMANDS, SETTINGS } from './settings.ts';

const OF_COMMANDS: Readonly<Record<string, string>> = {
  init: 'make an encrypted tree of an empty directory',
  passwd: 'give a tree another passphrase',
  info: 'say how a tree is encrypted',
};

/** The flags of mount.magma, from the table that it reads them by, as they stand on a command line. */
export function mountMagma(): Program {
  const flags = new Map<string, Flag>();
  for (const [name, { what, help }] of Object.entries(SETTINGS)) {
    const value = what === '' ? {} : { value: what };
    flags.set(name.replaceAll('_', '-'), { help, ...value, ...(what === 'FILE' ? { takes: 'file' as const } : {}) });
  }
  for (const name of COMMANDS) flags.set(name, { help: OF_COMMANDS[name] ?? name });
  flags.set('key', { value: 'KEY', help: 'the key itself, which others on this machine can see for a moment' });
  flags.set('help', { short: 'h', help: 'print a page that says all of this' });
  flags.set('version', { short: 'V', help: 'print the version' });
  return { name: 'mount.magma', flags, words: 'directory', commands: new Map() };
}
