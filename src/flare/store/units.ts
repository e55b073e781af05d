import { takeOldest } from '../../base/oldest.ts';
/** One piece of state in memory: loaded from the index, or changed since. */
export interface Unit<V> {
  readonly value: V;
  /** The LSN of its last change; 0 when it is as the index has it. */
  readonly lsn: number;
  /** The segment that last defined it; 0 when it does not exist. */
  readonly segment: number;
  readonly bytes: number;
  /** It was asked for since eviction last came by. */
  used: boolean;
}

/** How many units eviction looks at for each one that comes in, so that no call pays for many. */
const EVICTION_STEPS = 4;

/**
 * Units by key, within a bound of bytes: those that were not asked for of late go first. What the index does not know yet never goes,
 * bound or not.
 */
export class UnitCache<V> {
  readonly #units = new Map<string, Unit<V>>();
  readonly #maxBytes: number;
  readonly #applied: () => number;
  readonly #sizeOf: (value: V) => number;
  #bytes = 0;

  /** `applied` is the index's watermark; `sizeOf` about what a value takes, in bytes. */
  constructor(maxBytes: number, applied: () => number, sizeOf: (value: V) => number) {
    this.#maxBytes = maxBytes;
    this.#applied = applied;
    this.#sizeOf = sizeOf;
  }

  /** What all units take, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#units.size;
  }

  get(key: string): Unit<V> | undefined {
    const unit = this.#units.get(key);
    if (unit !== undefined) unit.used = true;
    return unit;
  }

  /** All that is there. */
  entries(): IterableIterator<[string, Unit<V>]> {
    return this.#units.entries();
  }

  /** Sets a unit: as loaded (`lsn` 0), or as changed. */
  put(key: string, value: V, lsn: number, segment: number): Unit<V> {
    const before = this.#units.get(key);
    if (before !== undefined) this.#bytes -= before.bytes;
    const unit: Unit<V> = { value, lsn, segment, bytes: this.#sizeOf(value), used: true };
    this.#bytes += unit.bytes;
    this.#units.set(key, unit);
    if (this.#bytes > this.#maxBytes) this.#evict(key);
    return unit;
  }

  #evict(spared: string): void {
    const applied = this.#applied();
    let steps = EVICTION_STEPS;
    while (steps-- > 0 && this.#bytes > this.#maxBytes) {
      const [key, unit] = takeOldest(this.#units)!;
      if (unit.used || unit.lsn > applied || key === spared) {
        unit.used = false;
        this.#units.set(key, unit);
      } else {
        this.#bytes -= unit.bytes;
      }
    }
  }
}

/**
 * Which members of which groups (names of a directory, chunks of a file) have changed since the index's watermark: what a listing of the
 * index must be corrected by.
 */
export class Unapplied<M, V> {
  readonly #groups = new Map<string, Map<M, { lsn: number; value: V }>>();
  readonly #applied: () => number;
  #queue: { readonly lsn: number; readonly group: string; readonly member: M }[] = [];
  #head = 0;

  constructor(applied: () => number) {
    this.#applied = applied;
  }

  set(group: string, member: M, lsn: number, value: V): void {
    this.settle();
    let members = this.#groups.get(group);
    if (members === undefined) {
      members = new Map();
      this.#groups.set(group, members);
    }
    members.set(member, { lsn, value });
    this.#queue.push({ lsn, group, member });
  }

  /** The members of that group, with their values; undefined when there are none. */
  of(group: string): ReadonlyMap<M, { readonly lsn: number; readonly value: V }> | undefined {
    this.settle();
    return this.#groups.get(group);
  }

  /** All groups. */
  all(): ReadonlyMap<string, ReadonlyMap<M, { readonly lsn: number; readonly value: V }>> {
    this.settle();
    return this.#groups;
  }

  /** Forgets what the index has by now. */
  settle(): void {
    const applied = this.#applied();
    while (this.#head < this.#queue.length && this.#queue[this.#head]!.lsn <= applied) {
      const { group, member } = this.#queue[this.#head++]!;
      const members = this.#groups.get(group);
      const last = members?.get(member);
      if (members === undefined || last === undefined || last.lsn > applied) continue;
      members.delete(member);
      if (members.size === 0) this.#groups.delete(group);
    }
    if (this.#head > 1024 && this.#head * 2 > this.#queue.length) {
      this.#queue = this.#queue.slice(this.#head);
      this.#head = 0;
    }
  }
}
