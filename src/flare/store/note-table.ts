import type { FlushWriter } from '../index/flush.ts';
import type { NoteRow } from '../index/types.ts';
import { LOCAL_SLICE, ROOT_KEY, sliceOf } from '../keys.ts';
import { NO_BYTES } from '../record/pack.ts';
import { type Change, ChangeTypeSchema } from '../record/schema.ts';
import { isLockNote } from './locks/lock-note.ts';
import type { LockTable } from './locks/lock-table.ts';

/** The slice that the network's notes are numbered in: the root directory's. */
const NOTE_SLICE = sliceOf(ROOT_KEY);
/** Notes whose names begin so are this volcano's own, not the network's. */
const LOCAL_PREFIXES = ['volcano/', 'dht/'];
/** Notes of operations over several owners, of locks, and of copies say of which slice they are. */
const OF_SLICE = /^(?:joint\/\w+|lock|copy)\/(\d+)\//;

/** The slice whose records hold the note; those of `LOCAL_SLICE` never go to another volcano. */
export function sliceOfNote(name: string): number {
  if (LOCAL_PREFIXES.some((prefix) => name.startsWith(prefix))) return LOCAL_SLICE;
  const slice = OF_SLICE.exec(name)?.[1];
  return slice === undefined ? NOTE_SLICE : Number(slice);
}

/** Whether a note is this volcano's own affair: it is numbered apart, and never goes to another volcano. */
export function isLocalNote(name: string): boolean {
  return sliceOfNote(name) === LOCAL_SLICE;
}

/** The note that a copy of a slice has while it is being filled, or has been undone and not been made good: what lies there is of no worth by itself. */
export function partialNote(slice: number): string {
  return `copy/${slice}/partial`;
}

/** The change that puts that note there, or takes it away. */
export function partialChange(slice: number, partial: boolean): Change {
  const name = Buffer.from(partialNote(slice), 'latin1');
  return { type: ChangeTypeSchema.note, note: { name, value: partial ? NO_BYTES : null, old: null } };
}

/** Which bytes a note's are. */
export function kindOf(name: string): 'locks' | 'others' {
  return isLockNote(name) ? 'locks' : 'others';
}

/** A note as it is. */
export interface Note {
  /** null: it was removed. */
  readonly value: Buffer | null;
  /** What it was when that was last known to be durable. */
  readonly before: Buffer | null;
  readonly lsn: number;
  readonly segment: number;
}

/** All notes, in memory. */
export class NoteTable {
  readonly #notes = new Map<string, Note>();
  readonly #changed = new Set<string>();
  /** Removed notes, with the LSNs of their removals, oldest first. */
  readonly #gone = new Map<string, number>();
  /** Up to which LSN that note is committed: a removed note is kept until its removal is, for it may still have to be shown. */
  committed: (name: string) => number = () => 0;
  /** What names and values take together, in bytes: of notes that tell of locks, and of all others. */
  readonly bytes = { locks: 0, others: 0 };
  readonly #locks: LockTable;

  /** `locks` is told of all notes that tell of locks. */
  constructor(rows: readonly NoteRow[], locks: LockTable) {
    this.#locks = locks;
    for (const { name, value, segment } of rows) {
      this.#notes.set(name, { value, before: value, lsn: 0, segment });
      this.bytes[kindOf(name)] += name.length + value.length;
      if (isLockNote(name)) locks.note(name, value, 0);
    }
  }

  get count(): number {
    return this.#notes.size;
  }

  /** How many go with the next flush. */
  get changed(): number {
    return this.#changed.size;
  }

  get(name: string): Note | undefined {
    return this.#notes.get(name);
  }

  all(): IterableIterator<[string, Note]> {
    return this.#notes.entries();
  }

  set(name: string, note: Note): void {
    const old = this.#notes.get(name)?.value ?? null;
    const kind = kindOf(name);
    if (old !== null) this.bytes[kind] -= name.length + old.length;
    if (note.value !== null) this.bytes[kind] += name.length + note.value.length;
    this.#notes.set(name, note);
    if (kind === 'locks') this.#locks.note(name, note.value, note.lsn);
    this.#changed.add(name);
    this.#gone.delete(name);
    if (note.value === null) this.#gone.set(name, note.lsn);
    this.#forgetGone();
  }

  #forgetGone(): void {
    for (const [name, lsn] of this.#gone) {
      if (lsn > this.committed(name)) return;
      this.#gone.delete(name);
      this.#notes.delete(name);
    }
  }

  /** The notes of a slice are no more. */
  wipe(slice: number, lsn: number): void {
    for (const [name, { value }] of this.#notes) {
      if (value !== null && sliceOfNote(name) === slice) this.set(name, { value: null, before: null, lsn, segment: 0 });
    }
  }

  /** Writes what has changed since the last flush. */
  pack(to: FlushWriter): void {
    for (const name of this.#changed) {
      const note = this.#notes.get(name);
      if (note === undefined || note.value === null) to.noteGone(name);
      else to.note(name, note.value, note.segment);
    }
    this.#changed.clear();
  }
}
