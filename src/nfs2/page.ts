import { andThen, type Eventually } from '../base/eventually.ts';
import type { DirectoryEntry, Name } from '../flare/types.ts';

/** Words around the list: status, the end of the list, eof. */
const REPLY_BYTES = 12;
/** An entry without its name: present, fileid, length, cookie. */
const ENTRY_BYTES = 16;
/** The shortest name with its padding, and one as most are. */
const NAME_BYTES_LEAST = 4;
const NAME_BYTES_USUAL = 12;

/** Entries of a listing; `end` when there are no more behind them. */
export interface Page {
  readonly entries: readonly DirectoryEntry[];
  readonly end: boolean;
}

function entryBytes(name: Name): number {
  return ENTRY_BYTES + ((name.length + 3) & ~3);
}

/**
 * As many entries as `count` bytes of a READDIR's result have room for, one at least: `first`, and then those behind `cookie`. `ask` is asked for as
 * many as there is room for if their names are of the usual length, and for more only if they are shorter.
 */
export function pageOf(
  count: number,
  cookie: number,
  first: readonly DirectoryEntry[],
  ask: (cookie: number, limit: number) => Eventually<Page>,
): Eventually<Page> {
  const found: DirectoryEntry[] = [];
  let room = count - REPLY_BYTES;
  /** False when there is no room for all. */
  const take = (entries: readonly DirectoryEntry[]): boolean => {
    for (const entry of entries) {
      const bytes = entryBytes(entry.name);
      if (bytes > room && found.length > 0) return false;
      room -= bytes;
      found.push(entry);
    }
    return true;
  };
  const more = (after: number, nameBytes: number): Eventually<Page> => {
    const limit = Math.max(1, Math.floor(room / (ENTRY_BYTES + nameBytes)));
    return andThen(ask(after, limit), ({ entries, end }) => {
      if (!fits || !take(entries)) return { entries: found, end: false };
      const last = entries.at(-1);
      const full = room < ENTRY_BYTES + NAME_BYTES_LEAST;
      return end || full || last === undefined ? { entries: found, end } : more(last.cookie, NAME_BYTES_LEAST);
    });
  };
  const fits = take(first);
  // Asked in any case: whether the caller may list is for the store to say.
  return more(cookie, NAME_BYTES_USUAL);
}
