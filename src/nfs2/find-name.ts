import type { RuleOptions } from '../acl/options.ts';
import { andThen, type Eventually } from '../base/eventually.ts';
import { takeOldest } from '../base/oldest.ts';
import { FlareError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import type { Attributes, Caller, DirectoryEntry, FlareId, Name } from '../flare/types.ts';
import { cookieOfDosName, dosName, foldedName } from './dos-names.ts';

/** Larger directories are not looked through for a name in another case, in entries. */
export const FOLD_ENTRIES_MAX = 16_384;
/** The most directories whose names are remembered without their case, and the most names of them together. */
export const FOLDED_MAX = 256;
export const FOLDED_NAMES_MAX = 65_536;
const PAGE = 512;

/** Where a name is looked for, and for whom. */
export interface Place {
  readonly handle: FlareId;
  readonly attributes: Attributes;
  readonly caller: Caller;
  readonly options: Pick<RuleOptions, 'foldCase' | 'dosNames'>;
}

interface Folded {
  readonly version: number;
  /** The names by their folded ones: the first in a listing, when several are the same. */
  readonly names: ReadonlyMap<Name, Name>;
}

/** Finds the names that clients mean who cannot say them: in another case, and as DOS is shown them. */
export class NameFinder {
  readonly #service: Pick<FlareService, 'lookup' | 'readdir'>;
  readonly #folded = new Map<string, Folded>();
  #names = 0;

  constructor(service: Pick<FlareService, 'lookup' | 'readdir'>) {
    this.#service = service;
  }

  /** The name of the entry that is meant; the name itself when there is none, or the rule knows nothing of such names. */
  find(place: Place, name: Name): Eventually<Name> {
    const { foldCase, dosNames } = place.options;
    if (!foldCase && !dosNames) return name;
    return this.#findOther(place, name);
  }

  async #findOther(place: Place, name: Name): Promise<Name> {
    const { handle, caller, options } = place;
    try {
      if (await this.#isThere(place, name)) return name;
      const cookie = options.dosNames ? cookieOfDosName(name) : null;
      if (cookie !== null) {
        const { entries } = await this.#service.readdir(caller, handle, cookie - 1, 1);
        const [entry] = entries;
        if (entry?.cookie === cookie && isSame(dosName(entry, options.foldCase), name, options.foldCase))
          return entry.name;
      }
      return options.foldCase ? ((await this.#foldedNames(place))?.get(foldedName(name)) ?? name) : name;
    } catch (error) {
      // What is wrong with the directory, or with the name, is for the call itself to find out.
      if (error instanceof FlareError) return name;
      throw error;
    }
  }

  async #isThere({ caller, handle }: Place, name: Name): Promise<boolean> {
    try {
      await this.#service.lookup(caller, handle, name);
      return true;
    } catch (error) {
      if (error instanceof FlareError && error.status === 'NOENT') return false;
      throw error;
    }
  }

  /** Null for a directory that is too large. What is remembered is of the version that the directory had when it was listed, or of an older one. */
  async #foldedNames({ handle, attributes, caller }: Place): Promise<ReadonlyMap<Name, Name> | null> {
    const { version } = attributes;
    const key = `${handle.key}${handle.generation}/${caller.uid}/${caller.gid}/${caller.gids}`;
    const known = this.#folded.get(key);
    if (known?.version === version) return known.names;
    const names = new Map<Name, Name>();
    for (let cookie = 0, count = 0; ; ) {
      const { entries, end } = await this.#service.readdir(caller, handle, cookie, PAGE);
      for (const { name } of entries) {
        const folded = foldedName(name);
        if (!names.has(folded)) names.set(folded, name);
      }
      count += entries.length;
      if (count > FOLD_ENTRIES_MAX) return null;
      if (end || entries.length === 0) break;
      cookie = entries.at(-1)!.cookie;
    }
    this.#keep(key, { version, names });
    return names;
  }

  #keep(key: string, folded: Folded): void {
    this.#names += folded.names.size - (this.#folded.get(key)?.names.size ?? 0);
    this.#folded.delete(key);
    this.#folded.set(key, folded);
    while (this.#folded.size > FOLDED_MAX || (this.#names > FOLDED_NAMES_MAX && this.#folded.size > 1)) {
      const [, oldest] = takeOldest(this.#folded)!;
      this.#names -= oldest.names.size;
    }
  }

  /** How much is remembered, for tests of the bounds. */
  get remembered(): { readonly directories: number; readonly names: number } {
    return { directories: this.#folded.size, names: this.#names };
  }
}

function isSame(one: Name, other: Name, folded: boolean): boolean {
  return folded ? foldedName(one) === foldedName(other) : one === other;
}

/** Entries as the rule has them shown. */
export function shownEntries(
  entries: readonly DirectoryEntry[],
  { dosNames, foldCase }: Place['options'],
): readonly DirectoryEntry[] {
  if (!dosNames) return entries;
  return entries.map((entry) => ({ ...entry, name: dosName(entry, foldCase) }));
}

/** `then` with the name that is meant, at once when that is the name itself. */
export function withName<T>(
  finder: NameFinder,
  place: Place,
  name: Name,
  then: (found: Name) => Eventually<T>,
): Eventually<T> {
  return andThen(finder.find(place, name), then);
}
