import { hash, type KeyObject } from 'node:crypto';
import type { Random } from '../../base/random.ts';
import { CONF_NAME } from './conf.ts';
import { EME_BLOCK_BYTES, Eme } from './eme.ts';
import { CipherError } from './errors.ts';
import { pad16, unpad16 } from './padding.ts';
import { fromRaw64, toRaw64 } from './raw64.ts';

/** The name of the file, in every directory of the ciphertext, that holds the directory's IV. */
export const DIRIV_NAME = 'gocryptfs.diriv';
/** Its permissions: who may read the directory has to read it. */
export const DIRIV_MODE = 0o444;
/** Bytes of a directory's IV. */
export const DIRIV_BYTES = 16;
/** What the names of files begin with whose own encrypted name is too long. */
export const LONG_NAME_PREFIX = 'gocryptfs.longname.';
/** What the file that holds such a name ends with. */
export const LONG_NAME_SUFFIX = '.name';
/** The permissions of that file. */
export const LONG_NAME_MODE = 0o444;
/** The longest plain name, in bytes. */
export const NAME_BYTES_MAX = 255;
/** The longest encrypted name, in bytes: what a file with a long name can hold. */
export const ENCRYPTED_NAME_BYTES_MAX = Math.ceil(((NAME_BYTES_MAX + 1) * 4) / 3);

/** Characters of a SHA-256 digest in Raw64. */
const DIGEST_CHARACTERS = 43;

/** How a plain name is stored. */
export interface StoredName {
  /** The name of the directory entry; ASCII. */
  readonly entry: string;
  /** The file that has to be there beside the entry, made before it and removed after it; null when the entry says it all. */
  readonly long: { readonly entry: string; readonly contents: Buffer } | null;
}

/** What an entry of a directory of the ciphertext is. */
export type Entry =
  /** A file with this plain name. */
  | { readonly kind: 'name'; readonly name: Buffer }
  /** A file whose plain name comes out of another file, `nameEntry`: `longName`. */
  | { readonly kind: 'long'; readonly nameEntry: string }
  /** A part of the format, which is not shown. */
  | { readonly kind: 'hidden' }
  /** What does not belong there, or was altered. */
  | { readonly kind: 'invalid'; readonly fault: string };

/** A name, or why there is none. */
export type PlainName = { readonly name: Buffer } | { readonly fault: string };

/** A new directory's IV: the contents of its `gocryptfs.diriv`. */
export function newDirectoryIv(random: Random): Buffer {
  return random.bytes(DIRIV_BYTES);
}

/** The IV that `gocryptfs.diriv` holds. DIRIV_BROKEN when it has another length, or is all zeros, as after a crash of a file system. */
export function parseDirectoryIv(contents: Uint8Array): Buffer {
  if (contents.length !== DIRIV_BYTES || contents.every((byte) => byte === 0)) {
    throw new CipherError(
      'DIRIV_BROKEN',
      `${DIRIV_NAME} must have ${DIRIV_BYTES} bytes, not all of them zero; it has ${contents.length}. Put a copy of it back: without it the names of the directory are lost`,
    );
  }
  return Buffer.from(contents);
}

/** The names of a tree: EME under a key of its own, the directory's IV as tweak, so that a name is another one in every directory. */
export class NameCipher {
  readonly #eme: Eme;
  readonly #longNameMax: number;

  constructor(key: KeyObject, longNameMax: number) {
    this.#eme = new Eme(key);
    this.#longNameMax = longNameMax;
  }

