import * as xdr from '@stellar/js-xdr';
import { compile, type Value } from '../../rpc/xdr.ts';
import { MemberSchema, memberFromWire, memberToWire } from './codec.ts';
import { sameAssignment } from './queries.ts';
import {
  MEMBERS_MAX,
  type Member,
  MIRRORS_MAX,
  type Projection,
  ProjectionError,
  SLICES_MAX,
  type SliceAssignment,
  type SliceRange,
} from './types.ts';
import { validate } from './validate.ts';

/** A change that takes more bytes is not told: who wants it gets the whole projection. */
export const CHANGE_BYTES_MAX = 16 * 1024;

/** What a projection has that the one before it has not: the two differ in little, and are large in a network of many volcanos. */
export interface ProjectionChange {
  /** Of the projection after. */
  readonly epoch: number;
  /** Volcanos that are not there any more, or otherwise: by their places before, ascending. */
  readonly gone: readonly number[];
  /** Volcanos that are new, or otherwise than before, with their places after, ascending. */
  readonly come: readonly { readonly at: number; readonly member: Member }[];
  /** Slices that others hold than before, or in another way. Members by their places after. */
  readonly runs: readonly (SliceRange & SliceAssignment)[];
}

/** All members but those that have gone, and those that have come at their places. */
function membersAfter(
  before: readonly Member[],
  { gone, come }: Pick<ProjectionChange, 'gone' | 'come'>,
): readonly Member[] {
  if (gone.length + come.length === 0) return before;
  const left = new Set(gone);
  const members = before.filter((_, index) => !left.has(index));
  for (const { at, member } of come) {
    if (at > members.length) throw new ProjectionError(`a volcano comes at place ${at} of ${members.length}`);
    members.splice(at, 0, member);
  }
  return members;
}

/** Where the members of before are after, by their places; -1: they have gone. */
function placesAfter(before: readonly Member[], { gone, come }: Pick<ProjectionChange, 'gone' | 'come'>): Int32Array {
  const places = new Int32Array(before.length).fill(-1);
  const left = new Set(gone);
  const taken = new Set(come.map(({ at }) => at));
  let after = 0;
  for (let index = 0; index < before.length; index++) {
    if (left.has(index)) continue;
    while (taken.has(after)) after += 1;
    places[index] = after++;
  }
  for (const index of gone) places[index] = come.find(({ member }) => member.id === before[index]?.id)?.at ?? -1;
  return places;
}

/** The same assignments by the places that members have after. Who has gone is left out. Slices that shared one share one. */
function placed(map: readonly SliceAssignment[], places: Int32Array): readonly SliceAssignment[] {
  if (places.every((place, index) => place === index)) return map;
  const of = (index: number): number => places[index] ?? -1;
  const all = (indexes: readonly number[]): number[] => indexes.map(of).filter((index) => index !== -1);
  const known = new Map<SliceAssignment, SliceAssignment>();
  return map.map((assignment) => {
    let moved = known.get(assignment);
    if (moved === undefined) {
      const { primary, inSync, filling } = assignment;
      moved = { primary: of(primary), inSync: all(inSync), filling: all(filling) };
      known.set(assignment, moved);
    }
    return moved;
  });
}

function sameMember(one: Member, other: Member): boolean {
  if (one === other) return true;
  const { addresses, ...rest } = one;
  const { addresses: others, ...more } = other;
  return (
    addresses.join() === others.join() &&
    (Object.keys(rest) as (keyof typeof rest)[]).every((name) => rest[name] === more[name])
  );
}

function sameNetwork(one: Projection, other: Projection): boolean {
  return (['networkId', 'networkName', 'replicas', 'arbiter', 'slices'] as const).every(
    (name) => one[name] === other[name],
  );
}

