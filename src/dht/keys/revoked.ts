import { struct, uint32, uint64 } from '@stellar/js-xdr';
import type { Clock } from '../../base/clock.ts';
import type { NoteStore } from '../../flare/service.ts';
import { compile } from '../../rpc/xdr.ts';
import { CLIENT_NAME_MAX, CLIENT_NUMBER_MAX, type ClientName, isClientName } from './identity.ts';

/** The most names of which keys may be revoked. */
export const REVOKED_MAX = 1000;
/** The network's notes of what is revoked, one for each name. */
const PREFIX = 'revoked/';
const codec = compile(struct('Revoked', { number: uint32(), seconds: uint64() }));

/** Keys of a client that are let in no more. */
export interface Revoked {
  readonly name: string;
  /** All up to this number. */
  readonly number: number;
  /** When, in seconds since 1970. */
  readonly seconds: number;
}

/** Up to which number keys of that name are revoked; 0: none is. */
export function revokedUpTo(notes: NoteStore, name: string): number {
  const value = notes.note(PREFIX + name);
  return value === null ? 0 : codec.decode(value).number;
}

/** Whether that key is let in no more. */
export function isRevoked(notes: NoteStore, { name, number }: ClientName): boolean {
  return number > 0 && number <= revokedUpTo(notes, name);
}

/** All names of which keys are revoked, by name. */
export function revokedNames(notes: NoteStore): Revoked[] {
  return [...notes.notes(PREFIX)].map(([note, value]) => ({ name: note.slice(PREFIX.length), ...codec.decode(value) }));
}

/**
 * Revokes the key that clients of that name have by now; the next one that is printed for the name is another one. Durable when it resolves. RangeError for what is no name, and beyond `REVOKED_MAX`
 * names.
 */
export async function revoke(notes: NoteStore, name: string, clock: Clock): Promise<Revoked> {
  if (!isClientName(name))
    throw new RangeError(
      `"${name}" is no name of a client: that has 1 to ${CLIENT_NAME_MAX} of a-z, 0-9, ".", "_" and "-", and begins with a letter or a digit`,
    );
  const before = revokedUpTo(notes, name);
  if (before === 0 && notes.notes(PREFIX).size >= REVOKED_MAX)
    throw new RangeError(
      `keys of ${REVOKED_MAX} names are revoked, and that is the most. Cure: another key for the network (magma key rotate)`,
    );
  const revoked = { number: Math.min(before + 1, CLIENT_NUMBER_MAX), seconds: Math.floor(clock.now() / 1_000_000) };
  await notes.setNote(PREFIX + name, codec.encode(revoked));
  return { name, ...revoked };
}
