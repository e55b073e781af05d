import { type Eventually, isPending } from '../../../base/eventually.ts';
import { FlareError, type FlareStatusName } from '../../errors.ts';
import {
  BusyError,
  type Decision,
  type JointStore,
  keyOfStep,
  type OperationId,
  type Step,
  type StepAnswer,
  type Undecided,
  type Undelivered,
} from '../../joint.ts';
import { LOCAL_SLICE, ROOT_KEY, sliceOf } from '../../keys.ts';
import { type Change, OperationSchema } from '../../record/schema.ts';
import type { Attributes, Caller, Key } from '../../types.ts';
import { asRefusal, type Core } from '../core.ts';
import { entryUnit, flareUnit, type Held, HeldError, type HoldMode, MOVING } from '../holds.ts';
import type { Notes } from '../notes.ts';
import { redoChange } from '../redo.ts';
import { mayRepeat } from '../replays.ts';
import { Transaction } from '../transaction.ts';
import { Decisions } from './decisions.ts';
import {
  heldBy,
  noteName,
  ofNoteName,
  operationText,
  PREPARED_PREFIX,
  type Prepared,
  preparedCodec,
} from './prepared.ts';
import { runStep } from './steps.ts';

/** Operations that may be prepared, or decided and not delivered, at a time. */
export const UNDECIDED_MAX = 4096;
/** Operations that are over are remembered, so that a message of theirs that comes late does nothing: so many. */
export const OVER_MAX = 16_384;

interface PreparedOperation {
  /** How many steps there were. */
  readonly steps: number;
  readonly bySlice: Map<number, Prepared>;
  /** What was answered, and the LSN that it depends on; null after a restart. */
  answers: { readonly given: readonly StepAnswer[]; readonly lsn: number } | null;
}

/** Whose holds those of a prepared part are: the operation's coordinator may be the same volcano, and lets go of its own before. */
function preparedPart(operation: string): string {
  return `${operation} prepared`;
}

/** What a coordinator's own steps hold: their effects come in the turn of the decision, so that others may see what is until then. */
function keptBy(steps: readonly Step[]): Held {
  const units = new Map<string, HoldMode>();
  const stays = new Set<Key>();
  for (const step of steps) {
    if (step.kind === 'addName' || step.kind === 'dropName') {
      units.set(entryUnit(step.directory.key, step.name), 'kept');
      stays.add(step.directory.key);
    } else if (step.kind === 'moving') {
      units.set(MOVING, 'kept');
    } else {
      units.set(flareUnit(keyOfStep(step)), 'kept');
    }
  }
  return { units, stays };
}

/** The store's side of operations over several owners (`JointStore`), on one volcano's log. */
export class Joint implements JointStore {
  readonly #core: Core;
  readonly #notes: Notes;
  readonly #prepared = new Map<string, PreparedOperation>();
  readonly #decisions: Decisions;
  /** Prepared operations that hold something. */
  readonly #shutting = new Set<string>();
  /** Operations that are over, oldest first. */
  readonly #over = new Set<string>();

  constructor(core: Core, notes: Notes) {
    this.#core = core;
    this.#notes = notes;
    this.#decisions = new Decisions(core, notes);
    this.serve(null);
  }

  /**
   * Knows of operations that were prepared or decided in slices that this volcano serves, and of no others: those are for their owners. To be called when that
   * changes (null: all); what the log says of slices that come must be durable.
   */
  serve(served: ((slice: number) => boolean) | null): void {
    const here = served ?? (() => true);
    this.#decisions.serve(here);
    let changed = false;
    for (const [operation, { bySlice }] of this.#prepared) {
      for (const slice of bySlice.keys()) if (!here(slice)) changed = bySlice.delete(slice);
      if (bySlice.size === 0) this.#prepared.delete(operation);
    }
    if (this.#load(here) || changed) this.#shutAll();
  }

  /** What the log says was prepared; returns whether that was not known. */
  #load(here: (slice: number) => boolean): boolean {
    let found = false;
    for (const [name, value] of this.#notes.latest(PREPARED_PREFIX)) {
      const { slice, operation } = ofNoteName(PREPARED_PREFIX, name);
      const prepared = this.#prepared.get(operation) ?? { steps: 0, bySlice: new Map(), answers: null };
      if (!here(slice) || prepared.bySlice.has(slice)) continue;
      prepared.bySlice.set(slice, preparedCodec.decode(value));
      this.#prepared.set(operation, prepared);
      found = true;
    }
    return found;
  }

