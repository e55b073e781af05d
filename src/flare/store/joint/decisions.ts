import type { OperationId, Undelivered } from '../../joint.ts';
import { CHANGES_MAX } from '../../record/limits.ts';
import { OperationSchema } from '../../record/schema.ts';
import type { Core } from '../core.ts';
import type { Notes } from '../notes.ts';
import { Transaction } from '../transaction.ts';
import { DECIDED_PREFIX, decidedCodec, noteName, ofNoteName, operationText } from './prepared.ts';

interface Decided {
  readonly slice: number;
  readonly participants: readonly number[];
}

/** Operations that were decided here, as their coordinator, and that not all participants know of: each has a note in the coordinator's slice. */
export class Decisions {
  readonly #core: Core;
  readonly #notes: Notes;
  readonly #decided = new Map<string, Decided>();

  constructor(core: Core, notes: Notes) {
    this.#core = core;
    this.#notes = notes;
  }

  get size(): number {
    return this.#decided.size;
  }

  /** Knows of those in the slices that are served here, and of no others. */
  serve(here: (slice: number) => boolean): void {
    for (const [operation, { slice }] of this.#decided) if (!here(slice)) this.#decided.delete(operation);
    for (const [name, value] of this.#notes.latest(DECIDED_PREFIX)) {
      const { slice, operation } = ofNoteName(DECIDED_PREFIX, name);
      if (!here(slice) || this.#decided.has(operation)) continue;
      this.#decided.set(operation, { slice, participants: decidedCodec.decode(value).participants });
    }
  }

  /** Makes the decision a part of the transaction; `decided` is to be called when that is committed to the log. */
  write(transaction: Transaction, operation: string, { slice, participants }: Decided): void {
    const value = decidedCodec.encode({ participants: [...participants] });
    this.#notes.change(transaction, slice, noteName(DECIDED_PREFIX, slice, operation), value);
  }

  decided(operation: string, decided: Decided): void {
    this.#decided.set(operation, decided);
  }

  /** Whether it was decided, and if so, whether that can be told: not before a crash cannot take it back. `undefined`: it was not. */
  isCommitted(operation: string): boolean | undefined {
    const decided = this.#decided.get(operation);
    if (decided === undefined) return undefined;
    return this.#notes.get(noteName(DECIDED_PREFIX, decided.slice, operation)) !== null;
  }

  undelivered(): readonly Undelivered[] {
    const found: Undelivered[] = [];
    for (const [operation, { participants }] of this.#decided) {
      if (this.isCommitted(operation) !== true) continue;
      found.push({ operation: Buffer.from(operation, 'hex'), participants });
    }
    return found;
  }

  /** All participants of these know. Throws NOSPC, IO; then the rest is told of as undelivered still. */
  delivered(operations: readonly OperationId[]): void {
    const bySlice = new Map<number, string[]>();
    for (const id of operations) {
      const operation = operationText(id);
      const decided = this.#decided.get(operation);
      if (decided === undefined) continue;
      const there = bySlice.get(decided.slice);
      if (there === undefined) bySlice.set(decided.slice, [operation]);
      else there.push(operation);
    }
    for (const [slice, texts] of bySlice) {
      for (let at = 0; at < texts.length; at += CHANGES_MAX) this.#end(slice, texts.slice(at, at + CHANGES_MAX));
    }
  }

  #end(slice: number, operations: readonly string[]): void {
    const transaction = new Transaction(this.#core, OperationSchema.resolve, null, slice);
    transaction.mayUseReserve = true;
    for (const operation of operations)
      this.#notes.change(transaction, slice, noteName(DECIDED_PREFIX, slice, operation), null);
    transaction.commit(null);
    // Not before: where there is no room for that, it is told of as undelivered until there is.
    for (const operation of operations) this.#decided.delete(operation);
  }
}
