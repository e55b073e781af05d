import type { Key } from '../../flare/types.ts';
import type { Member, MemberId, Projection, SliceAssignment, SliceRange } from './types.ts';

/** The slice that a key lies in: its first bits. */
export function sliceOfKey({ slices }: Pick<Projection, 'slices'>, key: Key): number {
  // 16 bits are enough for `SLICES_MAX`.
  return Math.floor((((key.charCodeAt(0) << 8) | key.charCodeAt(1)) * slices) / 0x10000);
}

/** The places of members by their ids, of lists that were asked for: projections share them. */
const places = new WeakMap<readonly Member[], ReadonlyMap<MemberId, number>>();

/** The index of a volcano; -1 when it is no member. */
export function indexOf({ volcanos }: Pick<Projection, 'volcanos'>, id: MemberId): number {
  let known = places.get(volcanos);
  if (known === undefined) {
    known = new Map(volcanos.map((member, index) => [member.id, index]));
    places.set(volcanos, known);
  }
  return known.get(id) ?? -1;
}

/** A volcano; null when it is no member. */
export function memberOf({ volcanos }: Pick<Projection, 'volcanos'>, id: MemberId): Member | null {
  return volcanos[indexOf({ volcanos }, id)] ?? null;
}

/** The volcano that answers for a slice. */
export function ownerOfSlice(projection: Projection, slice: number): Member {
  return projection.volcanos[projection.map[slice]!.primary]!;
}

/** The volcano that answers for a key. */
export function ownerOfKey(projection: Projection, key: Key): Member {
  return ownerOfSlice(projection, sliceOfKey(projection, key));
}

/** The mirrors of a slice: those that answers wait for, and those that are being filled. */
export function mirrorsOf(projection: Projection, slice: number): { inSync: Member[]; filling: Member[] } {
  const { inSync, filling } = projection.map[slice]!;
  const members = (indexes: readonly number[]): Member[] => indexes.map((index) => projection.volcanos[index]!);
  return { inSync: members(inSync), filling: members(filling) };
}

/** The slices of a range, in order. */
export function* slicesOf({ slices }: Pick<Projection, 'slices'>, { first, count }: SliceRange): Generator<number> {
  for (let at = 0; at < count; at++) yield (first + at) % slices;
}

/** All runs: a primary and its slices, in ring order, the one of the lowest member first. A volcano without slices has none. */
export function runs({ map, slices }: Projection): (SliceRange & { readonly member: number })[] {
  const found: (SliceRange & { member: number })[] = [];
  const starts: number[] = [];
  for (let slice = 0; slice < slices; slice++) {
    if (map[slice]!.primary !== map[(slice + slices - 1) % slices]!.primary) starts.push(slice);
  }
  if (starts.length === 0) return [{ member: map[0]!.primary, first: 0, count: slices }];
  for (const [at, first] of starts.entries()) {
    const next = starts[(at + 1) % starts.length]!;
    found.push({ member: map[first]!.primary, first, count: (next - first + slices) % slices });
  }
  return found.sort((one, other) => one.member - other.member);
}

/** The slices that a volcano is primary of; null when there are none. */
export function runOf(projection: Projection, member: number): SliceRange | null {
  const run = runs(projection).find((one) => one.member === member);
  return run === undefined ? null : { first: run.first, count: run.count };
}

/** The slices that a volcano mirrors. */
export function mirroredBy({ map }: Projection, member: number): { inSync: number[]; filling: number[] } {
  const inSync: number[] = [];
  const filling: number[] = [];
  for (const [slice, assignment] of map.entries()) {
    if (assignment.inSync.includes(member)) inSync.push(slice);
    else if (assignment.filling.includes(member)) filling.push(slice);
  }
  return { inSync, filling };
}

/** The next volcano in the ring, whatever its state; the only one is its own. */
export function successor({ volcanos }: Projection, member: number): number {
  return (member + 1) % volcanos.length;
}

/** How many copies of a slice there are to be: `replicas`, or as many as there are volcanos that serve, and are not about to leave. */
export function copiesWanted({ replicas, volcanos }: Projection): number {
  let serving = 0;
  for (const { state } of volcanos) if (state === 'serving') serving += 1;
  return Math.min(replicas, Math.max(1, serving));
}

/** Volcanos whose slices others have taken over between two maps. */
export function takenFrom(before: Projection, after: Projection): Set<MemberId> {
  const found = new Set<MemberId>();
  for (const [slice, assignment] of after.map.entries()) {
    if (assignment === before.map[slice]) continue;
    const { primary, inSync } = assignment;
    const { id } = before.volcanos[before.map[slice]!.primary]!;
    if (after.volcanos[primary]!.id !== id && !inSync.some((index) => after.volcanos[index]!.id === id)) found.add(id);
  }
  return found;
}

/** The slices that lie in sync on their primary alone, though there is to be more than one copy; those of one primary when it is given. */
export function singleCopies(projection: Projection, primary?: number): number[] {
  if (copiesWanted(projection) < 2) return [];
  return [...projection.map.entries()].flatMap(([slice, one]) =>
    one.inSync.length === 0 && (primary === undefined || one.primary === primary) ? [slice] : [],
  );
}

/**
 * The volcanos that are to mirror the slices of that one: those that serve, are not silent, and come next in the ring, nearest first. `copies` is `copiesWanted`, for callers
 * that know it.
 */
export function followers(
  projection: Projection,
  member: number,
  copies = copiesWanted(projection),
  silent: (member: number) => boolean = () => false,
): number[] {
  const wanted = copies - 1;
  const found: number[] = [];
  for (let at = successor(projection, member); found.length < wanted && at !== member; at = successor(projection, at)) {
    if (projection.volcanos[at]!.state === 'serving' && !silent(at)) found.push(at);
  }
  return found;
}

function sameNumbers(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, at) => value === other[at]);
}

/** Whether two slices are held by the same volcanos in the same way. */
export function sameAssignment(one: SliceAssignment, other: SliceAssignment): boolean {
  if (one === other) return true;
  return (
    one.primary === other.primary && sameNumbers(one.inSync, other.inSync) && sameNumbers(one.filling, other.filling)
  );
}

/** How many other volcanos a gateway must call to reach the owners of these slices: one hop for each owner. */
export function hops({ map }: Projection, gateway: number, slices: Iterable<number>): number {
  const owners = new Set<number>();
  for (const slice of slices) owners.add(map[slice]!.primary);
  owners.delete(gateway);
  return owners.size;
}
