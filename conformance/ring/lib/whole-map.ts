import { copiesWanted, indexOf } from '../../../src/dht/projection/queries.ts';
import type { Projection } from '../../../src/dht/projection/types.ts';
import { SLICES } from '../../../src/flare/keys.ts';
import type { LocalStore } from '../../../src/flare/store/local-store.ts';
import { missingCopies, unlikeCopies } from './copies.ts';
import type { WholeCounts } from './whole-counts.ts';
import type { Life, Volcano } from './whole-life.ts';

/** What the map of whole volcanos is looked at with. */
export interface WholeMapParts {
  readonly volcanos: readonly Volcano[];
  /** Numbers of volcanos, by their addresses. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly counts: WholeCounts;
  readonly faults: string[];
  /** Slices have another owner: what the old one remembered in memory alone stays behind. */
  readonly forgotten: (moved: (slice: number) => boolean) => void;
}

/** The newest map that any volcano goes by, and what must hold by it at any moment. */
export class WholeMap {
  readonly #parts: WholeMapParts;
  #newest: Projection | null = null;

  constructor(parts: WholeMapParts) {
    this.#parts = parts;
  }

  get newest(): Projection | null {
    return this.#newest;
  }

  /** The number of the volcano at a place in a map. */
  numberOf({ volcanos }: Projection, member: number): number {
    return this.#parts.numbers.get(volcanos[member]!.addresses[0]!)!;
  }

  /** The number of the volcano that a slice belongs to; -1: nobody's. */
  ownerOf(slice: number): number {
    const newest = this.#newest;
    return newest === null ? -1 : this.numberOf(newest, newest.map[slice]!.primary);
  }

  /** The number of the volcano that arbitrates; -1: none does. */
  get arbiter(): number {
    const newest = this.#newest;
    return newest === null || newest.arbiter === null ? -1 : this.numberOf(newest, indexOf(newest, newest.arbiter));
  }

  /** A volcano goes by that map from now on. */
  learned(life: Life, projection: Projection): void {
    life.projection = projection;
    const before = this.#newest;
    if (before !== null && projection.epoch <= before.epoch) return;
    this.#newest = projection;
    this.#parts.counts.maps++;
    if (before === null) return;
    const moved = new Set<number>();
    for (let slice = 0; slice < SLICES; slice++) {
      const was = this.numberOf(before, before.map[slice]!.primary);
      const is = this.ownerOf(slice);
      if (was === is) continue;
      moved.add(slice);
      const { inSync } = projection.map[slice]!;
      const handedOver = inSync.some((member) => this.numberOf(projection, member) === was);
      if (handedOver) this.#checkHandOver(slice, was, is);
      else this.#checkTakenOver(slice, was, is);
    }
    if (moved.size > 0) this.#parts.forgotten((slice) => moved.has(slice));
  }

  /** From the moment when somebody may know that a slice was taken over, who had it holds no lease of it, or knows, too. */
  #checkTakenOver(slice: number, was: number, is: number): void {
    this.#parts.counts.taken++;
    const [left, got] = [was, is].map((at) => this.#parts.volcanos[at]!.life?.store?.lastOf(slice).number ?? 0);
    if (left! > got!) this.#parts.counts.ahead++;
    const { life } = this.#parts.volcanos[was]!;
    const map = life?.projection;
    if (life?.alive !== true || map == null || this.numberOf(map, map.map[slice]!.primary) !== was) return;
    if (life.holds?.(slice) !== true) return;
    this.#parts.faults.push(`slice ${slice} was taken over by volcano ${is} while volcano ${was} held the leases`);
  }

  /** Who gets a slice has all that its owner has had of it: nothing more comes. */
  #checkHandOver(slice: number, was: number, is: number): void {
    const [old, next] = [was, is].map((at) => {
      const { life } = this.#parts.volcanos[at]!;
      return life?.alive === true ? (life.store?.lastOf(slice).number ?? null) : null;
    });
    if (old == null || next == null || old <= next) return;
    this.#parts.faults.push(
      `slice ${slice} was handed over from volcano ${was} at ${old} to volcano ${is}, which is at ${next}`,
    );
  }

  /** Who answers for a slice is the only one who does, whether he knows the newest map or not. */
  checkAlone({ at, projection }: Life, slice: number): void {
    const owner = this.ownerOf(slice);
    if (owner === -1 || owner === at) return;
    const text = `volcano ${at} answers for slice ${slice} by epoch ${projection?.epoch}, and it belongs to volcano ${owner} by now`;
    if (this.#parts.faults.at(-1) !== text) this.#parts.faults.push(text);
  }

  /** What has been answered is durable on every volcano that the map says has it. */
  checkCopies(identity: string): void {
    if (this.#newest !== null)
      this.#parts.faults.push(...missingCopies(this.#newest, identity, (member) => this.storeOf(member)));
  }

  /** Of a place in the newest map; null while that volcano is dead. */
  storeOf(member: number): LocalStore | null {
    const { life } = this.#parts.volcanos[this.numberOf(this.#newest!, member)]!;
    return life?.alive === true ? life.store : null;
  }

  /** What is not as it should be, now that all is quiet, when there are to be so many copies of everything. */
  async differences(wanted: number): Promise<string[]> {
    const newest = this.#newest!;
    const found: string[] = [];
    const copies = copiesWanted(newest);
    if (copies !== wanted) found.push(`there are ${copies} copies of everything`);
    for (const [slice, { inSync, filling }] of newest.map.entries()) {
      if (inSync.length !== copies - 1 || filling.length > 0)
        found.push(`slice ${slice} has ${inSync.length} mirrors, and ${filling.length} that are filled`);
    }
    found.push(...(await unlikeCopies(newest, (member) => this.storeOf(member)!.replica)));
    return found;
  }
}
