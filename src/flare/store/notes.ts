import type { Eventually } from '../../base/eventually.ts';
import { FlareError } from '../errors.ts';
import { NOTE_NAME_MAX, NOTE_VALUE_MAX } from '../record/limits.ts';
import { ChangeTypeSchema, OperationSchema } from '../record/schema.ts';
import type { Core } from './core.ts';
import { isLocalNote, kindOf, type Note, type NoteTable, sliceOfNote } from './note-table.ts';
import { Transaction } from './transaction.ts';

function check(name: string, value: Buffer | null): void {
  if (name.length === 0 || name.length > NOTE_NAME_MAX || !/^[\x20-\x7e]*$/.test(name)) {
    throw new RangeError(
      `note name ${JSON.stringify(name.slice(0, 80))}: must be 1 to ${NOTE_NAME_MAX} ASCII characters`,
    );
  }
  if (value !== null && value.length > NOTE_VALUE_MAX) {
    throw new RangeError(`note ${name}: ${value.length} bytes; the most is ${NOTE_VALUE_MAX}`);
  }
}

/** All notes, as those see them who ask. What is shown is committed. */
export class Notes {
  readonly #core: Core;
  readonly #table: NoteTable;

  constructor(core: Core) {
    this.#core = core;
    this.#table = core.state.notes;
    this.#table.committed = (name) => this.#committed(name);
  }

  get count(): number {
    return this.#table.count;
  }

  /** Up to where all is as durable as the note has to be. Nobody else ever has this volcano's own notes: for them its own disk is enough. */
  #committed(name: string): number {
    const { kml, commitment } = this.#core;
    return isLocalNote(name) ? kml.durable : commitment.lsn;
  }

  #isSettled(name: string, lsn: number): boolean {
    return lsn <= this.#committed(name);
  }

  /** Waits until it is. */
  settled(name: string, lsn: number): Eventually<void> {
    const { kml, commitment } = this.#core;
    return isLocalNote(name) ? kml.whenDurable(lsn) : commitment.when(lsn);
  }

  #shown(name: string, note: Note | undefined): Buffer | null {
    if (note === undefined) return null;
    return this.#isSettled(name, note.lsn) ? note.value : note.before;
  }

  get(name: string): Buffer | null {
    return this.#shown(name, this.#table.get(name));
  }

  withPrefix(prefix: string): ReadonlyMap<string, Buffer> {
    const found: [string, Buffer][] = [];
    for (const [name, note] of this.#table.all()) {
      const value = name.startsWith(prefix) ? this.#shown(name, note) : null;
      if (value !== null) found.push([name, value]);
    }
    return new Map(found.sort(([one], [other]) => (one < other ? -1 : 1)));
  }

  /** All notes whose names begin so, as of the last change, committed or not. */
  *latest(prefix: string): Generator<[name: string, value: Buffer]> {
    for (const [name, { value }] of this.#table.all())
      if (value !== null && name.startsWith(prefix)) yield [name, value];
  }

  /** Sets or removes a note; returns the LSN to wait for. NOSPC, IO; RangeError for what is no note. */
  set(name: string, value: Buffer | null): number {
    const old = this.#table.get(name);
    if (value === null && (old?.value ?? null) === null) return old?.lsn ?? 0;
    const slice = sliceOfNote(name);
    const transaction = new Transaction(this.#core, OperationSchema.note, null, slice);
    transaction.mayUseReserve = value === null;
    this.change(transaction, slice, name, value);
    transaction.commit(null);
    return this.#core.state.seen;
  }

  /** Sets or removes a note together with what else the transaction does, in a record of that slice. NOSPC; RangeError for what is no note. */
  change(transaction: Transaction, slice: number, name: string, value: Buffer | null): void {
    check(name, value);
    const { limits } = this.#core;
    const old = this.#table.get(name);
    const oldValue = old?.value ?? null;
    const grown =
      (value === null ? 0 : name.length + value.length) - (oldValue === null ? 0 : name.length + oldValue.length);
    const kind = kindOf(name);
    if (grown > 0 && this.#table.bytes[kind] + grown > limits[kind === 'locks' ? 'lockBytes' : 'noteBytes'])
      throw FlareError.of(kind === 'locks' ? 'NOLCK' : 'NOSPC');
    const copy = value === null ? null : Buffer.from(value);
    transaction.add(slice, {
      type: ChangeTypeSchema.note,
      note: { name: Buffer.from(name, 'latin1'), value: copy, old: oldValue },
    });
    transaction.afterwards((lsn, segment) => {
      const before = old !== undefined && !this.#isSettled(name, old.lsn) ? old.before : oldValue;
      this.#table.set(name, { value: copy, before, lsn, segment });
    });
  }

  /** The note's value if that was last set in this segment, for compaction. */
  definedIn(name: string, segment: number): Buffer | null {
    const note = this.#table.get(name);
    return note !== undefined && note.segment === segment ? note.value : null;
  }

  /** Compaction wrote the note anew. */
  moved(name: string, lsn: number, segment: number): void {
    const note = this.#table.get(name)!;
    const before = this.#isSettled(name, note.lsn) ? note.value : note.before;
    this.#table.set(name, { ...note, before, lsn, segment });
  }
}
