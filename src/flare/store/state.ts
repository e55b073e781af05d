import type { Random } from '../../base/random.ts';
import { FlareError } from '../errors.ts';
import type { FlushWriter } from '../index/flush.ts';
import type { IndexHost, IndexReader } from '../index/types.ts';
import { ElsewhereError } from '../joint.ts';
import { keyOf, ROOT_KEY, SALT_BYTES, sliceOf } from '../keys.ts';
import { type EntryState, type Flare, NO_BYTES } from '../record/pack.ts';
import { type Caller, type FlareId, FlareType, type Key, type Name } from '../types.ts';
import type { ChangedNames } from './changed-names.ts';
import { EntryTable } from './entry-table.ts';
import { Files } from './files.ts';
import { Holds } from './holds.ts';
import { KnownKeys } from './known-keys.ts';
import { COOKIE_FIRST, type StoreLimits } from './limits.ts';
import { LockTable } from './locks/lock-table.ts';
import { NoteTable } from './note-table.ts';
import { type Parents, ParentTable } from './parent-table.ts';
import { Replays } from './replays.ts';
import { Slices } from './slices.ts';
import { Unit, UnitCache } from './units.ts';
import { UsageTable } from './usage.ts';
import { Wiping } from './wiping.ts';

const NO_PARENTS: Parents = new Map();

class FlareUnit extends Unit<Flare | null> {
  readonly key: Key;
  readonly #units: Map<Key, FlareUnit>;

  constructor(units: Map<Key, FlareUnit>, key: Key, value: Flare | null, segment: number) {
    super(value, segment, value !== null);
    this.#units = units;
    this.key = key;
    units.set(key, this);
  }

  size(): number {
    return this.value === null ? 260 : 760 + this.value.target.length;
  }

  unlink(): void {
    this.#units.delete(this.key);
  }
}

/** A piece of state as those see it who look at it. */
export type Seen<V> = Pick<Unit<V>, 'value' | 'lsn' | 'segment'>;

/**
 * The state as of the last change, durable or not: units in memory, and behind them the index. Who looks at a unit raises `seen`, which
 * says what has to be durable before an answer leaves. What has changed since the last flush is packed into the next one.
 */
export class State {
  readonly limits: StoreLimits;
  readonly reader: IndexReader;
  readonly files: Files;
  readonly slices: Slices;
  readonly notes: NoteTable;
  readonly locks = new LockTable();
  readonly replays: Replays;
  readonly keys: KnownKeys;
  readonly usage: UsageTable;
  readonly #random: Random;
  readonly #cache: UnitCache;
  readonly #wiping = new Wiping();
  readonly #flares = new Map<Key, FlareUnit>();
  readonly #entries: EntryTable;
  readonly #parents: ParentTable;
  /** What goes with the next flush. */
  #changedFlares: FlareUnit[] = [];
  /** What went with flushes that are not applied yet, oldest first. */
  readonly #underWay: { readonly flush: number; readonly flares: FlareUnit[] }[] = [];
  /** The highest LSN of what was looked at since it was last set to 0. */
  seen = 0;
  /** What operations over several owners hold. */
  readonly holds = new Holds();
  /** Replays for which operations are worked out with others, and the callers that this is done for. */
  readonly underWay = new Map<string, Caller>();
  /** The slices that this volcano serves; null: all. */
  served: ((slice: number) => boolean) | null = null;
  /** Whether the records of two slices go to different mirrors now; null: none do. */
  apart: ((one: number, other: number) => boolean) | null = null;
  /** Living flares. */
  flareCount: number;

