import { FlareError } from '../flare/errors.ts';
import type { FlareService, NoteStore } from '../flare/service.ts';
import { type Attributes, type FlareId, FlareType, type Key } from '../flare/types.ts';
import { pathNote } from './numbers.ts';

/** Directories that one path's rules stay bound to at most: the newest ones. */
export const BINDINGS_MAX = 8;

const PREFIX = 'rule/';
const KEY_BYTES = 20;
/** Key, and generation as eight bytes, big endian. */
const BINDING_BYTES = KEY_BYTES + 8;

function decode(value: Buffer): FlareId[] {
  const ids: FlareId[] = [];
  for (let at = 0; at + BINDING_BYTES <= value.length; at += BINDING_BYTES) {
    const key = value.toString('latin1', at, at + KEY_BYTES) as Key;
    ids.push({ key, generation: Number(value.readBigUInt64BE(at + KEY_BYTES)) });
  }
  return ids;
}

function encode(ids: readonly FlareId[]): Buffer {
  const value = Buffer.alloc(ids.length * BINDING_BYTES);
  for (const [place, { key, generation }] of ids.entries()) {
    value.write(key, place * BINDING_BYTES, 'latin1');
    value.writeBigUInt64BE(BigInt(generation), place * BINDING_BYTES + KEY_BYTES);
  }
  return value;
}

async function living(service: FlareService, id: FlareId): Promise<Attributes | null> {
  try {
    const found = await service.getattr(id);
    return found.type === FlareType.directory ? found : null;
  } catch (error) {
    if (error instanceof FlareError && error.status === 'STALE') return null;
    throw error;
  }
}

/**
 * The directories that the rules of this path were bound to before and that still live, the newest first. Rules follow renames, also over a restart: else
 * the renaming of a directory above would take a refusal off what lies below.
 */
export async function boundBefore(service: FlareService, notes: NoteStore, path: string): Promise<Attributes[]> {
  const value = notes.note(pathNote(PREFIX, path));
  const found: Attributes[] = [];
  for (const id of value === null ? [] : decode(value)) {
    const directory = await living(service, id);
    if (directory !== null) found.push(directory);
  }
  return found;
}

/** Remembers what each path's rules are bound to, and forgets paths that have none any more. Durable when it resolves. */
export async function rememberBindings(
  notes: NoteStore,
  bindings: ReadonlyMap<string, readonly FlareId[]>,
): Promise<void> {
  const wanted = new Map<string, Buffer>();
  for (const [path, ids] of bindings) wanted.set(pathNote(PREFIX, path), encode(ids.slice(0, BINDINGS_MAX)));
  for (const name of notes.notes(PREFIX).keys()) if (!wanted.has(name)) await notes.setNote(name, null);
  for (const [name, value] of wanted) {
    if (notes.note(name)?.equals(value) !== true) await notes.setNote(name, value);
  }
}
