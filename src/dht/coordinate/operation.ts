import {
  BusyError,
  type DirectoryView,
  type JointPart,
  keyOfStep,
  OPERATION_ID_BYTES,
  type OperationId,
  type Step,
  type StepAnswer,
} from '../../flare/joint.ts';
import { sliceOf } from '../../flare/keys.ts';
import type { Attributes, Caller } from '../../flare/types.ts';
import { isTransient } from '../retry.ts';
import type { Ring } from './ring.ts';

/** An operation over several owners, worked out by its coordinator. */
export interface Operation {
  readonly caller: Caller;
  /** The coordinator's own steps, as far as they are known; what they touch is held meanwhile. */
  readonly held: readonly Step[];
  /** The others' steps. */
  readonly prepared: readonly Step[];
  /** The coordinator's own steps and the answer to the caller, when the others have answered, in the order of `prepared`. */
  finish(answers: readonly StepAnswer[]): { readonly steps: readonly Step[]; readonly answer: Attributes | null };
  /** Directories as their flares' owners are told they are: when one is not so any more, all is looked at again. */
  readonly views: readonly DirectoryView[];
}

function slicesOf(steps: readonly Step[]): number[] {
  return [...new Set(steps.map((step) => sliceOf(keyOfStep(step))))];
}

/** One owner's steps, by their places in the list: an owner is asked once. */
interface Share {
  readonly joint: JointPart;
  readonly places: number[];
}

function byOwner(ring: Ring, steps: readonly Step[]): Map<string | null, Share> {
  const shares = new Map<string | null, Share>();
  for (const [place, step] of steps.entries()) {
    const slice = sliceOf(keyOfStep(step));
    const owner = ring.owners.isOwn(slice) ? null : ring.owners.of(slice);
    const there = shares.get(owner?.id ?? null);
    if (there === undefined)
      shares.set(owner?.id ?? null, { joint: owner?.joint ?? ring.store.joint, places: [place] });
    else there.places.push(place);
  }
  return shares;
}

/** `BusyError` when an answer shows a directory that others were told is otherwise. */
function checkViews(views: readonly DirectoryView[], answers: readonly StepAnswer[]): void {
  for (const answer of answers) {
    const now = answer.kind === 'done' ? answer.attributes : null;
    const told = now === null ? undefined : views.find(({ key }) => key === now.key);
    if (now === null || told === undefined) continue;
    const same = now.mode === told.mode && now.uid === told.uid && now.gid === told.gid && now.share === told.share;
    if (!same) throw new BusyError();
  }
}

/**
 * Has all others prepare, at the same time. Rejects when one has not: with a refusal only when nothing else was in the way of anybody, for what was looked at before
 * may be no more, and the refusal with it.
 */
async function prepareAll(
  ring: Ring,
  operation: OperationId,
  coordinator: number,
  { caller, prepared }: Operation,
): Promise<readonly StepAnswer[]> {
  const answers: StepAnswer[] = [];
  const work = [...byOwner(ring, prepared).values()].map(async ({ joint, places }) => {
    const steps = places.map((place) => prepared[place]!);
    const given = await joint.prepare(operation, coordinator, caller, steps);
    for (const [at, place] of places.entries()) answers[place] = given[at] ?? given[0]!;
  });
  const errors = (await Promise.allSettled(work)).flatMap((result) =>
    result.status === 'rejected' ? [result.reason as unknown] : [],
  );
  if (errors.length > 0) throw errors.find(isTransient) ?? errors[0];
  return answers;
}

/**
 * Rejects because the own steps are refused, after all others have prepared: with the refusal only when it holds while they do. What was looked at of theirs may be no more,
 * and the refusal with it.
 */
async function refuse(ring: Ring, coordinator: number, operation: Operation): Promise<never> {
  const { store, random, outcomes } = ring;
  const { caller, held, prepared } = operation;
  const [id, again] = [random.bytes(OPERATION_ID_BYTES), random.bytes(OPERATION_ID_BYTES)];
  await store.joint.hold(id, caller, []);
  try {
    await prepareAll(ring, id, coordinator, operation);
    await store.joint.hold(again, caller, held);
    throw new BusyError();
  } finally {
    store.joint.release(again);
    store.joint.release(id);
    outcomes.abandon(id, slicesOf(prepared));
  }
}

/**
 * Coordinates an operation: holds, has the others prepare, decides, and brings them the outcome. When it resolves the operation has happened; when it rejects it has
 * not, and never will, unless the log has failed. `undefined` when a newborn's key is taken. Rejects with refusals and with what `isTransient`.
 */
export async function coordinate(ring: Ring, operation: Operation): Promise<Attributes | null | undefined> {
  const { store, random, outcomes } = ring;
  const { caller, held, prepared, views } = operation;
  const id = random.bytes(OPERATION_ID_BYTES);
  const participants = slicesOf(prepared);
  const coordinator = sliceOf(keyOfStep(held[0]!));
  let own: readonly StepAnswer[];
  try {
    own = await store.joint.hold(id, caller, held);
  } catch (error) {
    if (isTransient(error) || participants.length === 0) throw error;
    return refuse(ring, coordinator, operation);
  }
  let decided = false;
  try {
    checkViews(views, own);
    const answers = await prepareAll(ring, id, coordinator, operation);
    if (answers.some(({ kind }) => kind === 'taken')) return undefined;
    checkViews(views, answers);
    const { steps, answer } = operation.finish(answers);
    const deciding = store.joint.decide(id, caller, steps, participants, answer);
    decided = store.joint.decision(id) !== 'unknown';
    await deciding;
    outcomes.deliver(id, participants);
    return answer;
  } finally {
    if (!decided) {
      store.joint.release(id);
      outcomes.abandon(id, participants);
    }
  }
}
