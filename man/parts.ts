import { ASKING_FLAGS, type Flag, HELP_FLAG } from '../src/magma/command.ts';
import { usagesOf } from '../src/magma/help.ts';
import { ALL_COMMANDS } from '../src/magma-commands.ts';
import { SETTINGS, type Setting, variableOf } from '../src/magmad/settings.ts';
import { SETTINGS as MOUNT_SETTINGS } from '../src/mount-magma/settings.ts';
import { commandLine, flagItem, flagList, literal, prose, sentence } from './mdoc.ts';

const SETTING_ENTRIES = Object.entries<Setting>(SETTINGS);

function groups(): Map<string, [string, Setting][]> {
  const found = new Map<string, [string, Setting][]>();
  for (const entry of SETTING_ENTRIES) found.set(entry[1].group, [...(found.get(entry[1].group) ?? []), entry]);
  return found;
}

function meaning({ help, otherwise }: Setting): string[] {
  return prose(otherwise === undefined ? help : `${help} Default: ${otherwise}.`);
}

/** The flags of magmad, under their headings. */
function magmadFlags(): string[] {
  return [...groups()].flatMap(([title, settings]) => [
    `.Ss ${title}`,
    '.Bl -tag -width Ds',
    ...settings.flatMap(([name, setting]) => [flagItem(name, setting), ...meaning(setting)]),
    '.El',
  ]);
}

const TYPES = { switch: 'true or false', text: 'text', number: 'a number', list: 'a list of texts' } as const;

/** The keys of the configuration file, under their headings. */
function tomlKeys(): string[] {
  return [...groups()].flatMap(([title, all]) => {
    const settings = all.filter(([, { only }]) => only !== 'flag');
    if (settings.length === 0) return [];
    const items = settings.flatMap(([name, setting]) => [
      `.It Ic ${name.replaceAll('-', '\\-')} No ( Ns ${TYPES[setting.kind]} Ns )`,
      ...meaning(setting),
      ...(setting.only === 'secret' ? prose('Taken only from a file that nobody else may read.') : []),
    ]);
    return [`.Ss ${title}`, '.Bl -tag -width Ds', ...items, '.El'];
  });
}

/** The environment variables of magmad. */
function variables(): string[] {
  const names = SETTING_ENTRIES.filter(([, { only }]) => only !== 'flag').map(([name]) => variableOf(name));
  return ['.Bl -item -compact -offset indent', ...names.flatMap((name) => ['.It', `.Ev ${name}`]), '.El'];
}

/** The commands of magma. */
function commands(): string[] {
  return ALL_COMMANDS.flatMap(({ spec }) => [
    `.Ss magma ${spec.name}`,
    ...usagesOf({ ...spec, asks: false }).map(commandLine),
    '.Pp',
    ...prose(sentence(spec.title)),
    ...spec.text.flatMap((part) => (part.startsWith('  ') ? literal(part) : ['.Pp', ...prose(part)])),
    ...flagList(
      Object.entries<Flag>(spec.flags).filter(([name, flag]) => spec.asks || ASKING_FLAGS[name as 'at'] !== flag),
    ),
    '.Pp',
    ...prose(`Exit status: ${spec.status}.`),
  ]);
}

/** The flags that all commands which ask volcanos have. */
function asking(): string[] {
  return flagList([...Object.entries<Flag>(ASKING_FLAGS), ['help', HELP_FLAG]]);
}

/** The options of mount.magma. */
function mountOptions(): string[] {
  const items = Object.entries(MOUNT_SETTINGS).flatMap(([name, { what, help }]) => [
    `.It Cm ${name}${what === '' ? '' : ` Ns = Ns Ar ${what}`}`,
    ...prose(sentence(help)),
  ]);
  return ['.Bl -tag -width Ds', ...items, '.El'];
}

/** What stands for a line `@NAME@` in the source of a page. */
export const PARTS: Readonly<Record<string, () => string[]>> = {
  asking,
  commands,
  'magmad-flags': magmadFlags,
  'mount-options': mountOptions,
  'toml-keys': tomlKeys,
  variables,
};