  /** Holds what is prepared, and that only. */
  #shutAll(): void {
    const { holds } = this.#core.state;
    for (const operation of this.#shutting) holds.release(preparedPart(operation));
    this.#shutting.clear();
    for (const [operation, { bySlice }] of this.#prepared) this.#shut(operation, bySlice);
  }

  #shut(operation: string, bySlice: ReadonlyMap<number, Prepared>): void {
    const changes: Change[] = [];
    let moving = false;
    for (const prepared of bySlice.values()) {
      changes.push(...prepared.changes);
      moving ||= prepared.moving;
    }
    this.#core.state.holds.take(preparedPart(operation), heldBy(changes, moving));
    this.#shutting.add(operation);
  }

  hold(id: OperationId, caller: Caller, steps: readonly Step[]): Eventually<readonly StepAnswer[]> {
    const operation = operationText(id);
    const { holds } = this.#core.state;
    if (steps.some(({ kind }) => kind === 'birth')) throw new RangeError('a birth is prepared, not held');
    if (this.#over.has(operation) || holds.holds(operation)) throw new BusyError();
    if (this.#decisions.size >= UNDECIDED_MAX) throw new BusyError();
    if (steps.length === 0) {
      holds.take(operation, keptBy(steps));
      return [];
    }
    const answers = this.#answer(() => {
      const given = this.#run(operation, this.#transaction(null, steps), caller, steps);
      holds.take(operation, keptBy(steps));
      return given;
    });
    if (!isPending(answers)) return answers;
    return answers.catch((error: unknown) => {
      this.#end(operation);
      throw error;
    });
  }

  async decide(
    id: OperationId,
    caller: Caller,
    steps: readonly Step[],
    participants: readonly number[],
    answer: Attributes | null,
  ): Promise<void> {
    const operation = operationText(id);
    const { state } = this.#core;
    if (!state.holds.holds(operation)) throw new BusyError();
    const decided = { slice: sliceOf(keyOfStep(steps[0]!)), participants };
    try {
      const transaction = this.#transaction(caller, steps);
      this.#run(operation, transaction, caller, steps);
      this.#decisions.write(transaction, operation, decided);
      transaction.answer = answer;
      // The participants have reserved their room: the coordinator must not be the one without.
      transaction.mayUseReserve = true;
      transaction.commit(null);
    } catch (error) {
      this.#end(operation);
      throw error;
    }
    const lsn = state.seen;
    this.#decisions.decided(operation, decided);
    this.#end(operation);
    await this.#durable(lsn);
  }

  apart(one: number, other: number): boolean {
    return one !== other && this.#core.state.apart?.(one, other) === true;
  }

  release(id: OperationId): void {
    this.#end(operationText(id));
  }

  begin(caller: Caller): boolean {
    const { state, replays, clock } = this.#core;
    const { underWay } = state;
    const { replay } = caller;
    if (replay === undefined) return true;
    const remembered = replays.find(replay, clock.now());
    if (underWay.has(replay) || (remembered !== undefined && mayRepeat(state, remembered))) return false;
    underWay.set(replay, caller);
    return true;
  }

  end(caller: Caller): void {
    const { underWay } = this.#core.state;
    const { replay } = caller;
    if (replay !== undefined && underWay.get(replay) === caller) underWay.delete(replay);
  }

  remember({ replay }: Caller, answer: FlareStatusName | Attributes | null): void {
    const { replays, clock } = this.#core;
    const time = clock.now();
    if (replay === undefined || replays.find(replay, time) !== undefined) return;
    if (typeof answer === 'string') replays.refused(replay, { time, lsn: 0, refusal: answer });
    else replays.answered(replay, { time, lsn: 0, attributes: answer, slice: LOCAL_SLICE, segment: 0 });
  }

