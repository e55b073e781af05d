import type { NoteStore } from '../../../flare/service.ts';

/** Notes in memory, which are known unless it is said otherwise. */
export function memoryNotes(): NoteStore & { known: boolean } {
  const all = new Map<string, Buffer>();
  return {
    known: true,
    note: (name) => all.get(name) ?? null,
    notes: (prefix) => new Map([...all].filter(([name]) => name.startsWith(prefix))),
    async setNote(name, value) {
      if (value === null) all.delete(name);
      else all.set(name, value);
    },
  };
}
