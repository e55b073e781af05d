import { FlareError } from '../../flare/errors.ts';
import { BusyError, keyOfStep, OPERATION_ID_BYTES, type Step } from '../../flare/joint.ts';
import { checkName, ROOT_KEY, sliceOf } from '../../flare/keys.ts';
import type { EntryState } from '../../flare/record/pack.ts';
import { checkSticky, need, SEARCH, WRITE } from '../../flare/store/access.ts';
import { DEPTH_MAX } from '../../flare/store/limits.ts';
import { type Attributes, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { directoryOf, flareOf, meaning, named, viewOf } from './names.ts';
import { coordinate } from './operation.ts';
import type { Ring } from './ring.ts';

/** What a rename is about. */
interface Looked {
  /** What the old name means. */
  readonly entry: EntryState;
  readonly source: Attributes;
  readonly goal: Attributes;
  readonly flare: Attributes;
  /** What has the new name; null: nothing. */
  readonly replaced: Attributes | null;
}

/** `FlareService.rename` out of a directory of this volcano, when something of it lies elsewhere. */
export async function rename(
  ring: Ring,
  caller: Caller,
  from: FlareId,
  fromName: Name,
  to: FlareId,
  toName: Name,
): Promise<void> {
  checkName(fromName);
  checkName(toName);
  const looked = await look(ring, caller, from, fromName, to, toName);
  if (looked === null) return;
  const work = (): Promise<void> => move(ring, caller, looked, fromName, toName);
  if (looked.flare.type !== FlareType.directory || from.key === to.key) return work();
  return whileMoving(ring, caller, looked, fromName, work);
}

/** `BusyError` when the old name means something else than when the others were looked at: then nothing can be said of them all at one moment. */
async function checkStill(ring: Ring, caller: Caller, from: FlareId, fromName: Name, entry: EntryState): Promise<void> {
  const now = await ring.store.entry(caller, from, fromName);
  const same = now?.id.key === entry.id.key && now.id.generation === entry.id.generation && now.cookie === entry.cookie;
  if (!same) throw new BusyError();
}

/** Looks at all, in the order in which refusals go; null when both names mean the same flare. */
async function look(
  ring: Ring,
  caller: Caller,
  from: FlareId,
  fromName: Name,
  to: FlareId,
  toName: Name,
): Promise<Looked | null> {
  const source = await directoryOf(ring, from);
  const goal = from.key === to.key ? source : await directoryOf(ring, to);
  need(caller, source, SEARCH);
  need(caller, goal, SEARCH);
  const entry = await ring.store.entry(caller, from, fromName);
  if (entry === null) {
    // What took the name away may have ended the other directory, too: that is there still, or the answer is that it is not.
    if (from.key !== to.key) await directoryOf(ring, to);
    throw FlareError.of('NOENT');
  }
  const replaced = await meaning(ring, caller, to, toName);
  if (replaced !== null && replaced.key === entry.id.key) {
    await checkStill(ring, caller, from, fromName, entry);
    return null;
  }
  need(caller, source, WRITE);
  const flare = await flareOf(ring, entry.id);
  checkSticky(caller, source, flare);
  need(caller, goal, WRITE);
  if (replaced !== null) checkSticky(caller, goal, replaced);
  await checkStill(ring, caller, from, fromName, entry);
  return { entry, source, goal, flare, replaced };
}

function checkReplaceable(flare: Attributes, replaced: Attributes): void {
  const isDirectory = flare.type === FlareType.directory;
  const wasDirectory = replaced.type === FlareType.directory;
  if (isDirectory && !wasDirectory) throw FlareError.of('NOTDIR');
  if (!isDirectory && wasDirectory) throw FlareError.of('ISDIR');
}

async function move(ring: Ring, caller: Caller, looked: Looked, fromName: Name, toName: Name): Promise<void> {
  const { source, goal, flare, replaced } = looked;
  if (replaced !== null) checkReplaceable(flare, replaced);
  const target = named(flare);
  const dropName: Step = { kind: 'dropName', directory: source, name: fromName, target };
  const replaces = replaced === null ? null : named(replaced);
  const rest: Step[] = [
    { kind: 'addName', directory: goal, name: toName, target, replaces },
    { kind: 'move', flare, from: viewOf(source), to: goal },
  ];
  if (replaced !== null) {
    const kind = replaced.type === FlareType.directory ? 'end' : 'unname';
    rest.push({ kind, flare: replaced, directory: viewOf(goal) });
  }
  const home = sliceOf(source.key);
  const own = rest.filter((step) => {
    const slice = sliceOf(keyOfStep(step));
    return ring.owners.isOwn(slice) && !ring.store.joint.apart(home, slice);
  });
  const prepared = rest.filter((step) => !own.includes(step));
  const steps = [dropName, ...own];
  await coordinate(ring, {
    caller,
    held: steps,
    prepared,
    views: [viewOf(source), viewOf(goal)],
    finish: () => ({ steps, answer: null }),
  });
}

/** Does it while no other directory of the network gets another parent, if the new one does not lie below the moved one: INVAL. */
async function whileMoving(
  ring: Ring,
  caller: Caller,
  looked: Looked,
  fromName: Name,
  work: () => Promise<void>,
): Promise<void> {
  const { store, owners, outcomes, random } = ring;
  const home = sliceOf(ROOT_KEY);
  const id = random.bytes(OPERATION_ID_BYTES);
  const own = owners.isOwn(home);
  // Known here as long as the move is under way, so that the owner of the root does not take it for void.
  await store.joint.hold(id, caller, own ? [{ kind: 'moving' }] : []);
  try {
    if (!own) await owners.of(home).joint.prepare(id, sliceOf(looked.source.key), caller, [{ kind: 'moving' }]);
    if (await isInside(ring, looked.goal, looked.flare)) {
      await checkStill(ring, caller, looked.source, fromName, looked.entry);
      throw FlareError.of('INVAL');
    }
    await work();
  } finally {
    store.joint.release(id);
    if (!own) outcomes.abandon(id, [home]);
  }
}

/** Whether a directory is that flare or lies below it, as it is now: where it was when the intent was not yet taken says nothing. */
async function isInside(ring: Ring, goal: FlareId, flare: FlareId): Promise<boolean> {
  let at = await flareOf(ring, goal);
  for (let depth = 0; depth <= DEPTH_MAX; depth++) {
    if (at.key === flare.key) return true;
    if (at.key === ROOT_KEY) return false;
    at = await flareOf(ring, at.parent);
  }
  return true;
}
