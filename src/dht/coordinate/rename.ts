import { FlareError } from '../../flare/errors.ts';
import { keyOfStep, OPERATION_ID_BYTES, type Step } from '../../flare/joint.ts';
import { checkName, ROOT_KEY, sliceOf } from '../../flare/keys.ts';
import { checkSticky, need, SEARCH, WRITE } from '../../flare/store/access.ts';
import { type Attributes, type Caller, type FlareId, FlareType, type Name } from '../../flare/types.ts';
import { directoryOf, flareOf, meaning, named, viewOf } from './names.ts';
import { coordinate } from './operation.ts';
import type { Ring } from './ring.ts';

/** Names above a directory that are looked at before a move of a directory is given up. */
export const DEPTH_MAX = 100_000;

/** What a rename is about. */
interface Looked {
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
  return whileMoving(ring, caller, looked, work);
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
  if (entry === null) throw FlareError.of('NOENT');
  const replaced = await meaning(ring, caller, to, toName);
  if (replaced !== null && replaced.key === entry.id.key) return null;
  need(caller, source, WRITE);
  const flare = await flareOf(ring, entry.id);
  checkSticky(caller, source, flare);
  need(caller, goal, WRITE);
  if (replaced !== null) checkSticky(caller, goal, replaced);
  return { source, goal, flare, replaced };
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
  const own = rest.filter((step) => ring.owners.isOwn(sliceOf(keyOfStep(step))));
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
async function whileMoving(ring: Ring, caller: Caller, looked: Looked, work: () => Promise<void>): Promise<void> {
  const { store, owners, outcomes, random } = ring;
  const home = sliceOf(ROOT_KEY);
  const id = random.bytes(OPERATION_ID_BYTES);
  const own = owners.isOwn(home);
  // Known here as long as the move is under way, so that the owner of the root does not take it for void.
  await store.joint.hold(id, caller, own ? [{ kind: 'moving' }] : []);
  try {
    if (!own) await owners.of(home).joint.prepare(id, sliceOf(looked.source.key), caller, [{ kind: 'moving' }]);
    await checkNotInside(ring, looked.goal, looked.flare);
    await work();
  } finally {
    store.joint.release(id);
    if (!own) outcomes.abandon(id, [home]);
  }
}

async function checkNotInside(ring: Ring, goal: Attributes, flare: Attributes): Promise<void> {
  let at = goal;
  for (let depth = 0; depth < DEPTH_MAX; depth++) {
    if (at.key === flare.key) throw FlareError.of('INVAL');
    if (at.key === ROOT_KEY) return;
    at = await flareOf(ring, at.parent);
  }
  throw FlareError.of('INVAL');
}
