import { BusyError } from '../joint.ts';
import type { Key, Name } from '../types.ts';

/**
 * How an operation over several owners holds a unit until its outcome. `kept`: nobody else may change it; as it is now it may be seen, because the
 * outcome is decided here, in the same turn as it takes effect. `shut`: nobody may see or change it, because it may have been decided elsewhere already.
 */
export type HoldMode = 'kept' | 'shut';

/** What an operation is about to touch: names of units as `flareUnit`, `entryUnit` and `MOVING` give them. */
export interface Held {
  readonly units: ReadonlyMap<string, HoldMode>;
  /** Directories that get or lose entries: they may change meanwhile, but not end, and not change who may write to them. */
  readonly stays: ReadonlySet<Key>;
}

/** The unit of the one operation in the network that gives a directory another parent. */
export const MOVING = 'm';

export function flareUnit(key: Key): string {
  return `f${key}`;
}

export function entryUnit(directory: Key, name: Name): string {
  return `e${directory}${name}`;
}

/** Thrown, and caught within the store, when a unit is held: what was asked is asked again when it is free. */
export class HeldError extends Error {
  readonly free: Promise<void>;
  constructor(free: Promise<void>) {
    super('the unit is held by another operation');
    this.free = free;
  }
}

interface Holder extends Held {
  readonly free: PromiseWithResolvers<void>;
}

interface Hold {
  readonly operation: string;
  readonly mode: HoldMode;
}

/** Which units are held by operations over several owners. Empty, and so without cost, while a volcano is alone. */
export class Holds {
  readonly #holders = new Map<string, Holder>();
  readonly #units = new Map<string, Hold>();
  readonly #stays = new Map<Key, Set<string>>();
  /** What is asked for now changes something. */
  changing = false;
  /** The operation on whose behalf something is done now: its own holds do not count. */
  passing: string | null = null;

  get any(): boolean {
    return this.#holders.size > 0;
  }

  holds(operation: string): boolean {
    return this.#holders.has(operation);
  }

  /** Throws `HeldError` when a flare must not be looked at now. */
  meetFlare(key: Key): void {
    this.#meet(flareUnit(key));
  }

  /** Throws `HeldError` when a name must not be looked at now. */
  meetEntry(directory: Key, name: Name): void {
    this.#meet(entryUnit(directory, name));
  }

  /** Throws `HeldError` while a directory of the network is about to get another parent. */
  meetMoving(): void {
    this.#meet(MOVING);
  }

  /** Throws `HeldError` when a directory is about to get or lose entries by others, and so must not end nor change hands. */
  meetStays(key: Key): void {
    const operations = this.#stays.get(key);
    if (operations === undefined) return;
    for (const operation of operations) if (operation !== this.passing) throw new HeldError(this.#free(operation));
  }

  #meet(unit: string): void {
    const hold = this.#units.get(unit);
    if (hold === undefined || hold.operation === this.passing) return;
    if (hold.mode === 'shut' || this.changing) throw new HeldError(this.#free(hold.operation));
  }

  #free(operation: string): Promise<void> {
    return this.#holders.get(operation)!.free.promise;
  }

  /** Holds all of it, or throws `BusyError`. An operation holds once. */
  take(operation: string, held: Held): void {
    for (const unit of held.units.keys()) if (this.#units.has(unit)) throw new BusyError();
    this.#holders.set(operation, { ...held, free: Promise.withResolvers<void>() });
    for (const [unit, mode] of held.units) this.#units.set(unit, { operation, mode });
    for (const key of held.stays) {
      const operations = this.#stays.get(key);
      if (operations === undefined) this.#stays.set(key, new Set([operation]));
      else operations.add(operation);
    }
  }

  /** Lets go of all that the operation holds; harmless when that is nothing. */
  release(operation: string): void {
    const holder = this.#holders.get(operation);
    if (holder === undefined) return;
    this.#holders.delete(operation);
    for (const unit of holder.units.keys()) this.#units.delete(unit);
    for (const key of holder.stays) {
      const operations = this.#stays.get(key)!;
      operations.delete(operation);
      if (operations.size === 0) this.#stays.delete(key);
    }
    holder.free.resolve();
  }
}
