import type { NoteStore } from '../service.ts';

/** The longest name of a note, in bytes. */
export const NOTE_NAME_MAX = 1024;
/** The longest value of a note, in bytes. */
export const NOTE_VALUE_MAX = 65_536;

/** A `NoteStore` that forgets all when it goes. */
export class MemoryNotes implements NoteStore {
  readonly #notes = new Map<string, Buffer>();

  note(name: string): Buffer | null {
    return this.#notes.get(name) ?? null;
  }

  notes(prefix: string): ReadonlyMap<string, Buffer> {
    const found = [...this.#notes].filter(([name]) => name.startsWith(prefix));
    return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async setNote(name: string, value: Buffer | null): Promise<void> {
    if (name.length > NOTE_NAME_MAX || !/^[\0-\x7f]*$/.test(name))
      throw new RangeError(
        `note name ${JSON.stringify(name.slice(0, 80))}: must be ASCII, at most ${NOTE_NAME_MAX} bytes`,
      );
    if (value !== null && value.length > NOTE_VALUE_MAX)
      throw new RangeError(`note ${name}: ${value.length} bytes; the most is ${NOTE_VALUE_MAX}`);
    if (value === null) this.#notes.delete(name);
    else this.#notes.set(name, Buffer.from(value));
  }
}
