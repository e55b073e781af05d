import type { FlushWriter } from '../index/flush.ts';
import type { IndexReader } from '../index/types.ts';
import { sliceOf } from '../keys.ts';
import type { EntryState } from '../record/pack.ts';
import type { Key, Name } from '../types.ts';
import { ChangedNames } from './changed-names.ts';
import { Unit, type UnitCache } from './units.ts';
import type { Wiping } from './wiping.ts';

/** The names of a directory that are in memory. */
class Names {
  readonly directory: Key;
  readonly units = new Map<Name, EntryUnit>();
  readonly changed: ChangedNames;
  /** How many of them mean something. */
  living = 0;
  /** The last flush that a change of one goes with. */
  flush = 0;

  constructor(directory: Key, cache: UnitCache) {
    this.directory = directory;
    this.changed = new ChangedNames(cache);
  }
}

class EntryUnit extends Unit<EntryState | null> {
  readonly names: Names;
  readonly name: Name;
  readonly #directories: Map<Key, Names>;

  constructor(directories: Map<Key, Names>, names: Names, name: Name, value: EntryState | null, segment: number) {
    super(value, segment, value !== null);
    this.#directories = directories;
    this.names = names;
    this.name = name;
    names.units.set(name, this);
    if (value !== null) names.living++;
  }

  size(): number {
    return (this.value === null ? 230 : 390) + this.name.length;
  }

  unlink(): void {
    const { names } = this;
    names.units.delete(this.name);
    if (this.value !== null) names.living--;
    if (names.units.size === 0) this.#directories.delete(names.directory);
  }
}

/** What names mean: in memory what was asked for or has changed, behind that the index. */
export class EntryTable {
  readonly #reader: IndexReader;
  readonly #cache: UnitCache;
  readonly #wiping: Wiping;
  /** How many entries a directory has, as far as that is in memory. */
  readonly #entries: (directory: Key) => number | undefined;
  readonly #names = new Map<Key, Names>();
  /** What goes with the next flush. */
  #changed: EntryUnit[] = [];
  /** What went with flushes that are not applied yet, oldest first. */
  readonly #underWay: { readonly flush: number; readonly entries: EntryUnit[] }[] = [];

  constructor(reader: IndexReader, cache: UnitCache, wiping: Wiping, entries: (directory: Key) => number | undefined) {
    this.#reader = reader;
    this.#cache = cache;
    this.#wiping = wiping;
    this.#entries = entries;
  }

  /** What the next flush is to carry, in units. */
  get changed(): number {
    return this.#changed.length;
  }

  of(directory: Key, name: Name): Unit<EntryState | null> {
    // When all entries of a directory are in memory, a name that is not among them is none: the index need not be asked.
    return this.#unit(directory, name, true);
  }

  #unit(directory: Key, name: Name, mayBeKnown: boolean): EntryUnit {
    let names = this.#names.get(directory);
    let unit = names?.units.get(name);
    if (unit === undefined) {
      const known = mayBeKnown && this.#entries(directory) === (names?.living ?? 0);
      const row = known || this.#wiping.has(directory) ? null : this.#reader.entry(directory, name);
      if (names === undefined) {
        names = new Names(directory, this.#cache);
        this.#names.set(directory, names);
      }
      unit = new EntryUnit(this.#names, names, name, row?.entry ?? null, row?.segment ?? 0);
      this.#cache.add(unit);
    }
    unit.used = true;
    return unit;
  }

  set(directory: Key, name: Name, entry: EntryState | null, lsn: number, segment: number): void {
    // The directory's count may have changed already: it does not say what is in memory.
    const unit = this.#unit(directory, name, false);
    const { names } = unit;
    names.living += (entry === null ? 0 : 1) - (unit.value === null ? 0 : 1);
    names.flush = this.#cache.flush;
    names.changed.change(unit, entry?.cookie ?? null);
    unit.value = entry;
    unit.lsn = lsn;
    unit.segment = segment;
    if (unit.flush !== this.#cache.flush) {
      unit.flush = this.#cache.flush;
      this.#changed.push(unit);
    }
    this.#cache.resize(unit);
  }

  /** What the index does not know yet of a directory's entries, or knows otherwise; null when it knows all. */
  changedNames(directory: Key): ChangedNames | null {
    const names = this.#names.get(directory);
    return names === undefined || names.flush <= this.#cache.applied ? null : names.changed;
  }

  /** Whether that is not, or not any more, what the index says of a name. */
  isChanged(directory: Key, name: Name): boolean {
    const unit = this.#names.get(directory)?.units.get(name);
    return unit !== undefined && unit.flush > this.#cache.applied;
  }

  /** Whether a living entry of the directory has that cookie. */
  cookieTaken(directory: Key, cookie: number): boolean {
    if (this.changedNames(directory)?.taken(cookie)) return true;
    const [row] = this.#reader.entriesAfter(directory, cookie - 1, 1);
    return row?.cookie === cookie && !this.isChanged(directory, row.name);
  }

  /** Forgets what is held of a slice. */
  wipe(slice: number): void {
    for (const { directory, units } of [...this.#names.values()]) {
      if (sliceOf(directory) === slice) for (const unit of [...units.values()]) this.#cache.remove(unit);
    }
    this.#changed = this.#changed.filter(({ place }) => place >= 0);
  }

  /** Writes what has changed since the last flush, which is that one. */
  pack(to: FlushWriter, flush: number): void {
    for (const unit of this.#changed) {
      const { directory } = unit.names;
      if (unit.value !== null) to.entry(directory, unit.name, unit.value, unit.segment, unit.stored);
      else if (unit.stored) to.entryGone(directory, unit.name);
      unit.stored = unit.value !== null;
    }
    this.#underWay.push({ flush, entries: this.#changed });
    this.#changed = [];
  }

  /** That flush, and all before, are applied. */
  applied(flush: number): void {
    while (this.#underWay.length > 0 && this.#underWay[0]!.flush <= flush) {
      for (const { names } of this.#underWay.shift()!.entries) names.changed.settle();
    }
  }
}
