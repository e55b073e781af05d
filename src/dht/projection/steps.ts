import { sameAssignment, slicesOf } from './queries.ts';
import {
  type Member,
  type MemberState,
  type Projection,
  ProjectionError,
  SLICES_MIN,
  type SliceAssignment,
  type SliceRange,
} from './types.ts';
import { validate } from './validate.ts';

/*
 * The legal steps from a projection to the next. Each gives a new projection, one epoch on and sound (`validate`), or throws `ProjectionError`. Members are
 * named by their index in the projection that the step starts from.
 */

/** What a network begins with. */
export interface Beginning {
  readonly networkId: string;
  readonly networkName: string | null;
  readonly replicas: number;
  readonly member: Omit<Member, 'state'>;
  /** `SLICES_MIN` unless given. */
  readonly slices?: number;
  /** The lowest unless given. */
  readonly protocol?: number;
  /** True: something outside of the ring arbitrates. */
  readonly arbitratedElsewhere?: boolean;
}

/** The first projection of a network: one volcano that serves everything, and arbitrates. */
export function firstProjection(beginning: Beginning): Projection {
  const { networkId, networkName, replicas, member, slices = SLICES_MIN, arbitratedElsewhere = false } = beginning;
  const { protocol = 1 } = beginning;
  const all: SliceAssignment = { primary: 0, inSync: [], filling: [] };
  const projection: Projection = {
    epoch: 1,
    networkId,
    networkName,
    replicas,
    arbiter: arbitratedElsewhere ? null : member.id,
    slices,
    protocol,
    volcanos: [{ ...member, state: 'serving' }],
    map: Array.from({ length: slices }, () => all),
  };
  validate(projection);
  return projection;
}

function next(before: Projection, news: Partial<Projection>): Projection {
  const after = { ...before, ...news, epoch: before.epoch + 1 };
  validate(after);
  return after;
}

/** Gives the slices of a range new assignments; slices that had the same one share the new one. */
function assign(
  before: Projection,
  range: SliceRange,
  change: (assignment: SliceAssignment, slice: number) => SliceAssignment,
): SliceAssignment[] {
  const { slices } = before;
  const { first, count } = range;
  const sound = Number.isSafeInteger(first) && first >= 0 && first < slices && count >= 1 && count <= slices;
  if (!sound || !Number.isSafeInteger(count)) throw new ProjectionError(`no slices: ${count} from ${first} on`);
  const map = [...before.map];
  let last: { readonly from: SliceAssignment; readonly to: SliceAssignment } | undefined;
  for (const slice of slicesOf(before, range)) {
    const from = map[slice]!;
    if (last === undefined || !sameAssignment(last.from, from)) last = { from, to: change(from, slice) };
    map[slice] = last.to;
  }
  return map;
}

function checkOneRun({ map }: Projection, { first, count }: SliceRange): number {
  const primary = map[first]?.primary ?? -1;
  for (let at = 1; at < count; at++) {
    if (map[(first + at) % map.length]?.primary !== primary)
      throw new ProjectionError('the slices of a step must have the same primary');
  }
  return primary;
}

function holder(projection: Projection, member: number): Member {
  const found = projection.volcanos[member];
  if (found === undefined) throw new ProjectionError(`no volcano has the index ${member}`);
  return found;
}

function sorted(indexes: readonly number[], added: number): number[] {
  return [...indexes, added].sort((one, other) => one - other);
}

function without(indexes: readonly number[], member: number): number[] {
  return indexes.filter((index) => index !== member);
}

/** A newcomer takes its place in the ring behind `behind`, the volcano that is to give it slices. It holds nothing yet. */
export function withMember(before: Projection, newcomer: Omit<Member, 'state'>, behind: number): Projection {
  holder(before, behind);
  const shift = (index: number): number => (index > behind ? index + 1 : index);
  const volcanos = before.volcanos.toSpliced(behind + 1, 0, { ...newcomer, state: 'joining' });
  const all = { first: 0, count: before.slices };
  const map = assign(before, all, ({ primary, inSync, filling }) => ({
    primary: shift(primary),
    inSync: inSync.map(shift),
    filling: filling.map(shift),
  }));
  return next(before, { volcanos, map });
}

/** Whether a volcano is named for any slice: as primary, or as a mirror. */
export function holdsAnything({ map }: Projection, member: number): boolean {
  return map.some(
    ({ primary, inSync, filling }) => primary === member || inSync.includes(member) || filling.includes(member),
  );
}

/** A volcano that holds nothing, and keeps no register, is none of the network any more: it is away for good. */
export function withoutMember(before: Projection, member: number): Projection {
  const { nickname } = holder(before, member);
  if (holdsAnything(before, member)) throw new ProjectionError(`${nickname} still holds slices`);
  const shift = (index: number): number => (index > member ? index - 1 : index);
  const all = { first: 0, count: before.slices };
  const map = assign(before, all, ({ primary, inSync, filling }) => ({
    primary: shift(primary),
    inSync: inSync.map(shift),
    filling: filling.map(shift),
  }));
  return next(before, { volcanos: before.volcanos.toSpliced(member, 1), map });
}

/** A volcano becomes a filling mirror of slices that have one primary and that it does not hold. */
export function fill(before: Projection, range: SliceRange, member: number): Projection {
  holder(before, member);
  checkOneRun(before, range);
  const map = assign(before, range, (assignment, slice) => {
    const { primary, inSync, filling } = assignment;
    if (primary === member || inSync.includes(member) || filling.includes(member))
      throw new ProjectionError(`slice ${slice} has that copy already`);
    return { ...assignment, filling: sorted(filling, member) };
  });
  return next(before, { map });
}

