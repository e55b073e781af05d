import type { EntryState, Flare } from '../record/pack.ts';
import { type Attributes, type FlareId, FlareType, type Key, type Name } from '../types.ts';
import type { Core } from './core.ts';
import { directorySize } from './figures.ts';
import type { Transaction } from './transaction.ts';

function idOf({ key, generation }: FlareId): FlareId {
  return { key, generation };
}

/** A directory after entries came or went: its counts, its size, and its times. */
export function touchDirectory(
  transaction: Transaction,
  directory: FlareId,
  change: { readonly entries: number; readonly directories: number },
  counters?: { readonly nextCookie: number; readonly cookiesWrapped: boolean },
): Flare {
  const before = transaction.flare(directory);
  const entries = before.entries + change.entries;
  const size = directorySize(entries);
  const mtime = transaction.moment(before);
  const nlink = before.attributes.nlink + change.directories;
  return transaction.change(before, { nlink, size, used: size, mtime }, { entries, ...counters });
}

/** Gives a name to a flare; returns the directory's counters after it. `replaced` is what the name meant: its cookie is kept. */
export function nameIt(
  core: Core,
  transaction: Transaction,
  directory: FlareId,
  name: Name,
  named: FlareId & Pick<Attributes, 'fileid'>,
  replaced: EntryState | null,
): { nextCookie: number; cookiesWrapped: boolean } {
  const before = transaction.flare(directory);
  const { nextCookie, cookiesWrapped } = before;
  const next =
    replaced === null ? core.state.freeCookie(before) : { cookie: replaced.cookie, nextCookie, cookiesWrapped };
  transaction.entry(idOf(directory), name, { id: idOf(named), fileid: named.fileid, cookie: next.cookie });
  return { nextCookie: next.nextCookie, cookiesWrapped: next.cookiesWrapped };
}

/**
 * Moves one of a flare's names out of a directory, into one, or both: works out its `parent` and further parents. The flare keeps at
 * least one name. Returns the attributes that change.
 */
export function moveName(
  core: Core,
  transaction: Transaction,
  flare: Flare,
  from: FlareId | null,
  to: FlareId | null,
): { parent: FlareId; nlink: number } {
  const { parent, nlink, type } = flare.attributes;
  const names = nlink + (to === null ? 0 : 1) - (from === null ? 0 : 1);
  if (type === FlareType.directory) return { parent: idOf(to ?? parent), nlink };
  if (nlink === 1 && from !== null && to !== null) return { parent: idOf(to), nlink };
  const further = core.state.parents(flare);
  const counts = new Map<Key, { readonly directory: FlareId; count: number }>();
  for (const [key, { directory, count }] of further) counts.set(key, { directory, count });
  const add = (directory: FlareId, by: number): void => {
    const there = counts.get(directory.key);
    if (there === undefined) counts.set(directory.key, { directory: idOf(directory), count: by });
    else there.count += by;
  };
  add(parent, 1);
  if (to !== null) add(to, 1);
  if (from !== null) add(from, -1);
  const stays = counts.get(parent.key)!.count > 0;
  const next = stays ? parent : [...counts.values()].find(({ count }) => count > 0)!.directory;
  add(next, -1);
  for (const [key, { directory, count }] of counts) {
    if (count !== (further.get(key)?.count ?? 0)) transaction.parent(idOf(flare.attributes), directory, count);
  }
  return { parent: idOf(next), nlink: names };
}

/** Takes one name off a flare that is no directory; the last one ends it. */
export function unname(core: Core, transaction: Transaction, flare: Flare, directory: FlareId): void {
  if (flare.attributes.nlink <= 1) transaction.end(flare);
  else transaction.change(flare, moveName(core, transaction, flare, directory, null));
}
