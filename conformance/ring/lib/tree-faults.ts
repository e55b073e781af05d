import { keyText, ROOT_KEY, sliceOf } from '../../../src/flare/keys.ts';
import type { Flare } from '../../../src/flare/record/pack.ts';
import { FlareType, type Key } from '../../../src/flare/types.ts';
import { flareText, type LogImage } from './log-image.ts';

interface Seen {
  readonly flare: Flare;
  /** Names that mean it, by the directory's key. */
  readonly names: Map<Key, number>;
  readonly links: ReadonlyMap<Key, number>;
  entries: number;
  directories: number;
}

/** What cannot be in the tree that these logs hold together, each of its own slices; all volcanos must be quiet. */
export function treeFaults(images: readonly LogImage[], ownerOf: (slice: number) => number): string[] {
  const faults: string[] = [];
  const all = new Map<Key, Seen>();
  for (const [at, image] of images.entries()) {
    for (const [key, flare] of image.flares) {
      if (ownerOf(sliceOf(key)) !== at) {
        // Every store begins with a root of its own; one is served.
        if (key !== ROOT_KEY) faults.push(`volcano ${at} has ${keyText(key)}, which is not its own`);
        continue;
      }
      const links = image.parents.get(flareText(flare.attributes)) ?? new Map<Key, number>();
      all.set(key, { flare, names: new Map(), links, entries: 0, directories: 0 });
    }
    for (const name of image.notes.keys()) {
      if (name.startsWith('joint/')) faults.push(`volcano ${at} still has the note ${name}`);
    }
  }
  for (const [at, image] of images.entries()) {
    const cookies = new Set<string>();
    for (const { directory, name, entry } of image.entries.values()) {
      if (ownerOf(sliceOf(directory.key)) !== at) continue;
      const where = `${flareText(directory)} ${JSON.stringify(name)}`;
      const holder = all.get(directory.key);
      if (holder === undefined || holder.flare.attributes.generation !== directory.generation) {
        faults.push(`an entry of a directory that is not: ${where}`);
        continue;
      }
      const cookie = `${directory.key}${entry.cookie}`;
      if (cookies.has(cookie)) faults.push(`a cookie that another entry has: ${where}`);
      cookies.add(cookie);
      holder.entries++;
      const named = all.get(entry.id.key);
      if (named === undefined || named.flare.attributes.generation !== entry.id.generation) {
        faults.push(`an entry of a flare that is not: ${where}`);
        continue;
      }
      if (named.flare.attributes.fileid !== entry.fileid) faults.push(`an entry with another fileid: ${where}`);
      if (named.flare.attributes.type === FlareType.directory) holder.directories++;
      named.names.set(directory.key, (named.names.get(directory.key) ?? 0) + 1);
    }
  }
  const fileids = new Set<number>();
  for (const [key, seen] of all) {
    const { fileid } = seen.flare.attributes;
    if (fileids.has(fileid)) faults.push(`fileid ${fileid} twice: ${keyText(key)}`);
    fileids.add(fileid);
    for (const what of faultsOf(seen, all)) faults.push(`${what}: ${flareText(seen.flare.attributes)}`);
  }
  for (const key of loops(all)) faults.push(`a directory in a loop: ${keyText(key)}`);
  return faults;
}

function* faultsOf(
  { flare, names, links, entries, directories }: Seen,
  all: ReadonlyMap<Key, Seen>,
): Generator<string> {
  const { key, type, nlink, parent, fileid } = flare.attributes;
  let count = 0;
  for (const there of names.values()) count += there;
  const isRoot = key === ROOT_KEY;
  if (fileid % 256 !== sliceOf(key)) yield 'a fileid of another slice than the key';
  if (count === 0 && !isRoot) yield 'a flare that no name means';
  const holder = all.get(parent.key)?.flare.attributes;
  if (holder?.generation !== parent.generation) yield 'a parent that is not there';
  else if (!isRoot && !names.has(parent.key)) yield 'a parent that holds no name of it';
  if (type === FlareType.directory) {
    if (count > 1) yield `a directory that ${count} names mean`;
    if (flare.entries !== entries) yield `a directory of ${entries} entries that says ${flare.entries}`;
    if (nlink !== directories + 2) yield `nlink ${nlink} of a directory that holds ${directories}`;
    return;
  }
  if (nlink !== count) yield `nlink ${nlink} of a flare that ${count} names mean`;
  for (const directory of new Set([...names.keys(), ...links.keys()])) {
    const further = (names.get(directory) ?? 0) - (directory === parent.key ? 1 : 0);
    if ((links.get(directory) ?? 0) !== further) yield 'parent links that are not those of its names';
  }
}

/** Directories from which the root is not reached. */
function* loops(all: ReadonlyMap<Key, Seen>): Generator<Key> {
  const good = new Set<Key>([ROOT_KEY]);
  for (const [start, { flare }] of all) {
    if (flare.attributes.type !== FlareType.directory) continue;
    const path = new Set<Key>();
    let at: Key = start;
    while (!good.has(at) && !path.has(at)) {
      path.add(at);
      at = all.get(at)?.flare.attributes.parent.key ?? at;
    }
    if (!good.has(at)) yield start;
    else for (const key of path) good.add(key);
  }
}
