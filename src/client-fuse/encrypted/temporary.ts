import type { Random } from '../../base/random.ts';
import { keyFromText, keyText } from '../../flare/keys.ts';
import type { FlareId, Name } from '../../flare/types.ts';
import { toRaw64 } from '../crypto/raw64.ts';

/*
 * Names that are none of the format, and that nobody is shown: a name of the format has no dots but in `gocryptfs.diriv`, `gocryptfs.conf` and long names.
 */

const MAKING = 'gocryptfs.mkdir.';
const ENDING = 'gocryptfs.rmdir.';
const MAKING_BYTES = 16;

/** What a name stands for that is there for a moment only, unless a client died. */
export type Temporary =
  /** A directory that is being made. */
  | { readonly kind: 'making' }
  /** The `gocryptfs.diriv` of a directory that is being ended. */
  | { readonly kind: 'ending'; readonly directory: FlareId };

/** A name for a directory that is being made. */
export function makingName(random: Random): Name {
  return MAKING + toRaw64(random.bytes(MAKING_BYTES));
}

/** What the `gocryptfs.diriv` of a directory is called in that one's parent while it is being ended: everybody can find it, and knows whose it is. */
export function endingName({ key, generation }: FlareId): Name {
  return `${ENDING}${keyText(key)}.${generation}`;
}

/** What a name stands for; null for all others. */
export function temporary(name: Name): Temporary | null {
  if (name.startsWith(MAKING)) return { kind: 'making' };
  if (!name.startsWith(ENDING)) return null;
  const [text = '', number = ''] = name.slice(ENDING.length).split('.');
  const key = keyFromText(text);
  const generation = Number(number);
  if (key === null || !Number.isSafeInteger(generation) || generation <= 0) return null;
  const directory = { key, generation };
  return endingName(directory) === name ? { kind: 'ending', directory } : null;
}
