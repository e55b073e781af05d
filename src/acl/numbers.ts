import { createHash } from 'node:crypto';
import type { NoteStore } from '../flare/service.ts';

/** The largest share number: handles have 16 bits for it. */
export const SHARE_NUMBER_MAX = 65_535;

const PREFIX = 'share/';
const NOTE_NAME_MAX = 1024;

/**
 * The name of a note about a path: `prefix` and the path, ASCII, bytes that are none of letters, digits and `/._-` as `%41`. Where
 * that would be longer than a note's name may be, the path's SHA-256 after a `#`.
 */
export function pathNote(prefix: string, path: string): string {
  const plain = path.replace(
    /[^A-Za-z0-9/._-]/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`,
  );
  if (prefix.length + plain.length <= NOTE_NAME_MAX) return prefix + plain;
  return `${prefix}#${createHash('sha256').update(path, 'latin1').digest('hex')}`;
}

/**
 * The numbers of shares, by path. They are kept as notes, so that a path has the same number for ever; a number goes to another path only
 * when all others have been given away, and never that of a path in `paths`. Durable when it resolves.
 */
export async function numberShares(notes: NoteStore, paths: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const names = new Map(paths.map((path) => [pathNote(PREFIX, path), path]));
  const numbers = new Map<string, number>();
  const taken = new Set<number>();
  const idle = new Map<number, string>();
  for (const [name, value] of notes.notes(PREFIX)) {
    const number = Number(value.toString('latin1'));
    const path = names.get(name);
    taken.add(number);
    if (path === undefined) idle.set(number, name);
    else numbers.set(path, number);
  }
  let next = 1;
  for (const [name, path] of names) {
    if (numbers.has(path)) continue;
    while (next <= SHARE_NUMBER_MAX && taken.has(next)) next++;
    let number = next;
    if (next > SHARE_NUMBER_MAX) {
      const [reused, old] = idle.entries().next().value!;
      idle.delete(reused);
      await notes.setNote(old, null);
      number = reused;
    }
    await notes.setNote(name, Buffer.from(String(number)));
    taken.add(number);
    numbers.set(path, number);
  }
  return numbers;
}
