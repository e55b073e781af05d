import { FlareError } from '../../errors.ts';
import type { EntryState } from '../../record/pack.ts';
import type { Caller, DirectoryEntry, FlareId, Key, Name } from '../../types.ts';
import { need, READ } from '../access.ts';
import type { Core } from '../core.ts';
import { READDIR_MAX } from '../limits.ts';

function shown(name: Name, entry: EntryState): DirectoryEntry {
  const { key, generation } = entry.id;
  return { name, key, generation, fileid: entry.fileid, cookie: entry.cookie };
}

/** Entries behind `cookie` as the index has them, less those that have changed since: at least `limit`, or all. */
function fromIndex(
  core: Core,
  directory: Key,
  cookie: number,
  limit: number,
  changed: ReadonlyMap<Name, unknown> | undefined,
): DirectoryEntry[] {
  const found: DirectoryEntry[] = [];
  for (let after = cookie; found.length < limit; ) {
    const rows = core.state.reader.entriesAfter(directory, after, limit);
    for (const { name, entry } of rows) if (changed?.has(name) !== true) found.push(shown(name, entry));
    if (rows.length < limit) break;
    after = rows.at(-1)!.entry.cookie;
  }
  return found;
}

/** `FlareService.readdir`. */
export function readdir(
  core: Core,
  caller: Caller,
  directory: FlareId,
  cookie: number,
  limit: number,
): { entries: readonly DirectoryEntry[]; end: boolean } {
  if (!Number.isSafeInteger(cookie) || cookie < 0 || !Number.isSafeInteger(limit) || limit < 0)
    throw FlareError.of('INVAL');
  const { attributes } = core.state.directory(directory);
  need(caller, attributes, READ);
  const most = Math.min(limit, READDIR_MAX);
  const changed = core.state.changedEntries(directory.key);
  const found = fromIndex(core, directory.key, cookie, most + 1, changed);
  if (changed !== undefined) {
    for (const [name, { value }] of changed)
      if (value !== null && value.cookie > cookie) found.push(shown(name, value));
    found.sort((one, other) => one.cookie - other.cookie);
  }
  return { entries: found.slice(0, most), end: found.length <= most };
}
