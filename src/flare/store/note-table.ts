import type { FlushWriter } from '../index/flush.ts';
import type { NoteRow } from '../index/types.ts';

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
  /** What names and values take together, in bytes. */
  bytes = 0;

  constructor(rows: readonly NoteRow[]) {
    for (const { name, value, segment } of rows) {
      this.#notes.set(name, { value, before: value, lsn: 0, segment });
      this.bytes += name.length + value.length;
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
    if (old !== null) this.bytes -= name.length + old.length;
    if (note.value !== null) this.bytes += name.length + note.value.length;
    this.#notes.set(name, note);
    this.#changed.add(name);
  }

  /** Forgets a note that was removed. */
  forget(name: string): void {
    this.#notes.delete(name);
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