  /** How a name is stored in the directory with that IV. NAME_REFUSED for what is no name of a file: `nameFault`. */
  encrypt(name: Uint8Array, directoryIv: Uint8Array): StoredName {
    const fault = nameFault(name);
    if (fault !== null) throw new CipherError('NAME_REFUSED', `a name ${fault}`);
    const text = toRaw64(this.#eme.encrypt(directoryIv, pad16(name)));
    if (text.length <= this.#longNameMax) return { entry: text, long: null };
    const entry = longEntry(text);
    return { entry, long: { entry: entry + LONG_NAME_SUFFIX, contents: Buffer.from(text, 'latin1') } };
  }

  /** What an entry of the directory with that IV is. `inRoot`: `gocryptfs.conf` belongs to the root directory only. Never throws for an entry. */
  entry(entry: Uint8Array, directoryIv: Uint8Array, inRoot: boolean): Entry {
    const text = Buffer.from(entry).toString('latin1');
    if (text === DIRIV_NAME || (inRoot && text === CONF_NAME)) return { kind: 'hidden' };
    if (text.startsWith(LONG_NAME_PREFIX)) return longKind(text);
    // Names of another tree's LongNameMax are still names.
    const plain = this.#decrypt(text, directoryIv);
    return 'fault' in plain ? { kind: 'invalid', ...plain } : { kind: 'name', ...plain };
  }

  /** The plain name of a `long` entry, from the contents of its `nameEntry`, which must be those that the entry was named after. */
  longName(entry: Uint8Array, contents: Uint8Array, directoryIv: Uint8Array): PlainName {
    if (contents.length > ENCRYPTED_NAME_BYTES_MAX) {
      return {
        fault: `its ${LONG_NAME_SUFFIX} file has ${contents.length} bytes; the most is ${ENCRYPTED_NAME_BYTES_MAX}`,
      };
    }
    const text = Buffer.from(contents).toString('latin1');
    if (longEntry(text) !== Buffer.from(entry).toString('latin1')) {
      return { fault: `its ${LONG_NAME_SUFFIX} file is another entry's, or was altered` };
    }
    return this.#decrypt(text, directoryIv);
  }

  #decrypt(text: string, directoryIv: Uint8Array): PlainName {
    if (text.length > ENCRYPTED_NAME_BYTES_MAX) return { fault: 'it is too long for an encrypted name' };
    const bytes = fromRaw64(text);
    if (bytes === null) return { fault: 'it is no base64url without padding' };
    if (bytes.length === 0 || bytes.length % EME_BLOCK_BYTES !== 0) {
      return { fault: `it has ${bytes.length} bytes, which is no multiple of ${EME_BLOCK_BYTES}` };
    }
    const plain = unpad16(this.#eme.decrypt(directoryIv, bytes));
    const fault = plain === null ? 'has wrong padding' : nameFault(plain);
    if (plain === null || fault !== null) {
      return { fault: `what it decrypts to ${fault}: made with another key or in another directory, or altered` };
    }
    return { name: Buffer.from(plain) };
  }
}

/** Why these bytes are no name of a file; null when they are. The name is not in the message. */
export function nameFault(name: Uint8Array): string | null {
  if (name.length === 0) return 'is empty';
  if (name.length > NAME_BYTES_MAX) return `has ${name.length} bytes; the most is ${NAME_BYTES_MAX}`;
  if (name.includes(0) || name.includes(0x2f)) return 'has a NUL or a slash';
  if (name[0] === 0x2e && (name.length === 1 || (name.length === 2 && name[1] === 0x2e))) return 'is . or ..';
  return null;
}

function longEntry(text: string): string {
  return LONG_NAME_PREFIX + hash('sha256', Buffer.from(text, 'latin1'), 'base64url');
}

function longKind(text: string): Entry {
  const rest = text.slice(LONG_NAME_PREFIX.length);
  if (rest.length === DIGEST_CHARACTERS + LONG_NAME_SUFFIX.length && rest.endsWith(LONG_NAME_SUFFIX)) {
    if (fromRaw64(rest.slice(0, DIGEST_CHARACTERS)) !== null) return { kind: 'hidden' };
  }
  if (rest.length === DIGEST_CHARACTERS && fromRaw64(rest) !== null) {
    return { kind: 'long', nameEntry: text + LONG_NAME_SUFFIX };
  }
  return { kind: 'invalid', fault: `${LONG_NAME_PREFIX} is not followed by a SHA-256 digest` };
}
