import type { NotesPage } from './handlers.ts';
import { NOTES_BYTES_MAX, NOTES_MAX } from './procedures/notes.ts';

/** The notes whose names come after `after`, as many as one answer may hold. */
export function pageOfNotes(all: Iterable<readonly [string, Buffer]>, after: string): Omit<NotesPage, 'version'> {
  const notes: { name: string; value: Buffer }[] = [];
  let bytes = 0;
  for (const [name, value] of all) {
    if (name <= after) continue;
    bytes += name.length + value.length;
    if (notes.length === NOTES_MAX || bytes > NOTES_BYTES_MAX) return { notes, end: false };
    notes.push({ name, value });
  }
  return { notes, end: true };
}
