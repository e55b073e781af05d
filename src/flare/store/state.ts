import type { Random } from '../../base/random.ts';
import { FlareError } from '../errors.ts';
import type { IndexHost, IndexReader } from '../index/types.ts';
import { ElsewhereError } from '../joint.ts';
import { keyOf, ROOT_KEY, SALT_BYTES, sliceOf } from '../keys.ts';
import { type EntryState, type Flare, NO_BYTES, unpackEntry, unpackFlare } from '../record/pack.ts';
import { type FlareId, FlareType, type Key, type Name } from '../types.ts';
import { Files } from './files.ts';
import { Holds } from './holds.ts';
import { COOKIE_FIRST, type StoreLimits } from './limits.ts';
import { Slices } from './slices.ts';
import { Unapplied, type Unit, UnitCache } from './units.ts';

/** Further names of a file with several, in one directory. */
export interface ParentCount {
  readonly directory: FlareId;
  readonly count: number;
  readonly segment: number;
}
/** All of them, by the directory's key. */
export type Parents = ReadonlyMap<Key, ParentCount>;

const NO_PARENTS: Parents = new Map();

/**
 * The state as of the last change, durable or not: units in memory, and behind them the index. Who looks at a unit raises `seen`, which
 * says what has to be durable before an answer leaves.
 */
export class State {
  readonly limits: StoreLimits;
  readonly reader: IndexReader;
  readonly files: Files;
  readonly slices: Slices;
  readonly #random: Random;
  readonly #flares: UnitCache<Flare | null>;
  readonly #entries: UnitCache<EntryState | null>;
  readonly #parents: UnitCache<Parents>;
  readonly #changedEntries: Unapplied<Name, EntryState | null>;
  readonly #changedFileids: Unapplied<number, Key | null>;
  /** The highest LSN of what was looked at since it was last set to 0. */
  seen = 0;
  /** What operations over several owners hold. */
  readonly holds = new Holds();
  /** The slices that this volcano serves; null: all. */
  served: ((slice: number) => boolean) | null = null;
  /** Living flares. */
  flareCount: number;