  prepare(
    id: OperationId,
    coordinator: number,
    caller: Caller,
    steps: readonly Step[],
  ): Eventually<readonly StepAnswer[]> {
    const operation = operationText(id);
    const known = this.#prepared.get(operation);
    if (known !== undefined) return this.#sameAgain(known, steps);
    if (this.#over.has(operation) || this.#prepared.size >= UNDECIDED_MAX) throw new BusyError();
    return this.#answer(() => {
      const { state } = this.#core;
      const transaction = this.#transaction(null, steps);
      transaction.unlimited = caller.uid === 0;
      const given = this.#run(preparedPart(operation), transaction, caller, steps);
      if (given.some(({ kind }) => kind === 'taken')) return given;
      const moving = steps.some(({ kind }) => kind === 'moving');
      const bySlice = this.#write(operation, transaction, coordinator, moving);
      this.#prepared.set(operation, { steps: steps.length, bySlice, answers: { given, lsn: state.seen } });
      return given;
    });
  }

  /** Writes down what the transaction would do, and holds it. */
  #write(operation: string, transaction: Transaction, coordinator: number, moving: boolean): Map<number, Prepared> {
    const bySlice = new Map<number, Prepared>();
    const home = sliceOf(ROOT_KEY);
    if (moving) bySlice.set(home, { coordinator, moving, changes: [] });
    try {
      transaction.prepare((ready) => {
        for (const [slice, changes] of ready) {
          bySlice.set(slice, { coordinator, moving: moving && slice === home, changes: [...changes] });
        }
        for (const [slice, prepared] of bySlice) {
          const name = noteName(PREPARED_PREFIX, slice, operation);
          this.#notes.change(transaction, slice, name, preparedCodec.encode(prepared));
        }
        this.#shut(operation, bySlice);
      });
    } catch (error) {
      this.#core.state.holds.release(preparedPart(operation));
      this.#shutting.delete(operation);
      throw error;
    }
    return bySlice;
  }

  #sameAgain({ steps, answers }: PreparedOperation, asked: readonly Step[]): Eventually<readonly StepAnswer[]> {
    if (answers === null) throw new BusyError();
    if (asked.length !== steps) throw new RangeError('an operation was prepared with other steps before');
    const wait = this.#durable(answers.lsn);
    return isPending(wait) ? wait.then(() => answers.given) : answers.given;
  }

  async resolve(id: OperationId, committed: boolean): Promise<void> {
    const operation = operationText(id);
    const { state, kml } = this.#core;
    const prepared = this.#prepared.get(operation);
    if (prepared === undefined) {
      this.#remember(operation);
      // It may have been resolved a moment ago: then that must be durable before this is said to be.
      return this.#durable(kml.nextLsn - 1);
    }
    const [first] = prepared.bySlice.keys();
    const transaction = new Transaction(this.#core, OperationSchema.resolve, null, first!);
    transaction.mayUseReserve = true;
    // What is not resolved after a crash is still prepared, and held.
    transaction.divisible = true;
    for (const [slice, { changes }] of prepared.bySlice) {
      for (const change of committed ? changes : []) {
        transaction.add(slice, change);
        transaction.afterwards((lsn, segment) =>
          redoChange(state, change, { slice, lsn, segment, position: 0, lead: 0 }),
        );
      }
      this.#notes.change(transaction, slice, noteName(PREPARED_PREFIX, slice, operation), null);
    }
    transaction.commit(null);
    const lsn = state.seen;
    this.#prepared.delete(operation);
    state.holds.release(preparedPart(operation));
    this.#shutting.delete(operation);
    this.#remember(operation);
    return this.#durable(lsn);
  }

  decision(id: OperationId): Decision {
    const operation = operationText(id);
    const committed = this.#decisions.isCommitted(operation);
    if (committed !== undefined) return committed ? 'committed' : 'pending';
    return this.#core.state.holds.holds(operation) ? 'pending' : 'unknown';
  }

  delivered(operations: readonly OperationId[]): void {
    this.#decisions.delivered(operations);
  }

  undecided(): readonly Undecided[] {
    return [...this.#prepared].map(([operation, { bySlice }]) => {
      const { coordinator } = bySlice.values().next().value!;
      return { operation: Buffer.from(operation, 'hex'), coordinator };
    });
  }

  undelivered(): readonly Undelivered[] {
    return this.#decisions.undelivered();
  }

  /** A transaction for these steps: its first record is that of the first step's slice. */
  #transaction(caller: Caller | null, steps: readonly Step[]): Transaction {
    return new Transaction(this.#core, OperationSchema.prepare, caller, sliceOf(keyOfStep(steps[0]!)));
  }

  /** Runs the steps, passing the holds of `holder`. */
  #run(holder: string, transaction: Transaction, caller: Caller, steps: readonly Step[]): readonly StepAnswer[] {
    const { holds } = this.#core.state;
    holds.passing = holder;
    holds.changing = true;
    try {
      return steps.map((step) => runStep(this.#core, transaction, caller, step));
    } catch (error) {
      throw error instanceof HeldError ? new BusyError(error.free) : error;
    } finally {
      holds.passing = null;
      holds.changing = false;
    }
  }

  /** Gives what was worked out, or refuses, when what that depends on is durable. */
  #answer<T>(work: () => T): Eventually<T> {
    const { state } = this.#core;
    state.seen = 0;
    let value: T;
    try {
      value = work();
    } catch (error) {
      const wait = error instanceof FlareError ? this.#durable(state.seen) : undefined;
      if (!isPending(wait)) throw error;
      return wait.then(() => {
        throw error;
      });
    }
    const wait = this.#durable(state.seen);
    return isPending(wait) ? wait.then(() => value) : value;
  }

  #durable(lsn: number): Eventually<void> {
    const wait = this.#core.commitment.when(lsn);
    if (!isPending(wait)) return;
    return wait.catch((error: unknown) => {
      throw asRefusal(this.#core, error);
    });
  }

  #end(operation: string): void {
    this.#core.state.holds.release(operation);
    this.#remember(operation);
  }

  #remember(operation: string): void {
    this.#over.add(operation);
    if (this.#over.size > OVER_MAX) this.#over.delete(this.#over.values().next().value!);
  }
}
