import type { FlushWriter } from '../index/flush.ts';
import type { IndexReader } from '../index/types.ts';
import { sliceOf } from '../keys.ts';
import type { FlareId, Key } from '../types.ts';
import { Unit, type UnitCache } from './units.ts';
import type { Wiping } from './wiping.ts';

/** Further names of a file with several, in one directory. */
export interface ParentCount {
  readonly directory: FlareId;
  readonly count: number;
  readonly segment: number;
}
/** All of them, by the directory's key. */
export type Parents = ReadonlyMap<Key, ParentCount>;

class ParentsUnit extends Unit<Map<Key, ParentCount>> {
  readonly key: string;
  readonly #units: Map<string, ParentsUnit>;

  constructor(units: Map<string, ParentsUnit>, key: string, value: Map<Key, ParentCount>) {
    super(value, 0, true);
    this.#units = units;
    this.key = key;
    units.set(key, this);
  }

  size(): number {
    return 400 + this.value.size * 260;
  }

  unlink(): void {
    this.#units.delete(this.key);
  }
}

/** A change of a parent link that the next flush carries. */
interface ChangedParent {
  readonly id: FlareId;
  readonly directory: FlareId;
  readonly unit: ParentsUnit;
}

function parentsKey({ key, generation }: FlareId): string {
  return `${key}${generation}`;
}

/** In which directories files with several names have further ones: in memory what was asked for or has changed, behind that the index. */
export class ParentTable {
  readonly #reader: IndexReader;
  readonly #cache: UnitCache;
  readonly #wiping: Wiping;
  readonly #units = new Map<string, ParentsUnit>();
  /** What goes with the next flush. */
  #changed: ChangedParent[] = [];

  constructor(reader: IndexReader, cache: UnitCache, wiping: Wiping) {
    this.#reader = reader;
    this.#cache = cache;
    this.#wiping = wiping;
  }

  /** What the next flush is to carry, in units. */
  get changed(): number {
    return this.#changed.length;
  }

  of(id: FlareId): Unit<Map<Key, ParentCount>> {
    return this.#unit(id);
  }

  #unit(id: FlareId): ParentsUnit {
    const key = parentsKey(id);
    let unit = this.#units.get(key);
    if (unit === undefined) {
      const rows = this.#wiping.has(id.key) ? [] : this.#reader.parents(id.key, id.generation);
      unit = new ParentsUnit(this.#units, key, new Map(rows.map((row) => [row.directory.key, row])));
      this.#cache.add(unit);
    }
    unit.used = true;
    return unit;
  }

  set(id: FlareId, directory: FlareId, count: number, lsn: number, segment: number): void {
    const unit = this.#unit(id);
    if (count === 0) unit.value.delete(directory.key);
    else unit.value.set(directory.key, { directory, count, segment });
    unit.lsn = lsn;
    unit.flush = this.#cache.flush;
    this.#changed.push({ id, directory, unit });
    this.#cache.resize(unit);
  }

  /** The flare has ended. */
  end(id: FlareId): void {
    this.#units.get(parentsKey(id))?.value.clear();
  }

  /** Forgets what is held of a slice. */
  wipe(slice: number): void {
    for (const unit of [...this.#units.values()]) if (sliceOf(unit.key as Key) === slice) this.#cache.remove(unit);
    this.#changed = this.#changed.filter(({ unit }) => unit.place >= 0);
  }

  /** Writes what has changed since the last flush. */
  pack(to: FlushWriter): void {
    for (const { id, directory, unit } of this.#changed) {
      const { count = 0, segment = 0 } = unit.value.get(directory.key) ?? {};
      to.parent(id, directory, count, segment);
    }
    this.#changed = [];
  }
}
