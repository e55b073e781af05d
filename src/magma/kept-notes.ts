import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openForReading, type SqliteDatabase } from '../flare/index/database.ts';
import { INDEX_FILE } from '../flare/index/threaded-host.ts';
import type { NoteStore } from '../flare/service.ts';

/** The notes of an index, as they are now. They cannot be changed. */
export function notesIn(database: SqliteDatabase): NoteStore {
  const kept = new Map<string, Buffer>();
  type Row = { name: Buffer; value: Buffer };
  for (const { name, value } of database.prepare('SELECT name, value FROM notes').iterate() as Iterable<Row>)
    kept.set(name.toString('latin1'), Buffer.from(value));
  return {
    note: (name) => kept.get(name) ?? null,
    notes: (prefix) => new Map([...kept].filter(([name]) => name.startsWith(prefix))),
    setNote: () => Promise.reject(new Error('these notes are for reading')),
  };
}

/**
 * The notes of a data directory as its index has them, which may be a little behind the log. Nothing is opened for writing, and a volcano may be using the directory. Throws when it has no
 * index.
 */
export function keptNotes(directory: string): NoteStore {
  const file = join(directory, INDEX_FILE);
  if (!existsSync(file)) throw new Error(`${directory}: there is no index yet`);
  const database = openForReading(file);
  try {
    return notesIn(database);
  } finally {
    database.close();
  }
}
