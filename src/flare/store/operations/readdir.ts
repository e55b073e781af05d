import { FlareError } from '../../errors.ts';
import type { Caller, DirectoryEntry, FlareId, Key } from '../../types.ts';
import { need, READ } from '../access.ts';
import type { Core } from '../core.ts';
import { READDIR_MAX } from '../limits.ts';

/** How many rows the index is asked for at least when what it gave has changed since: they may all have. */
const ROWS_LEAST = 64;

/** Entries behind `cookie` as the index has them, less those that have changed since: `limit`, or all, and maybe some more. */
function fromIndex({ state }: Core, directory: Key, cookie: number, limit: number, changed: boolean): DirectoryEntry[] {
  if (!changed) return state.reader.entriesAfter(directory, cookie, limit);
  const found: DirectoryEntry[] = [];
  for (let after = cookie; found.length < limit; ) {
    const asked = Math.max(limit - found.length, ROWS_LEAST);
    const rows = state.reader.entriesAfter(directory, after, asked);
    for (const row of rows) if (!state.isChanged(directory, row.name)) found.push(row);
    if (rows.length < asked) break;
    after = rows.at(-1)!.cookie;
  }
  return found;
}

/** Entries behind `cookie`, at least `limit` or all. */
function entriesAfter(core: Core, directory: Key, cookie: number, limit: number): DirectoryEntry[] {
  const changed = core.state.changedNames(directory);
  const indexed = fromIndex(core, directory, cookie, limit, changed !== null);
  const last = indexed.length < limit ? undefined : indexed.at(-1)!.cookie;
  const others = changed?.after(cookie, limit, last) ?? [];
  if (others.length === 0) return indexed;
  return [...indexed, ...others].sort((one, other) => one.cookie - other.cookie);
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
  const found = entriesAfter(core, directory.key, cookie, most + 1);
  return { entries: found.slice(0, most), end: found.length <= most };
}