  constructor(host: IndexHost, random: Random, limits: StoreLimits) {
    const applied = (): number => host.applied.lsn;
    this.limits = limits;
    this.reader = host.reader;
    this.#random = random;
    this.files = new Files(host.reader, limits.cacheBytes, applied);
    this.slices = new Slices(host.reader.slices());
    this.#flares = new UnitCache<Flare | null>(limits.cacheBytes, applied, (flare) =>
      flare === null ? 160 : 900 + flare.target.length,
    );
    this.#entries = new UnitCache<EntryState | null>(limits.cacheBytes, applied, (entry) =>
      entry === null ? 200 : 360,
    );
    this.#parents = new UnitCache<Parents>(limits.cacheBytes, applied, (parents) => 160 + parents.size * 240);
    this.#changedEntries = new Unapplied(applied);
    this.#changedFileids = new Unapplied(applied);
    this.flareCount = host.reader.totals().flares;
  }

  /** Bytes of units in memory. */
  get bytes(): number {
    return this.#flares.bytes + this.#entries.bytes + this.#parents.bytes + this.files.bytes;
  }

  /** What is known of a key. */
  flareUnit(key: Key): Unit<Flare | null> {
    let unit = this.#flares.get(key);
    if (unit === undefined) {
      const row = this.reader.flare(key);
      unit = this.#flares.put(key, row === null ? null : unpackFlare(row.state), 0, row?.segment ?? 0);
    }
    if (unit.lsn > this.seen) this.seen = unit.lsn;
    return unit;
  }

  /** True when nothing keeps a caller from any unit: all slices are served here, and nothing is held. */
  get free(): boolean {
    return this.served === null && !this.holds.any;
  }

  /** Refuses what operations may not look at now: `ElsewhereError`, `HeldError`. */
  #meet(key: Key): void {
    this.#checkServed(key);
    if (this.holds.any) this.holds.meetFlare(key);
  }

  #checkServed(key: Key): void {
    if (this.served !== null && !this.served(sliceOf(key))) throw new ElsewhereError(key);
  }

  /** The flare; STALE when it does not live. As all that operations look with: `ElsewhereError`, `HeldError`. */
  flare(id: FlareId): Flare {
    const flare = this.holder(id.key);
    if (flare === null || flare.attributes.generation !== id.generation) throw FlareError.of('STALE');
    return flare;
  }

  /** The directory; STALE, NOTDIR. */
  directory(id: FlareId): Flare {
    const flare = this.flare(id);
    if (flare.attributes.type !== FlareType.directory) throw FlareError.of('NOTDIR');
    return flare;
  }

  setFlare(key: Key, flare: Flare | null, lsn: number, segment: number): void {
    const before = this.flareUnit(key).value;
    this.#flares.put(key, flare, lsn, segment);
    this.flareCount += (flare === null ? 0 : 1) - (before === null ? 0 : 1);
    if (before === null && flare !== null) this.#changedFileids.set('', flare.attributes.fileid, lsn, key);
    if (before !== null && flare === null) this.#changedFileids.set('', before.attributes.fileid, lsn, null);
  }

  entryUnit(directory: Key, name: Name): Unit<EntryState | null> {
    const key = directory + name;
    let unit = this.#entries.get(key);
    if (unit === undefined) {
      const row = this.reader.entry(directory, name);
      unit = this.#entries.put(key, row === null ? null : unpackEntry(row.entry), 0, row?.segment ?? 0);
    }
    if (unit.lsn > this.seen) this.seen = unit.lsn;
    return unit;
  }

  /** What a name means there; null: nothing. */
  entry(directory: Key, name: Name): EntryState | null {
    this.#checkServed(directory);
    if (this.holds.any) this.holds.meetEntry(directory, name);
    return this.entryUnit(directory, name).value;
  }

  setEntry(directory: Key, name: Name, entry: EntryState | null, lsn: number, segment: number): void {
    this.#entries.put(directory + name, entry, lsn, segment);
    this.#changedEntries.set(directory, name, lsn, entry);
  }

  /** Names of a directory that the index does not know of yet, or knows otherwise. */
  changedEntries(
    directory: Key,
  ): ReadonlyMap<Name, { readonly value: EntryState | null; readonly lsn: number }> | undefined {
    return this.#changedEntries.of(directory);
  }

  /** Further names of a flare: none while it has one name. */
  parents(flare: Flare): Parents {
    const { key, generation, nlink, type } = flare.attributes;
    if (nlink <= 1 || type === FlareType.directory) return NO_PARENTS;
    return this.parentsUnit({ key, generation }).value;
  }

  parentsUnit(id: FlareId): Unit<Parents> {
    const unitKey = `${id.key}${id.generation}`;
    const unit = this.#parents.get(unitKey);
    if (unit !== undefined) return unit;
    const rows = this.reader.parents(id.key, id.generation);
    return this.#parents.put(unitKey, new Map(rows.map((row) => [row.directory.key, row])), 0, 0);
  }

  setParent(id: FlareId, directory: FlareId, count: number, lsn: number, segment: number): void {
    const parents = new Map(this.parentsUnit(id).value);
    if (count === 0) parents.delete(directory.key);
    else parents.set(directory.key, { directory, count, segment });
    this.#parents.put(`${id.key}${id.generation}`, parents, lsn, segment);
  }

  /** The living flare that has that key. */
  holder(key: Key): Flare | null {
    this.#meet(key);
    return this.flareUnit(key).value;
  }

  /** A key that no living flare has, of the path, and of chance too when that is taken (the salt then is not empty). */
  freeKey(parent: Key, name: Name): { key: Key; salt: Buffer } {
    const key = keyOf(parent, name);
    if (key !== ROOT_KEY && this.holder(key) === null) return { key, salt: NO_BYTES };
    for (;;) {
      const salt = this.#random.bytes(SALT_BYTES);
      const salted = keyOf(parent, name, salt.toString('latin1'));
      if (this.holder(salted) === null) return { key: salted, salt };
    }
  }

  /** Whether a living flare has this number. */
  fileidTaken(fileid: number): boolean {
    const changed = this.#changedFileids.of('')?.get(fileid);
    return changed === undefined ? this.reader.fileidHolder(fileid) !== null : changed.value !== null;
  }

  /** The cookie that the directory's next entry gets, and the directory's counter after it; NOSPC when all are living. */
  freeCookie(directory: Flare): { cookie: number; nextCookie: number; cookiesWrapped: boolean } {
    let { nextCookie: cookie, cookiesWrapped } = directory;
    for (let tries = 0; tries <= this.limits.cookieMax; tries++) {
      const last = cookie >= this.limits.cookieMax;
      const taken = cookiesWrapped && this.#cookieTaken(directory.attributes.key, cookie);
      const nextCookie = last ? COOKIE_FIRST : cookie + 1;
      if (!taken) return { cookie, nextCookie, cookiesWrapped: cookiesWrapped || last };
      cookiesWrapped ||= last;
      cookie = nextCookie;
    }
    throw FlareError.of('NOSPC');
  }

  #cookieTaken(directory: Key, cookie: number): boolean {
    const changed = this.changedEntries(directory);
    if (changed === undefined) return this.reader.cookieTaken(directory, cookie);
    for (const { value } of changed.values()) if (value?.cookie === cookie) return true;
    const [row] = this.reader.entriesAfter(directory, cookie - 1, 1);
    return row !== undefined && row.entry.cookie === cookie && !changed.has(row.name);
  }
}
