import { FlareError } from '../../errors.ts';
import { BusyError, type DirectoryView, type Step, type StepAnswer } from '../../joint.ts';
import { checkName } from '../../keys.ts';
import type { Flare } from '../../record/pack.ts';
import { type Attributes, type Caller, type FlareId, FlareType, type Name } from '../../types.ts';
import { need, owns, SEARCH, WRITE } from '../access.ts';
import type { Core } from '../core.ts';
import { moveName, nameIt, touchDirectory, unname } from '../names.ts';
import { checkBirth, newborn } from '../operations/newborn.ts';
import type { Transaction } from '../transaction.ts';

type StepOf<K extends Step['kind']> = Extract<Step, { kind: K }>;
type Run<K extends Step['kind']> = (
  core: Core,
  transaction: Transaction,
  caller: Caller,
  step: StepOf<K>,
) => StepAnswer;

function isDirectory(type: FlareType): boolean {
  return type === FlareType.directory;
}

function done(attributes: Attributes | null): StepAnswer {
  return { kind: 'done', attributes };
}

/** The directory, if the caller may change its names. */
function toChange(core: Core, caller: Caller, id: FlareId, name: Name): Flare {
  checkName(name);
  const directory = core.state.directory(id);
  need(caller, directory.attributes, SEARCH);
  need(caller, directory.attributes, WRITE);
  return directory;
}

/** Refuses with `BusyError` when the name means something else than the coordinator saw: it is to look again. */
function checkMeans(core: Core, directory: FlareId, name: Name, expected: FlareId | null): void {
  const means = core.state.entry(directory.key, name);
  const same =
    means === null || expected === null
      ? means === expected
      : means.id.key === expected.key && means.id.generation === expected.generation;
  if (!same) throw new BusyError();
}

/** A flare that a name was seen to mean: when it is gone the name means something else by now, and the coordinator is to look again (`BusyError`). */
function flareOfName(core: Core, id: FlareId): Flare {
  const flare = core.state.holder(id.key);
  if (flare === null || flare.attributes.generation !== id.generation) throw new BusyError();
  return flare;
}

/** As `checkSticky`, when the directory is somebody else's. */
function checkStickyView(caller: Caller, directory: DirectoryView, flare: Attributes): void {
  const sticky = (directory.mode & 0o1000) !== 0;
  const mine = caller.uid === 0 || caller.uid === directory.uid || owns(caller, flare);
  if (sticky && !mine) throw FlareError.of('PERM');
}

const STEPS: { readonly [K in Step['kind']]: Run<K> } = {
  addName(core, transaction, caller, { directory, name, target, replaces }) {
    const before = toChange(core, caller, directory, name);
    checkMeans(core, directory, name, replaces);
    const entries = replaces === null ? 1 : 0;
    if (entries > 0 && transaction.flare(before.attributes).entries >= core.limits.entriesMax)
      throw FlareError.of('NOSPC');
    const directories = (isDirectory(target.type) ? 1 : 0) - (replaces !== null && isDirectory(replaces.type) ? 1 : 0);
    const replaced = replaces === null ? null : core.state.entry(directory.key, name);
    const counters = nameIt(core, transaction, before.attributes, name, target, replaced);
    return done(touchDirectory(transaction, before.attributes, { entries, directories }, counters).attributes);
  },

  dropName(core, transaction, caller, { directory, name, target }) {
    const before = toChange(core, caller, directory, name);
    checkMeans(core, directory, name, target);
    transaction.entry(before.attributes, name, null);
    const directories = isDirectory(target.type) ? -1 : 0;
    return done(touchDirectory(transaction, before.attributes, { entries: -1, directories }).attributes);
  },

  birth(core, transaction, caller, { key, salt, directory, birth }) {
    checkBirth(birth);
    if (core.state.holder(key) !== null) return { kind: 'taken' };
    const born = newborn(transaction, caller, directory, { key, salt }, birth);
    transaction.birth(born);
    return done(born.attributes);
  },

  unname(core, transaction, caller, { flare: id, directory }) {
    const flare = flareOfName(core, id);
    if (isDirectory(flare.attributes.type)) throw FlareError.of('ISDIR');
    checkStickyView(caller, directory, flare.attributes);
    unname(core, transaction, flare, directory);
    return done(flare.attributes.nlink <= 1 ? null : transaction.flare(id).attributes);
  },

  end(core, transaction, caller, { flare: id, directory }) {
    const flare = flareOfName(core, id);
    checkStickyView(caller, directory, flare.attributes);
    if (!isDirectory(flare.attributes.type)) throw FlareError.of('NOTDIR');
    if (flare.entries > 0) throw FlareError.of('NOTEMPTY');
    transaction.end(flare);
    return done(null);
  },

  name(core, transaction, _caller, { flare: id, directory }) {
    const flare = core.state.flare(id);
    if (isDirectory(flare.attributes.type)) throw FlareError.of('PERM');
    if (flare.attributes.nlink >= core.limits.linkMax) throw FlareError.of('MLINK');
    return done(transaction.change(flare, moveName(core, transaction, flare, null, directory)).attributes);
  },

  move(core, transaction, caller, { flare: id, from, to }) {
    const flare = flareOfName(core, id);
    checkStickyView(caller, from, flare.attributes);
    const moved = from.key === to.key ? {} : moveName(core, transaction, flare, from, to);
    return done(transaction.change(flare, moved).attributes);
  },

  moving(core) {
    core.state.holds.meetMoving();
    return done(null);
  },
};

/** Checks a step, and adds what it changes to the transaction. Throws refusals, `BusyError`, `HeldError`. */
export function runStep(core: Core, transaction: Transaction, caller: Caller, step: Step): StepAnswer {
  const run = STEPS[step.kind] as Run<Step['kind']>;
  return run(core, transaction, caller, step as never);
}