  constructor({ reader }: IndexHost, random: Random, limits: StoreLimits) {
    this.limits = limits;
    this.reader = reader;
    this.#random = random;
    this.#cache = new UnitCache(limits.cacheBytes);
    this.files = new Files(reader, this.#cache, this.#wiping);
    this.#entries = new EntryTable(reader, this.#cache, this.#wiping, (key) => this.#flares.get(key)?.value?.entries);
    this.#parents = new ParentTable(reader, this.#cache, this.#wiping);
    this.slices = new Slices(reader.slices());
    this.notes = new NoteTable(reader.notes(), this.locks);
    this.replays = new Replays(reader.replays(), limits.replays, limits.refusals);
    this.keys = new KnownKeys(reader);
    this.flareCount = reader.totals().flares;
    this.usage = new UsageTable(reader.usage());
  }

  /** Bytes of units in memory. */
  get bytes(): number {
    return this.#cache.bytes;
  }

  /** What the next flush is to carry, in units. Rows of usage come on top: each goes with a flare, and they lie close together. */
  get changed(): number {
    return (
      this.#changedFlares.length +
      this.#entries.changed +
      this.#parents.changed +
      this.files.changed +
      this.slices.changed +
      this.notes.changed +
      this.replays.changed +
      this.#wiping.of(this.#cache.flush).length
    );
  }

  /** Writes what has changed since the last flush; returns the number of this one. */
  pack(to: FlushWriter): number {
    const { flush } = this.#cache;
    for (const slice of this.#wiping.of(flush)) to.wipe(slice);
    this.files.pack(to);
    for (const unit of this.#changedFlares) {
      if (unit.value !== null) to.flare(unit.value, unit.segment, unit.stored);
      else if (unit.stored) to.flareGone(unit.key);
      unit.stored = unit.value !== null;
    }
    this.#entries.pack(to, flush);
    this.#parents.pack(to);
    this.slices.pack(to);
    this.notes.pack(to);
    this.replays.pack(to);
    this.usage.pack(to);
    this.#underWay.push({ flush, flares: this.#changedFlares });
    this.#changedFlares = [];
    this.#cache.flush = flush + 1;
    return flush;
  }

  /** That flush, and all before, are applied: what they carried may be evicted. */
  applied(flush: number): void {
    this.#cache.applied = flush;
    while (this.#underWay.length > 0 && this.#underWay[0]!.flush <= flush) this.#underWay.shift();
    this.#entries.applied(flush);
    this.files.settle();
    if (this.#wiping.applied(flush)) this.#countFlares();
  }

  /** A wipe does not know how many flares there were: the index does. */
  #countFlares(): void {
    const since = new Set(this.#changedFlares);
    for (const { flares } of this.#underWay) for (const unit of flares) since.add(unit);
    let count = this.reader.totals().flares;
    for (const { key, value } of since) {
      if (!this.#wiping.has(key) && this.reader.flare(key) !== null) count--;
      if (value !== null) count++;
    }
    this.flareCount = count;
  }

  /** Forgets all that is held of a slice, as if it had never been there. */
  wipe(slice: number, lsn: number): void {
    for (const unit of [...this.#flares.values()]) if (sliceOf(unit.key) === slice) this.#cache.remove(unit);
    this.#entries.wipe(slice);
    this.#parents.wipe(slice);
    this.files.wipe(slice);
    this.#changedFlares = this.#changedFlares.filter(({ place }) => place >= 0);
    this.slices.wipe(slice);
    this.notes.wipe(slice, lsn);
    this.replays.wipe(slice);
    this.usage.wipe(slice);
    this.#wiping.add(slice, this.#cache.flush);
  }

  #flare(key: Key): FlareUnit {
    let unit = this.#flares.get(key);
    if (unit === undefined) {
      const row = this.#wiping.has(key) || !this.keys.mayHold(key) ? null : this.reader.flare(key);
      unit = new FlareUnit(this.#flares, key, row?.flare ?? null, row?.segment ?? 0);
      this.#cache.add(unit);
    }
    unit.used = true;
    return unit;
  }

  /** What is known of a key. */
  flareUnit(key: Key): Seen<Flare | null> {
    const unit = this.#flare(key);
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
    if (this.served !== null && !this.served(sliceOf(key))) throw new ElsewhereError();
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
    const unit = this.#flare(key);
    const before = unit.value;
    if (before === null && flare !== null) this.keys.add(key);
    if (before !== null && before.attributes.generation !== flare?.attributes.generation) this.#end(before, lsn);
    unit.value = flare;
    unit.lsn = lsn;
    unit.segment = segment;
    this.flareCount += (flare === null ? 0 : 1) - (before === null ? 0 : 1);
    this.usage.change(before?.attributes ?? null, flare?.attributes ?? null);
    if (unit.flush !== this.#cache.flush) {
      unit.flush = this.#cache.flush;
      this.#changedFlares.push(unit);
    }
    this.#cache.resize(unit);
  }

  /** A directory's state is not known until it comes anew; its names stay. Of what is no directory nothing is forgotten: what it holds would be taken for nobody's. */
  forgetDirectory(key: Key, lsn: number): void {
    if (this.#flare(key).value?.attributes.type === FlareType.directory) this.setFlare(key, null, lsn, 0);
  }

  /** What a flare held goes with it. */
  #end(flare: Flare, lsn: number): void {
    const { attributes } = flare;
    if (attributes.type === FlareType.directory) return;
    this.#unlock(attributes, lsn);
    this.#parents.end(attributes);
    this.files.end(attributes, attributes.used > 0 || attributes.nlink > 1);
  }

  /** That flare is no more, nor is what it held, whether it was known or not. */
  endFlare({ key, generation }: FlareId, lsn: number): void {
    if (this.#flare(key).value?.attributes.generation === generation) this.setFlare(key, null, lsn, 0);
    this.files.end({ key, generation }, true);
    this.#unlock({ key, generation }, lsn);
  }

  #unlock(id: FlareId, lsn: number): void {
    const gone = { value: null, before: null, lsn, segment: 0 };
    for (const name of this.locks.names(id)) this.notes.set(name, gone);
  }

  entryUnit(directory: Key, name: Name): Seen<EntryState | null> {
    const unit = this.#entries.of(directory, name);
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
    this.#entries.set(directory, name, entry, lsn, segment);
  }

  /** What the index does not know yet of a directory's entries, or knows otherwise; null when it knows all. */
  changedNames(directory: Key): ChangedNames | null {
    return this.#entries.changedNames(directory);
  }

  /** Whether that is not, or not any more, what the index says of a name. */
  isChanged(directory: Key, name: Name): boolean {
    return this.#entries.isChanged(directory, name);
  }

  /** Further names of a flare: none while it has one name. */
  parents(flare: Flare): Parents {
    const { key, generation, nlink, type } = flare.attributes;
    if (nlink <= 1 || type === FlareType.directory) return NO_PARENTS;
    return this.parentsUnit({ key, generation }).value;
  }

  parentsUnit(id: FlareId): Seen<Parents> {
    return this.#parents.of(id);
  }

  setParent(id: FlareId, directory: FlareId, count: number, lsn: number, segment: number): void {
    this.#parents.set(id, directory, count, lsn, segment);
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
    const holds = (unit: FlareUnit): boolean => unit.value?.attributes.fileid === fileid;
    if (this.#changedFlares.some(holds)) return true;
    if (this.#underWay.some(({ flares }) => flares.some(holds))) return true;
    const holder = this.reader.fileidHolder(fileid);
    return holder !== null && holds(this.#flare(holder));
  }

  /** The cookie that the directory's next entry gets, and the directory's counter after it; NOSPC when all are living. */
  freeCookie(directory: Flare): { cookie: number; nextCookie: number; cookiesWrapped: boolean } {
    let { nextCookie: cookie, cookiesWrapped } = directory;
    for (let tries = 0; tries <= this.limits.cookieMax; tries++) {
      const last = cookie >= this.limits.cookieMax;
      const taken = cookiesWrapped && this.#entries.cookieTaken(directory.attributes.key, cookie);
      const nextCookie = last ? COOKIE_FIRST : cookie + 1;
      if (!taken) return { cookie, nextCookie, cookiesWrapped: cookiesWrapped || last };
      cookiesWrapped ||= last;
      cookie = nextCookie;
    }
    throw FlareError.of('NOSPC');
  }
}
