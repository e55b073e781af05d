import { copiesWanted, followers, runs, slicesOf } from './queries.ts';
import { anew, depart, fill, handOver, holdsAnything, inSync, serve, takeOver, withoutMirror } from './steps.ts';
import { type Projection, ProjectionError, type SliceAssignment, type SliceRange } from './types.ts';

/** One change of the map. `member` is an index in the projection that it is made from. */
export type Step =
  | {
      readonly kind: 'fill' | 'inSync' | 'handOver' | 'withoutMirror' | 'takeOver';
      readonly member: number;
      readonly range: SliceRange;
    }
  | { readonly kind: 'serve' | 'anew' | 'depart'; readonly member: number };

const LONE = { serve, anew, depart } as const;
const RANGED = { fill, inSync, handOver, withoutMirror, takeOver } as const;

/** Says of places in the map which volcanos do not answer, as far as whoever asks can tell. */
export type Silent = (member: number) => boolean;

const NOBODY: Silent = () => false;

/** The projection after the step. Throws `ProjectionError` when it is not legal. */
export function applyStep(before: Projection, step: Step): Projection {
  return 'range' in step ? RANGED[step.kind](before, step.range, step.member) : LONE[step.kind](before, step.member);
}

/** Whether the step gives a sound map. */
export function isLegal(before: Projection, step: Step): boolean {
  try {
    applyStep(before, step);
    return true;
  } catch (error) {
    if (error instanceof ProjectionError) return false;
    throw error;
  }
}

/** A run with the volcano that it is the run of. */
type Run = SliceRange & { readonly member: number };

/** The first stretch of a run whose slices all do; null when none does. */
export function stretch(
  projection: Projection,
  run: SliceRange,
  does: (assignment: SliceAssignment) => boolean,
): SliceRange | null {
  let first = -1;
  let count = 0;
  for (const slice of slicesOf(projection, run)) {
    if (does(projection.map[slice]!)) {
      if (count === 0) first = slice;
      count += 1;
    } else if (count > 0) break;
  }
  return count === 0 ? null : { first, count };
}

/** What is being filled is to be caught up before anything else is begun. */
function beingFilled(projection: Projection, all: readonly Run[]): Step | null {
  for (const run of all) {
    const begun = stretch(projection, run, ({ filling }) => filling.length > 0);
    if (begun === null) continue;
    const member = projection.map[begun.first]!.filling[0]!;
    const range = stretch(projection, run, ({ filling }) => filling.includes(member))!;
    return { kind: 'inSync', member, range };
  }
  return null;
}

/** Whether that volcano is to leave. */
function leaves({ volcanos }: Projection, member: number): boolean {
  return volcanos[member]!.state === 'leaving';
}

/** Of mirrors that are too many, the one to do without: one that leaves; else none of the followers, and the last round the ring from the primary. */
function superfluous(projection: Projection, run: Run, wanted: readonly number[], copies: number): Step | null {
  const count = projection.volcanos.length;
  const distance = (member: number): number => (member - run.member + count) % count;
  // What is on a volcano that leaves is no copy for long.
  const own = leaves(projection, run.member) ? 0 : 1;
  const extra = ({ inSync }: SliceAssignment): number => {
    // A newcomer holds a copy too many until it is handed over.
    const serving = inSync.filter((member) => projection.volcanos[member]!.state === 'serving');
    const leaving = inSync.find((member) => leaves(projection, member));
    if (leaving !== undefined && own + serving.length >= copies) return leaving;
    if (own + serving.length <= copies) return -1;
    const unwanted = serving.filter((member) => !wanted.includes(member));
    return unwanted.reduce(
      (found, member) => (found === -1 || distance(member) > distance(found) ? member : found),
      -1,
    );
  };
  const some = stretch(projection, run, (assignment) => extra(assignment) !== -1);
  if (some === null) return null;
  const member = extra(projection.map[some.first]!);
  return { kind: 'withoutMirror', member, range: stretch(projection, run, (one) => extra(one) === member)! };
}

/**
 * What a newcomer is to take over: the upper half of the run before its place; if that is a single slice, the lower half of the run behind it. Null when neither has
 * a slice to spare.
 */
