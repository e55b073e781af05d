import { conflicts, type OwnedRange } from '../../locks/ranges.ts';
import { type HeldLock, type LockPlace, machineOf } from '../../locks/types.ts';
import type { FlareId } from '../../types.ts';
import { decodeLockNote, lockNoteName, type OwnedLocks, parseLockName } from './lock-note.ts';

/** What is locked of one flare. */
interface FlareLocks {
  readonly id: FlareId;
  readonly owners: Map<string, OwnedLocks>;
  ranges: number;
  lsn: number;
}

/** What one holder has locked. */
interface HolderLocks {
  /** Flares, with how many owners of the holder have locks there. */
  readonly flares: Map<string, { readonly id: FlareId; owners: number }>;
  ranges: number;
  leaseMs: number;
}

/** A flare in Maps. */
export function flareText({ key, generation }: FlareId): string {
  return `${key}${generation}`;
}

/**
 * All locks of all slices that this volcano has, by flare and by holder: what the notes say that tell of them, looked at from the other side. It follows them, whatever changes them: an operation, a
 * record of the log or of another volcano, a slice that goes.
 */
export class LockTable {
  readonly #flares = new Map<string, FlareLocks>();
  readonly #holders = new Map<string, HolderLocks>();
  /** Ranges of each machine. */
  readonly #machines = new Map<string, number>();
  /** Of the last change: of what is not there nothing else is known. */
  #lsn = 0;
  /** Told of flares of which something may be free now. */
  freed: (flare: string) => void = () => {};

  /** A note was set, or removed (null). */
  note(name: string, value: Buffer | null, lsn: number): void {
    this.#lsn = Math.max(this.#lsn, lsn);
    const locks = value === null ? null : decodeLockNote(name, value);
    const id = locks?.id ?? parseLockName(name).id;
    const flare = flareText(id);
    const before = this.#flares.get(flare)?.owners.get(name);
    if (before !== undefined) this.#remove(flare, name, before);
    if (locks !== null) this.#add(flare, name, locks, lsn);
    if (before !== undefined) this.freed(flare);
  }

  #add(flare: string, name: string, locks: OwnedLocks, lsn: number): void {
    let there = this.#flares.get(flare);
    if (there === undefined) {
      there = { id: locks.id, owners: new Map(), ranges: 0, lsn };
      this.#flares.set(flare, there);
    }
    there.owners.set(name, locks);
    there.ranges += locks.ranges.length;
    there.lsn = Math.max(there.lsn, lsn);
    let holder = this.#holders.get(locks.holder);
    if (holder === undefined) {
      holder = { flares: new Map(), ranges: 0, leaseMs: 0 };
      this.#holders.set(locks.holder, holder);
    }
    holder.ranges += locks.ranges.length;
    this.#count(locks.holder, locks.ranges.length);
    holder.leaseMs = locks.leaseMs;
    const of = holder.flares.get(flare);
    if (of === undefined) holder.flares.set(flare, { id: locks.id, owners: 1 });
    else of.owners += 1;
  }

  #remove(flare: string, name: string, { holder, ranges }: OwnedLocks): void {
    const there = this.#flares.get(flare)!;
    there.owners.delete(name);
    there.ranges -= ranges.length;
    there.lsn = Math.max(there.lsn, this.#lsn);
    if (there.owners.size === 0) this.#flares.delete(flare);
    const held = this.#holders.get(holder)!;
    held.ranges -= ranges.length;
    this.#count(holder, -ranges.length);
    const of = held.flares.get(flare)!;
    of.owners -= 1;
    if (of.owners === 0) held.flares.delete(flare);
    if (held.flares.size === 0) this.#holders.delete(holder);
  }

  #count(holder: string, ranges: number): void {
    const machine = machineOf(holder);
    const count = (this.#machines.get(machine) ?? 0) + ranges;
    if (count === 0) this.#machines.delete(machine);
    else this.#machines.set(machine, count);
  }

  get lsn(): number {
    return this.#lsn;
  }

  /** What has to be durable before anybody is told what is locked of a flare. */
  lsnOf(id: FlareId): number {
    return this.#flares.get(flareText(id))?.lsn ?? this.#lsn;
  }

  /** What that owner has. */
  owned({ kind, holder, owner }: LockPlace, id: FlareId): OwnedLocks | undefined {
    return this.#flares.get(flareText(id))?.owners.get(lockNoteName(id, kind, { holder, owner }));
  }

  /** How many ranges of a flare are locked, and how many a holder has here. */
  rangesOf(id: FlareId): number {
    return this.#flares.get(flareText(id))?.ranges ?? 0;
  }

  rangesBy(holder: string): number {
    return this.#holders.get(holder)?.ranges ?? 0;
  }

  /** How many all holders of that one's machine have here. */
  rangesOfMachine(holder: string): number {
    return this.#machines.get(machineOf(holder)) ?? 0;
  }

  /** A lock of another owner that is in the way; null: none. */
  inTheWay(id: FlareId, place: LockPlace, wanted: OwnedRange): HeldLock | null {
    for (const { kind, holder, owner, ranges, pid } of this.#flares.get(flareText(id))?.owners.values() ?? []) {
      if (kind !== place.kind || (holder === place.holder && owner === place.owner)) continue;
      const found = ranges.find((range) => conflicts(kind, range, wanted));
      if (found !== undefined) return { kind, holder, owner, pid, ...found };
    }
    return null;
  }

  /** `LockAnswer.tenure`. */
  tenure(id: FlareId, holder: string): number {
    for (const locks of this.#ofHolder(id, holder)) return locks.tenure;
    return 0;
  }

  /** The names of the notes of a flare, of one holder or of all. */
  names(id: FlareId, holder?: string): string[] {
    const names: string[] = [];
    for (const [name, locks] of this.#flares.get(flareText(id))?.owners ?? []) {
      if (holder === undefined || locks.holder === holder) names.push(name);
    }
    return names;
  }

  *#ofHolder(id: FlareId, holder: string): Generator<OwnedLocks> {
    const flare = flareText(id);
    if (this.#holders.get(holder)?.flares.has(flare) !== true) return;
    for (const locks of this.#flares.get(flare)!.owners.values()) if (locks.holder === holder) yield locks;
  }

  /** Whoever has locks. */
  holders(): Iterable<string> {
    return this.#holders.keys();
  }

  /** The flares of which a holder has locks. */
  flaresOf(holder: string): FlareId[] {
    return [...(this.#holders.get(holder)?.flares.values() ?? [])].map(({ id }) => id);
  }

  /** How long a holder may be silent, in milliseconds, as it has last said with a lock; 0: for ever. */
  leaseOf(holder: string): number {
    return this.#holders.get(holder)?.leaseMs ?? 0;
  }

  /** All locks. */
  *all(): Generator<OwnedLocks> {
    for (const { owners } of this.#flares.values()) yield* owners.values();
  }
}
