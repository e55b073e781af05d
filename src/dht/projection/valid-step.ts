import { encodeProjection } from './codec.ts';
import { applyStep, type Step } from './plan.ts';
import { sameAssignment } from './queries.ts';
import { leave, raised, serve, stay, withMember, withoutMember } from './steps.ts';
import { type Projection, ProjectionError, type SliceAssignment, type SliceRange } from './types.ts';

/** The one stretch round the ring in which the maps differ. */
function changed(before: Projection, after: Projection): SliceRange | null {
  const { slices } = before;
  const differs = (slice: number): boolean => !sameAssignment(before.map[slice]!, after.map[slice]!);
  let first = -1;
  let count = 0;
  for (let slice = 0; slice < slices; slice++) {
    if (!differs(slice)) continue;
    count += 1;
    if (first === -1 || !differs((slice + slices - 1) % slices)) first = slice;
  }
  return count === 0 ? null : { first, count };
}

/** The member that is in one list and not in the other. */
function added(before: readonly number[], after: readonly number[]): number | undefined {
  return after.find((member) => !before.includes(member));
}

/** What step could have made one assignment of the other. */
function stepOf(before: SliceAssignment, after: SliceAssignment, range: SliceRange): Step | null {
  if (before.primary !== after.primary) {
    const stays = after.inSync.includes(before.primary);
    return { kind: stays ? 'handOver' : 'takeOver', member: after.primary, range };
  }
  const caughtUp = added(before.inSync, after.inSync);
  if (caughtUp !== undefined) return { kind: 'inSync', member: caughtUp, range };
  const filling = added(before.filling, after.filling);
  if (filling !== undefined) return { kind: 'fill', member: filling, range };
  const all = ({ inSync, filling }: SliceAssignment): number[] => [...inSync, ...filling];
  const gone = added(all(after), all(before));
  return gone === undefined ? null : { kind: 'withoutMirror', member: gone, range };
}

function replay(before: Projection, after: Projection): Projection | null {
  if (after.volcanos.length === before.volcanos.length + 1) {
    const at = after.volcanos.findIndex(({ id }, index) => before.volcanos[index]?.id !== id);
    // Behind the last one is in front of the first one: a newcomer is never the first.
    return at < 1 ? null : withMember(before, after.volcanos[at]!, at - 1);
  }
  if (after.volcanos.length === before.volcanos.length - 1) {
    return withoutMember(
      before,
      before.volcanos.findIndex(({ id }, index) => after.volcanos[index]?.id !== id),
    );
  }
  const range = changed(before, after);
  if (range === null) {
    if (after.protocol !== before.protocol) return raised(before, after.protocol);
    const member = before.volcanos.findIndex(({ state }, index) => state !== after.volcanos[index]?.state);
    if (member === -1) return applyStep(before, { kind: 'anew', member: 0 });
    if (after.volcanos[member]?.state === 'leaving') return leave(before, member);
    return before.volcanos[member]!.state === 'leaving' ? stay(before, member) : serve(before, member);
  }
  const step = stepOf(before.map[range.first]!, after.map[range.first]!, range);
  return step === null ? null : applyStep(before, step);
}

/**
 * Throws `ProjectionError` unless `after` is `before` and one legal step (`steps.ts`). A slice may be left with fewer copies than the network wants: a mirror may be of no
 * use, and only the primary can tell.
 */
export function validStep(before: Projection, after: Projection): void {
  if (after.epoch !== before.epoch + 1)
    throw new ProjectionError(`epoch ${after.epoch} does not follow epoch ${before.epoch}`);
  const replayed = replay(before, after);
  if (replayed === null || !encodeProjection(replayed).equals(encodeProjection(after)))
    throw new ProjectionError(
      `epoch ${after.epoch} is more than one step from epoch ${before.epoch}, or another kind of change`,
    );
}
