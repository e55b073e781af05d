/** One piece of state in memory: loaded from the index, or changed since. */
export abstract class Unit<V> {
  value: V;
  /** The LSN of its last change; 0 when it is as it was loaded. */
  lsn = 0;
  /** The segment that last defined it; 0 when it does not exist. */
  segment: number;
  /** Whether the index has a row for it, when all flushes that were made are applied. */
  stored: boolean;
  /** The flush that its last change goes with; 0 when it is as it was loaded. */
  flush = 0;
  /** About what it takes, in bytes. */
  bytes = 0;
  /** It was asked for since eviction last came by. */
  used = true;
  /** Its place in the cache's ring; -1 when it is not in memory any more. */
  place = -1;

  constructor(value: V, segment: number, stored: boolean) {
    this.value = value;
    this.segment = segment;
    this.stored = stored;
  }

  /** About what it takes now, in bytes, with the tables that it stands in. */
  abstract size(): number;
  /** Takes it out of the table that it is found by. */
  abstract unlink(): void;
}

/** How many units eviction looks at for each one that comes in, so that no call pays for many. */
const EVICTION_STEPS = 4;

/**
 * What all units take together, within a bound of bytes: those that were not asked for of late go first. What the index does not know yet never
 * goes, bound or not.
 */
export class UnitCache {
  readonly #maxBytes: number;
  readonly #ring: Unit<unknown>[] = [];
  #hand = 0;
  #bytes = 0;
  /** The flush that changes of now go with, and the last one that is applied. */
  flush = 1;
  applied = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** What all units take, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#ring.length;
  }

  /** Takes in a unit that is in its table already. */
  add(unit: Unit<unknown>): void {
    unit.place = this.#ring.length;
    this.#ring.push(unit);
    this.resize(unit);
  }

  /** The unit's value has changed. */
  resize(unit: Unit<unknown>): void {
    const bytes = unit.size();
    this.#bytes += bytes - unit.bytes;
    unit.bytes = bytes;
    if (this.#bytes > this.#maxBytes) this.#evict(unit);
  }

  /** Lets go of a unit. */
  remove(unit: Unit<unknown>): void {
    const last = this.#ring.pop()!;
    if (last !== unit) {
      this.#ring[unit.place] = last;
      last.place = unit.place;
    }
    unit.place = -1;
    this.#bytes -= unit.bytes;
    unit.unlink();
  }

  #evict(spared: Unit<unknown>): void {
    for (let steps = 0; steps < EVICTION_STEPS && this.#bytes > this.#maxBytes; steps++) {
      if (this.#hand >= this.#ring.length) this.#hand = 0;
      const unit = this.#ring[this.#hand]!;
      if (!unit.used && unit.flush <= this.applied && unit !== spared) {
        // The last one comes in its place, and is looked at next.
        this.remove(unit);
      } else {
        unit.used = false;
        this.#hand++;
      }
    }
  }
}
