import type { Caller, DirectoryEntry, FlareId } from '../../flare/types.ts';
import { CONF_NAME } from '../crypto/conf.ts';
import type { Parts } from './parts.ts';
import { temporary } from './temporary.ts';

/** Long names that are read at once. */
const READS_MAX = 64;

/** What a page of a directory is. */
export interface Page {
  readonly entries: readonly DirectoryEntry[];
  readonly end: boolean;
}

/**
 * `FlareService.readdir` with plain names and the cookies of the ciphertext: without what belongs to the format, and without what cannot be decrypted, which is logged. A page may have fewer
 * entries than there were asked for; one without entries is the end, or none were asked for.
 */
export async function list(
  parts: Parts,
  caller: Caller,
  directory: FlareId,
  cookie: number,
  limit: number,
): Promise<Page> {
  for (let after = cookie; ; ) {
    const page = await parts.service.readdir(caller, directory, after, limit);
    const last = page.entries.at(-1);
    if (last === undefined) return { entries: [], end: page.end };
    const iv = await parts.ivs.of(caller, directory);
    const entries = await plainEntries(parts, caller, directory, iv, page.entries);
    if (entries.length > 0 || page.end) return { entries, end: page.end };
    after = last.cookie;
  }
}

async function plainEntries(
  parts: Parts,
  caller: Caller,
  directory: FlareId,
  iv: Buffer,
  entries: readonly DirectoryEntry[],
): Promise<DirectoryEntry[]> {
  const plain: (DirectoryEntry | null)[] = [];
  for (let at = 0; at < entries.length; at += READS_MAX) {
    const some = entries.slice(at, at + READS_MAX);
    plain.push(...(await Promise.all(some.map((entry) => plainEntry(parts, caller, directory, iv, entry)))));
  }
  return plain.filter((entry) => entry !== null);
}

async function plainEntry(
  { tree, root, ignored, longNames, complaints }: Parts,
  caller: Caller,
  directory: FlareId,
  iv: Buffer,
  entry: DirectoryEntry,
): Promise<DirectoryEntry | null> {
  const inRoot = directory.key === root.key;
  // Copies of the configuration, and what it is before it has its name, are no names either.
  const silent = inRoot && (entry.name.startsWith(`${CONF_NAME}.`) || ignored.includes(entry.name));
  if (silent || temporary(entry.name) !== null) return null;
  const kind = tree.names.entry(Buffer.from(entry.name, 'latin1'), iv, inRoot);
  if (kind.kind === 'hidden') return null;
  const found = kind.kind === 'long' ? await longNames.plain(caller, directory, iv, entry.name) : kind;
  if (found === null) return null;
  if ('name' in found) return { ...entry, name: found.name.toString('latin1') };
  complaints.make(directory, entry.name, found.fault);
  return null;
}
