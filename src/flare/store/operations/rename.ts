import { FlareError } from '../../errors.ts';
import { checkName, ROOT_KEY, sliceOf } from '../../keys.ts';
import type { Flare } from '../../record/pack.ts';
import { OperationSchema } from '../../record/schema.ts';
import { type Caller, type FlareId, FlareType, type Key, type Name } from '../../types.ts';
import { checkSticky, need, SEARCH, WRITE } from '../access.ts';
import type { Core } from '../core.ts';
import { moveName, nameIt, touchDirectory, unname } from '../names.ts';
import { Transaction } from '../transaction.ts';
import { toTakeAway } from './remove.ts';

/** A directory and those that it lies in, up to the root. INVAL when there are too many of them. */
function wayUp(core: Core, directory: Flare): Key[] {
  const way: Key[] = [];
  for (let at = directory; ; at = core.state.flare(at.attributes.parent)) {
    const { key } = at.attributes;
    way.push(key);
    if (key === ROOT_KEY) return way;
    if (way.length > core.limits.depthMax) throw FlareError.of('INVAL');
  }
}

function checkReplaceable(flare: Flare, replaced: Flare): void {
  const isDirectory = flare.attributes.type === FlareType.directory;
  const wasDirectory = replaced.attributes.type === FlareType.directory;
  if (isDirectory && !wasDirectory) throw FlareError.of('NOTDIR');
  if (!isDirectory && wasDirectory) throw FlareError.of('ISDIR');
  if (replaced.entries > 0) throw FlareError.of('NOTEMPTY');
}

/** `FlareService.rename`. */
export function rename(core: Core, caller: Caller, from: FlareId, fromName: Name, to: FlareId, toName: Name): void {
  checkName(fromName);
  checkName(toName);
  const source = core.state.directory(from);
  const goal = core.state.directory(to);
  need(caller, source.attributes, SEARCH);
  need(caller, goal.attributes, SEARCH);
  const entry = core.state.entry(from.key, fromName);
  if (entry === null) throw FlareError.of('NOENT');
  const taken = core.state.entry(to.key, toName);
  if (taken?.id.key === entry.id.key) return;
  const flare = toTakeAway(core, caller, source, fromName);
  need(caller, goal.attributes, WRITE);
  const replaced = taken === null ? null : core.state.flare(taken.id);
  if (replaced !== null) checkSticky(caller, goal.attributes, replaced.attributes);
  const isDirectory = flare.attributes.type === FlareType.directory;
  const same = from.key === to.key;
  if (isDirectory && !same) core.state.holds.meetMoving();
  const way = isDirectory && !same ? wayUp(core, goal) : [];
  if (way.includes(flare.attributes.key)) throw FlareError.of('INVAL');
  if (replaced !== null) checkReplaceable(flare, replaced);
  if (replaced === null && !same && goal.entries >= core.limits.entriesMax) throw FlareError.of('NOSPC');

  const transaction = new Transaction(core, OperationSchema.rename, caller, sliceOf(from.key));
  transaction.entry(source.attributes, fromName, null);
  // Should one of these be moved back by a crash, there could be a loop.
  for (const key of way) transaction.restsOn(key);
  const counters = nameIt(core, transaction, goal.attributes, toName, flare.attributes, taken);
  if (replaced !== null) {
    if (isDirectory) transaction.end(replaced);
    else unname(core, transaction, replaced, goal.attributes);
  }
  transaction.change(flare, same ? {} : moveName(core, transaction, flare, source.attributes, goal.attributes));
  const gone = replaced === null ? 0 : 1;
  const moved = isDirectory ? 1 : 0;
  if (same) {
    touchDirectory(transaction, source.attributes, { entries: -gone, directories: -gone * moved }, counters);
  } else {
    touchDirectory(transaction, source.attributes, { entries: -1, directories: -moved });
    touchDirectory(transaction, goal.attributes, { entries: 1 - gone, directories: moved * (1 - gone) }, counters);
  }
  transaction.commit(null);
}
