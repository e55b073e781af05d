import type { Eventually } from '../base/eventually.ts';
import type { FlareStatusName } from './errors.ts';
import { ROOT_KEY } from './keys.ts';
import type { Attributes, Birth, Caller, FlareId, FlareType, Key, Name } from './types.ts';

/*
 * Operations over several owners. An operation that touches flares of more than one owner is a list of steps, each run by the
 * owner of the flare that it names. The owner of the (from-)directory coordinates: it holds its own steps, has the other owners
 * prepare theirs, decides in one append, and pushes the outcome until all have it.
 */

/** Names one operation over several owners: 16 bytes, never used twice. */
export type OperationId = Buffer;
/** Bytes of an `OperationId`. */
export const OPERATION_ID_BYTES = 16;

/** What the owner of a flare must know of a directory that holds a name of it: for sticky directories and for what newborns inherit. */
export interface DirectoryView extends FlareId {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly share: number;
}

/** The flare that a name is to mean. */
export interface Named extends FlareId {
  readonly fileid: number;
  readonly type: FlareType;
}

/** One owner's part of an operation. */
export type Step =
  /** A name in `directory` means `target` from now on; before, it means `replaces`, or nothing (null). ACCES, NOTDIR, NOSPC, EXIST. */
  | {
      readonly kind: 'addName';
      readonly directory: FlareId;
      readonly name: Name;
      readonly target: Named;
      readonly replaces: Named | null;
    }
  /** A name in `directory`, which means `target`, means nothing from now on. ACCES, NOTDIR, NOENT. */
  | { readonly kind: 'dropName'; readonly directory: FlareId; readonly name: Name; readonly target: Named }
  /** A flare is born. `Taken` is answered when its key is not free. */
  | {
      readonly kind: 'birth';
      readonly key: Key;
      /** Hashed into the key when the plain one was taken; empty when not. */
      readonly salt: Buffer;
      readonly directory: DirectoryView;
      readonly birth: Birth;
    }
  /** A flare that is no directory loses a name in `directory`; the last one ends it. ISDIR, PERM. */
  | { readonly kind: 'unname'; readonly flare: FlareId; readonly directory: DirectoryView }
  /** An empty directory, which has its name in `directory`, ends. NOTDIR, NOTEMPTY, PERM. */
  | { readonly kind: 'end'; readonly flare: FlareId; readonly directory: DirectoryView }
  /** A flare that is no directory gets one more name, in `directory`. PERM, MLINK. */
  | { readonly kind: 'name'; readonly flare: FlareId; readonly directory: FlareId }
  /** One of a flare's names goes from one directory to another, or changes within one. PERM. */
  | { readonly kind: 'move'; readonly flare: FlareId; readonly from: DirectoryView; readonly to: FlareId }
  /** A directory is about to get another parent: there is one such operation in the network at a time. For the owner of the root. */
  | { readonly kind: 'moving' };

/** The key of the flare, or of the directory, whose owner runs the step. */
export function keyOfStep(step: Step): Key {
  if ('flare' in step) return step.flare.key;
  if ('key' in step) return step.key;
  return 'name' in step ? step.directory.key : ROOT_KEY;
}

/** What a step gave. */
export type StepAnswer =
  /** The flare as it is after the step, if there is one then. */
  | { readonly kind: 'done'; readonly attributes: Attributes | null }
  /** A birth's key is not free. */
  | { readonly kind: 'taken' };

/** What became of an operation, as the owner of its coordinator's slice knows it. */
export type Decision = 'committed' | 'pending' | 'unknown';

/** An operation that a participant has prepared, and whose outcome it does not know yet. */
export interface Undecided {
  readonly operation: OperationId;
  /** The slice whose owner coordinates. */
  readonly coordinator: number;
}

/** An operation that was decided here, and whose outcome not all participants are known to have. */
export interface Undelivered {
  readonly operation: OperationId;
  /** Slices whose owners have prepared. */
  readonly participants: readonly number[];
}

/** Thrown when a unit is held by another operation and the caller must not wait for it. */
export class BusyError extends Error {
  /** Resolves when it is free, when that is known. */
  readonly free: Promise<void> | null;
  constructor(free: Promise<void> | null = null) {
    super('another operation holds a flare or a name that this one needs');
    this.free = free;
  }
}

/** Thrown when an operation needs a flare that is not served here. */
export class ElsewhereError extends Error {
  constructor(message = 'a flare that the operation needs is not served by this volcano') {
    super(message);
  }
}

/** Thrown when an operation changes slices whose records go to different mirrors: one append would not be one there. Its parts must be prepared. */
export class ApartError extends ElsewhereError {
  constructor() {
    super('the slices that the operation changes are not copied to the same volcanos');
  }
}

/** What the owners of an operation's flares ask of each other. */
export interface JointPart {
  /**
   * A participant's steps: checked, held, and written down; when it resolves they are on stable storage, and wait for `resolve`. Asked again, it
   * gives the same answers. Rejects with refusals, and with `BusyError`.
   */
  prepare(
    operation: OperationId,
    coordinator: number,
    caller: Caller,
    steps: readonly Step[],
  ): Eventually<readonly StepAnswer[]>;
  /** Does what was prepared, or forgets it; durable when it resolves. Harmless when nothing is prepared. */
  resolve(operation: OperationId, committed: boolean): Eventually<void>;

  /** What became of an operation that was coordinated here. `unknown` means: it has not happened, and never will. */
  decision(operation: OperationId): Eventually<Decision>;
}

/** One volcano's side of operations over several owners. */
export interface JointStore extends JointPart {
  /**
   * The coordinator's own steps: checked, and what they touch held for `decide` or `release`. Without steps the operation is but known here, as `pending`. Nothing is written. Rejects with refusals, and with
   * `BusyError` when another operation holds something of it; then nothing is held.
   */
  hold(operation: OperationId, caller: Caller, steps: readonly Step[]): Eventually<readonly StepAnswer[]>;
  /**
   * Does what is held, and decides: when it resolves, the operation has happened, also after a crash. `participants` are slices whose owners have
   * prepared; `answer` is remembered for the caller's replay. `ApartError` when the steps' slices are not together any more. When it rejects, `decision` tells whether it may have happened all the same (`pending`: the log has failed) or
   * never will (`unknown`: what was held is free).
   */
  decide(
    operation: OperationId,
    caller: Caller,
    steps: readonly Step[],
    participants: readonly number[],
    answer: Attributes | null,
  ): Eventually<void>;
  /** Whether one append cannot change both slices at once, because their records go to different mirrors: it then is to be prepared in one of them. */
  apart(one: number, other: number): boolean;
  /** Lets go of what is held: the operation does not happen. */
  release(operation: OperationId): void;
  /**
   * An operation is worked out with others for the caller's replay, from now on until `end`: for who else has that the store does nothing (`BusyError`), also when all of it lies here meanwhile. False when there is one already, or it was answered meanwhile.
   */
  begin(caller: Caller): boolean;
  end(caller: Caller): void;
  /**
   * Remembers, in memory, how the caller's replay was answered, unless that is written down already: a refusal, or a success that changed nothing. So
   * the answer stays the same when it comes again, whatever has changed.
   */
  remember(caller: Caller, answer: FlareStatusName | Attributes | null): void;

  /** All participants have the outcomes of these operations. */
  delivered(operations: readonly OperationId[]): void;
  decision(operation: OperationId): Decision;
  /** What is prepared here, and waits for its outcome. */
  undecided(): readonly Undecided[];
  /** What is decided here, committed, and not yet `delivered`. */
  undelivered(): readonly Undelivered[];
}
