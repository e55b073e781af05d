import * as xdr from '@stellar/js-xdr';
import { compile, type Value } from '../../rpc/xdr.ts';
import { MemberSchema, memberFromWire, memberToWire } from './codec.ts';
import { indexOf, sameAssignment } from './queries.ts';
import {
  MEMBERS_MAX,
  type Member,
  type MemberId,
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

/** Who holds a slice, by ids: places change when volcanos come and go. */
interface Holders {
  readonly primary: MemberId | undefined;
  readonly inSync: readonly MemberId[];
  readonly filling: readonly MemberId[];
}

/** A projection while it is made from an earlier one: what has not changed is shared. */
class Draft {
  readonly #before: Projection;
  readonly news = new Map<MemberId, Member>();
  #members: Member[] | null = null;
  /** By slice, from when the first volcano comes or goes. */
  #holders: Holders[] | null = null;
  /** By slice, from when the first slice changes, as long as nobody comes or goes. */
  #map: SliceAssignment[] | null = null;

  constructor(before: Projection) {
    this.#before = before;
  }

  get volcanos(): readonly Member[] {
    return this.#members ?? this.#before.volcanos;
  }

  change({ gone, come, runs }: Pick<ProjectionChange, 'gone' | 'come' | 'runs'>): void {
    if (gone.length + come.length > 0) this.#changeMembers(gone, come);
    for (const run of runs) this.#assign(run);
  }

  #changeMembers(gone: ProjectionChange['gone'], come: ProjectionChange['come']): void {
    this.#holders ??= this.#byIds();
    this.#members ??= [...this.#before.volcanos];
    const members = this.#members;
    for (const index of [...gone].reverse()) members.splice(index, 1);
    for (const { at, member } of come) {
      if (at > members.length) throw new ProjectionError(`a volcano comes at place ${at} of ${members.length}`);
      members.splice(at, 0, member);
      this.news.set(member.id, member);
    }
  }

  #holdersOf({ primary, inSync, filling }: SliceAssignment): Holders {
    const { volcanos } = this;
    const all = (indexes: readonly number[]): MemberId[] => indexes.flatMap((index) => volcanos[index]?.id ?? []);
    return { primary: volcanos[primary]?.id, inSync: all(inSync), filling: all(filling) };
  }

  #byIds(): Holders[] {
    const known = new Map<SliceAssignment, Holders>();
    return (this.#map ?? this.#before.map).map((assignment) => {
      let holders = known.get(assignment);
      if (holders === undefined) {
        holders = this.#holdersOf(assignment);
        known.set(assignment, holders);
      }
      return holders;
    });
  }

  #assign({ first, count, primary, inSync, filling }: SliceRange & SliceAssignment): void {
    if (first + count > this.#before.slices) throw new ProjectionError('a change of slices that are not there');
    const assignment = { primary, inSync, filling };
    if (this.#holders !== null) {
      this.#holders.fill(this.#holdersOf(assignment), first, first + count);
    } else {
      this.#map ??= [...this.#before.map];
      this.#map.fill(assignment, first, first + count);
    }
  }

  /** The assignments, by places. Who has gone is left out; slices that shared one share one. */
  map(): readonly SliceAssignment[] {
    if (this.#holders === null) return this.#map ?? this.#before.map;
    const { volcanos } = this;
    const places = (ids: readonly MemberId[]): number[] =>
      ids.map((id) => indexOf({ volcanos }, id)).filter((index) => index !== -1);
    const known = new Map<Holders, SliceAssignment>();
    return this.#holders.map((holders) => {
      let assignment = known.get(holders);
      if (assignment === undefined) {
        const { primary, inSync, filling } = holders;
        assignment = {
          primary: indexOf({ volcanos }, primary ?? ''),
          inSync: places(inSync),
          filling: places(filling),
        };
        known.set(holders, assignment);
      }
      return assignment;
    });
  }
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
  return (['networkId', 'networkName', 'replicas', 'arbiter', 'slices', 'protocol'] as const).every(
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
  const draft = new Draft(before);
  draft.change({ gone, come, runs: [] });
  // Those that stay are to be in the same order.
  if (!draft.volcanos.every((member, at) => member.id === after.volcanos[at]?.id)) return null;
  const map = draft.map();
  const runs: (SliceAssignment & { readonly first: number; count: number })[] = [];
  for (const [slice, assignment] of after.map.entries()) {
    if (sameAssignment(map[slice]!, assignment)) continue;
    const last = runs.at(-1);
    if (last !== undefined && last.first + last.count === slice && sameAssignment(last, assignment)) last.count += 1;
    else runs.push({ first: slice, count: 1, ...assignment });
  }
  return { epoch: after.epoch, gone, come, runs };
}

/**
 * The projection after the changes, one after the other. What has not changed is shared. Throws `ProjectionError` when they are none of that projection, which is a sound one, or
 * what comes out is not sound.
 */
export function changed(before: Projection, changes: readonly ProjectionChange[]): Projection {
  const draft = new Draft(before);
  let { epoch } = before;
  for (const change of changes) {
    if (change.epoch !== epoch + 1)
      throw new ProjectionError(`a change to epoch ${change.epoch} of a map of epoch ${epoch}`);
    draft.change(change);
    epoch = change.epoch;
  }
  const after = { ...before, epoch, volcanos: draft.volcanos, map: draft.map() };
  validate(after, [...draft.news.values()]);
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
