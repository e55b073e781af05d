import { mirrorsOf, ownerOfSlice, sliceOfKey } from '../../dht/projection/queries.ts';
import { FlareError } from '../../flare/errors.ts';
import { keyText } from '../../flare/keys.ts';
import { type Attributes, FlareType, type Time } from '../../flare/types.ts';
import { pathOf, ROOT, reasonOf } from '../../operator/paths.ts';
import { shown, told } from '../../operator/text.ts';
import type { Command, Run } from '../command.ts';
import { modeText, timeText, typeText } from '../lines.ts';

/** Extents of a file that are shown. */
export const EXTENTS_SHOWN = 50;

export const inspect: Command = {
  name: 'inspect',
  usage: 'PATH',
  brief: 'everything known of a flare',
  help: [
    'Shows what is known of a file, a directory or anything else: its key and generation, the slice that the key lies in, which volcano is primary of that and which ones mirror it, its attributes,',
    `and where its bytes lie in the log of this volcano, if there is a copy here: ${EXTENTS_SHOWN} extents at most.`,
  ],
  completes: ['path'],
  wordsMin: 1,
  wordsMax: 1,
  async run(run) {
    const { names, attributes } = await run.find(run.words[0]!);
    const { ring, rules } = run.parts;
    const { key, generation, type, mode, nlink, uid, gid, size, used, major, minor, fileid, version, parent } =
      attributes;
    const projection = ring.projection();
    const slice = sliceOfKey(projection, key);
    const { inSync, filling } = mirrorsOf(projection, slice);
    const listed = (members: readonly { readonly nickname: string }[]): string =>
      members.map(({ nickname }) => told(nickname)).join(' ') || '-';
    const isDevice = type === FlareType.block || type === FlareType.character;
    const rows: [string, string][] = [
      ['path', pathOf(names)],
      ['type', typeText(type)],
      ['key', keyText(key)],
      ['generation', `${generation}`],
      ['slice', `${slice} of ${projection.slices}, epoch ${projection.epoch}`],
      ['primary', told(ownerOfSlice(projection, slice).nickname)],
      ['mirrors', listed(inSync)],
      ...(filling.length > 0 ? [['filling', listed(filling)] as [string, string]] : []),
      ['mode', `${modeText(attributes)} (${mode.toString(8).padStart(4, '0')})`],
      ['links', `${nlink}`],
      ['owner', `${uid}, group ${gid}`],
      ['size', `${size} bytes, of which ${used} are no holes`],
      ...(isDevice ? [['device', `${major}, ${minor}`] as [string, string]] : []),
      ['fileid', `${fileid}`],
      ['version', `${version}`],
      ['read', momentText(attributes.atime)],
      ['written', momentText(attributes.mtime)],
      ['changed', momentText(attributes.ctime)],
      ['parent', `${keyText(parent.key)}, generation ${parent.generation}`],
      ...(rules.carriesRule(key) ? [['rule', 'bound to this directory: see print acl'] as [string, string]] : []),
    ];
    if (type === FlareType.symlink) rows.push(['target', await targetOf(run, attributes)]);
    await run.print(...rows.map(([name, value]) => `${name.padEnd(11)} ${value}`));
    if (type === FlareType.file) await run.print(...extentLines(run, attributes));
  },
};

function momentText({ seconds, nanoseconds }: Time): string {
  return `${timeText({ seconds })}.${`${nanoseconds}`.padStart(9, '0')} UTC`;
}

async function targetOf({ parts, wait }: Run, attributes: Attributes): Promise<string> {
  try {
    return shown((await wait(parts.tree.readlink(ROOT, attributes))).toString('latin1'));
  } catch (error) {
    if (error instanceof FlareError) return reasonOf(error.status);
    throw error;
  }
}

function extentLines({ parts }: Run, attributes: Attributes): string[] {
  const found = parts.store.extentsOf(attributes, EXTENTS_SHOWN);
  if (found === null) return ['extents     this volcano has no copy'];
  const { extents, more } = found;
  if (extents.length === 0) return ['extents     none'];
  const lines = extents.map(
    ({ offset, length, segment, position }) =>
      `  bytes ${offset} to ${offset + length - 1}: segment ${segment}, position ${position}`,
  );
  return ['extents', ...lines, ...(more ? ['  and more'] : [])];
}