/** What has changed; null when it cannot be told in this way, and the whole is to be told. */
export function changeOf(before: Projection, after: Projection): ProjectionChange | null {
  if (after.epoch !== before.epoch + 1 || !sameNetwork(before, after)) return null;
  const stays = (member: Member, other: Member | undefined): boolean =>
    other !== undefined && sameMember(member, other);
  const old = new Map(before.volcanos.map((member) => [member.id, member]));
  const now = new Map(after.volcanos.map((member) => [member.id, member]));
  const gone = [...before.volcanos.keys()].filter((index) => {
    const member = before.volcanos[index]!;
    return !stays(member, now.get(member.id));
  });
  const come = [...after.volcanos.entries()].flatMap(([at, member]) =>
    stays(member, old.get(member.id)) ? [] : [{ at, member }],
  );
  const members = membersAfter(before.volcanos, { gone, come });
  // Those that stay are to be in the same order.
  if (!members.every((member, at) => member.id === after.volcanos[at]?.id)) return null;
  const map = placed(before.map, placesAfter(before.volcanos, { gone, come }));
  const runs: (SliceAssignment & { readonly first: number; count: number })[] = [];
  for (const [slice, assignment] of after.map.entries()) {
    if (sameAssignment(map[slice]!, assignment)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === slice && sameAssignment(last, assignment)) last.count += 1;
    else runs.push({ first: slice, count: 1, ...assignment });
  }
  return { epoch: after.epoch, gone, come, runs };
}

/** The projection after the change, not looked at as a whole. */
function made(before: Projection, change: ProjectionChange): Projection {
  const { epoch, gone, come, runs } = change;
  if (epoch !== before.epoch + 1)
    throw new ProjectionError(`a change to epoch ${epoch} of a map of epoch ${before.epoch}`);
  const volcanos = membersAfter(before.volcanos, change);
  let map = gone.length + come.length === 0 ? before.map : placed(before.map, placesAfter(before.volcanos, change));
  if (runs.length > 0) {
    const assigned = [...map];
    for (const { first, count, primary, inSync, filling } of runs) {
      if (first + count > before.slices) throw new ProjectionError('a change of slices that are not there');
      assigned.fill({ primary, inSync, filling }, first, first + count);
    }
    map = assigned;
  }
  return { ...before, epoch, volcanos, map };
}

/**
 * The projection after the changes, one after the other. What has not changed is shared. Throws `ProjectionError` when they are none of that projection, or what comes out
 * is not sound.
 */
export function changed(before: Projection, changes: readonly ProjectionChange[]): Projection {
  const after = changes.reduce(made, before);
  validate(after);
  return after;
}

const mirrors = xdr.array(xdr.uint32(), MIRRORS_MAX);
const place = xdr.uint32();

/** `ProjectionChange`. */
const ChangeSchema = xdr.struct('Change', {
  epoch: xdr.uint64(),
  gone: xdr.array(place, MEMBERS_MAX),
  come: xdr.array(xdr.struct('Come', { at: place, member: MemberSchema }), MEMBERS_MAX),
  runs: xdr.array(
    xdr.struct('ChangedRun', {
      first: xdr.uint32(),
      count: xdr.uint32(),
      primary: place,
      inSync: mirrors,
      filling: mirrors,
    }),
    SLICES_MAX,
  ),
});

const codec = compile(ChangeSchema);
type WireChange = Value<typeof ChangeSchema>;

/** The change's bytes; null when they are more than `CHANGE_BYTES_MAX`. */
export function encodeChange(change: ProjectionChange): Buffer | null {
  const { epoch, gone, come, runs } = change;
  const wire: WireChange = {
    epoch,
    gone: [...gone],
    come: come.map(({ at, member }) => ({ at, member: memberToWire(member) })),
    runs: runs.map((run) => ({ ...run, inSync: [...run.inSync], filling: [...run.filling] })),
  };
  const bytes = codec.encode(wire);
  return bytes.length > CHANGE_BYTES_MAX ? null : bytes;
}

/** The change that the bytes hold; it is checked when it is made (`changed`). Throws `XdrError` or `ProjectionError` when they hold none. */
export function decodeChange(bytes: Uint8Array): ProjectionChange {
  const { come, ...rest } = codec.decode(bytes);
  return { ...rest, come: come.map(({ at, member }) => ({ at, member: memberFromWire(member) })) };
}