function gift(projection: Projection, all: readonly Run[], member: number): SliceRange | null {
  const behind = Math.max(
    all.findIndex((run) => run.member > member),
    0,
  );
  const after = all[behind]!;
  const before = all[(behind + all.length - 1) % all.length]!;
  const upper = Math.floor(before.count / 2);
  if (upper > 0) return { first: (before.first + before.count - upper) % projection.slices, count: upper };
  const lower = Math.floor(after.count / 2);
  return lower > 0 ? { first: after.first, count: lower } : null;
}

function joining(projection: Projection, all: readonly Run[], silent: Silent): Step | null {
  const newcomers = [...projection.volcanos.keys()].filter(
    (index) => projection.volcanos[index]!.state === 'joining' && !silent(index),
  );
  const [member] = newcomers;
  if (member === undefined) return null;
  for (const run of all) {
    const copied = stretch(projection, run, ({ inSync }) => inSync.some((mirror) => newcomers.includes(mirror)));
    if (copied === null) continue;
    const to = projection.map[copied.first]!.inSync.find((mirror) => newcomers.includes(mirror))!;
    const range = stretch(projection, run, ({ inSync }) => inSync.includes(to))!;
    const given: Step = { kind: 'handOver', member: to, range };
    // Whoever has taken over what it was to be given may have more on both sides of it: it is given something else.
    return isLegal(projection, given) ? given : { kind: 'withoutMirror', member: to, range };
  }
  const range = gift(projection, runs(projection), member);
  if (range !== null && silent(projection.map[range.first]!.primary)) return null;
  return range === null ? { kind: 'serve', member } : { kind: 'fill', member, range };
}

function missing(projection: Projection, run: Run, wanted: readonly number[]): Step | null {
  for (const member of wanted) {
    const range = stretch(projection, run, ({ inSync }) => !inSync.includes(member));
    if (range !== null) return { kind: 'fill', member, range };
  }
  return null;
}

/** A run whose primary is to leave, and which all its followers have in sync, goes to the first of them that may have it. */
function handedOn(projection: Projection, { member: _, ...range }: Run, wanted: readonly number[]): Step | null {
  for (const member of wanted) {
    const step: Step = { kind: 'handOver', member, range };
    if (isLegal(projection, step)) return step;
  }
  return null;
}

/**
 * The step that is due; null when all is as it should be: every volcano serves, and every run is mirrored by its followers and nobody else. One thing at a time: what is
 * being filled is finished first (an `inSync` step is due when the mirror has caught up, no sooner), then copies that are one too many go,
 * then newcomers get their slices, then mirrors are put right, then what a volcano that leaves has goes to the next one; when that has nothing more it goes. Repeated, it comes to an end.
 *
 * Who is silent is given nothing, and its own slices are let be: others are mirrored by the next ones that answer.
 */
export function nextStep(projection: Projection, silent: Silent = NOBODY): Step | null {
  const all = runs(projection).filter(({ member }) => !silent(member));
  const filled = beingFilled(projection, all);
  if (filled !== null) return filled;
  const copies = copiesWanted(projection);
  // Who leaves is followed by as many as there are to be copies without it.
  const wanted = all.map(({ member }) =>
    followers(projection, member, leaves(projection, member) ? copies + 1 : copies, silent),
  );
  for (const [at, run] of all.entries()) {
    const step = superfluous(projection, run, wanted[at]!, copies);
    if (step !== null) return step;
  }
  const joined = joining(projection, all, silent);
  if (joined !== null) return joined;
  for (const [at, run] of all.entries()) {
    const step = missing(projection, run, wanted[at]!);
    if (step !== null) return step;
  }
  for (const [at, run] of all.entries()) {
    const step = leaves(projection, run.member) ? handedOn(projection, run, wanted[at]!) : null;
    if (step !== null) return step;
  }
  for (const member of projection.volcanos.keys())
    if (leaves(projection, member) && !silent(member) && !holdsAnything(projection, member))
      return { kind: 'depart', member };
  return null;
}

/**
 * The volcano that a newcomer should be placed behind: the one with the greatest load among those with slices to spare. Of what a volcano has, newcomers behind it
 * that hold nothing yet will take half each time.
 */
export function giver(projection: Projection, loadOf: (member: number) => number): number {
  const { volcanos } = projection;
  let found = -1;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const { member, count } of runs(projection)) {
    let left = 1;
    for (let at = member + 1; volcanos[at]?.state === 'joining'; at++) left /= 2;
    const load = count * left >= 2 ? loadOf(member) * left : Number.NEGATIVE_INFINITY;
    if (found === -1 || load > greatest) [found, greatest] = [member, load];
  }
  return found;
}