/** A filling mirror has caught up: from now on answers wait for it. */
export function inSync(before: Projection, range: SliceRange, member: number): Projection {
  checkOneRun(before, range);
  const map = assign(before, range, (assignment, slice) => {
    const { inSync, filling } = assignment;
    if (!filling.includes(member)) throw new ProjectionError(`slice ${slice} is not being filled there`);
    return { ...assignment, inSync: sorted(inSync, member), filling: without(filling, member) };
  });
  return next(before, { map });
}

/**
 * The end of a run goes to a volcano next to it in the ring that mirrors it in sync; the old primary stays as an in-sync mirror. The new primary serves from then
 * on. Mirrors that were being filled are not mirrors any more: what fills them is the old primary's.
 */
export function handOver(before: Projection, range: SliceRange, to: number): Projection {
  const { state } = holder(before, to);
  const from = checkOneRun(before, range);
  const map = assign(before, range, ({ inSync }, slice) => {
    if (!inSync.includes(to)) throw new ProjectionError(`slice ${slice} is not in sync there`);
    return { primary: to, inSync: sorted(without(inSync, to), from), filling: [] };
  });
  return next(before, state === 'joining' ? { map, volcanos: withState(before, to, 'serving') } : { map });
}

/**
 * Slices whose primary is away, by what the one that takes them over knows, go to a volcano next to it in the ring that mirrors them in sync: by that it has all that was ever
 * answered. The old primary holds nothing of them any more: it may have records that nobody else has. What it filled begins anew.
 */
export function takeOver(before: Projection, range: SliceRange, to: number): Projection {
  const { state } = holder(before, to);
  checkOneRun(before, range);
  const map = assign(before, range, ({ inSync }, slice) => {
    if (!inSync.includes(to)) throw new ProjectionError(`slice ${slice} is not in sync there`);
    return { primary: to, inSync: without(inSync, to), filling: [] };
  });
  return next(before, state === 'joining' ? { map, volcanos: withState(before, to, 'serving') } : { map });
}

/**
 * Slices whose copies are all away for good go to a volcano that has some older copy of them, or none: what is not there is lost. Never legal by itself (`validStep`): the operator says so.
 */
export function bringUp(before: Projection, range: SliceRange, to: number): Projection {
  const { state } = holder(before, to);
  checkOneRun(before, range);
  const map = assign(before, range, ({ primary }, slice) => {
    if (primary === to) throw new ProjectionError(`slice ${slice} is its own already`);
    return { primary: to, inSync: [], filling: [] };
  });
  return next(before, state === 'joining' ? { map, volcanos: withState(before, to, 'serving') } : { map });
}

/** Nothing changes but the epoch: a volcano that has started again serves under one that it has written no records in. */
export function anew(before: Projection): Projection {
  return next(before, {});
}

/** All volcanos speak that protocol by now: the network keeps to it from this map on. */
export function raised(before: Projection, protocol: number): Projection {
  if (protocol <= before.protocol) throw new ProjectionError(`the network is at protocol ${before.protocol} already`);
  return next(before, { protocol });
}

function withState({ volcanos }: Projection, member: number, state: MemberState): Member[] {
  return volcanos.map((one, index) => (index === member ? { ...one, state } : one));
}

/** A newcomer for which no volcano has a slice to spare serves without any: as a gateway, and as a mirror. */
export function serve(before: Projection, member: number): Projection {
  if (holder(before, member).state !== 'joining') throw new ProjectionError('that volcano serves already');
  return next(before, { volcanos: withState(before, member, 'serving') });
}

/** A volcano is to leave: it is given nothing more, and what it has goes to others. Not the one that keeps the register, and not the last one that stays. */
export function leave(before: Projection, member: number): Projection {
  const { id, nickname, state } = holder(before, member);
  if (state !== 'serving') throw new ProjectionError(`${nickname} does not serve: it is ${state}`);
  if (id === before.arbiter) throw new ProjectionError(`${nickname} keeps the register of the maps`);
  if (!before.volcanos.some((one) => one.id !== id && one.state === 'serving'))
    throw new ProjectionError(`no other volcano serves that would stay`);
  return next(before, { volcanos: withState(before, member, 'leaving') });
}

/** A volcano that was to leave stays. */
export function stay(before: Projection, member: number): Projection {
  const { nickname, state } = holder(before, member);
  if (state !== 'leaving') throw new ProjectionError(`${nickname} is not leaving`);
  return next(before, { volcanos: withState(before, member, 'serving') });
}

/** A volcano that was to leave goes: others have all that it had. */
export function depart(before: Projection, member: number): Projection {
  const { nickname, state } = holder(before, member);
  if (state !== 'leaving') throw new ProjectionError(`${nickname} is not leaving`);
  return withoutMember(before, member);
}

/** A mirror of slices that have one primary is one no more, whether it was in sync or being filled. */
export function withoutMirror(before: Projection, range: SliceRange, member: number): Projection {
  checkOneRun(before, range);
  const map = assign(before, range, (assignment, slice) => {
    const { inSync, filling } = assignment;
    if (!inSync.includes(member) && !filling.includes(member))
      throw new ProjectionError(`slice ${slice} is not mirrored there`);
    return { ...assignment, inSync: without(inSync, member), filling: without(filling, member) };
  });
  return next(before, { map });
}
