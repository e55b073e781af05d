import { hash } from 'node:crypto';
import { FlareError } from './errors.ts';
import { type Key, NAME_MAX, type Name } from './types.ts';

/** Bytes of a key. */
export const KEY_BYTES = 20;
/** Bytes of the salt that is hashed into a key whose plain value is taken. */
export const SALT_BYTES = 8;
/** How many slices the keyspace is cut into. */
export const SLICES = 256;
/** What stands for a slice in records that are this volcano's own affair: they belong to none, and go nowhere. */
export const LOCAL_SLICE = SLICES;

/** The root directory's key: SHA-1("/"). */
export const ROOT_KEY = hash('sha1', '/', 'binary') as Key;

/** Room for what is hashed into a key, so that it is not put into memory of its own each time. */
const hashed = Buffer.alloc(KEY_BYTES + NAME_MAX + SALT_BYTES);

/** The key of what is born under that name in that directory: SHA-1(parent ‖ name ‖ salt). Throws RangeError when that is longer than it may be. */
export function keyOf(parent: Key, name: Name, salt = ''): Key {
  const text = parent + name + salt;
  if (text.length > hashed.length) throw new RangeError(`a key is made of ${hashed.length} bytes at most`);
  return hash('sha1', hashed.subarray(0, hashed.write(text, 'latin1')), 'binary') as Key;
}

/** The slice that a key lies in, 0 to 255: its first eight bits. */
export function sliceOf(key: Key): number {
  return key.charCodeAt(0);
}

/** A key's 20 bytes. */
export function keyBytes(key: Key): Buffer {
  return Buffer.from(key, 'latin1');
}

/** The key that 20 bytes hold. Throws RangeError on another length. */
export function keyFromBytes(bytes: Buffer): Key {
  if (bytes.length !== KEY_BYTES) throw new RangeError(`a key has ${KEY_BYTES} bytes, not ${bytes.length}`);
  return bytes.toString('latin1') as Key;
}

/** A key as 40 lower-case hexadecimal digits. */
export function keyText(key: Key): string {
  return keyBytes(key).toString('hex');
}

/** The key that 40 hexadecimal digits stand for; null when they are none. */
export function keyFromText(text: string): Key | null {
  return /^[0-9a-f]{40}$/i.test(text) ? (Buffer.from(text, 'hex').toString('latin1') as Key) : null;
}

/** Refuses what is no name: INVAL, NAMETOOLONG (`FlareService`). */
export function checkName(name: Name): void {
  const length = name.length;
  if (length > NAME_MAX) throw FlareError.of('NAMETOOLONG');
  if (length === 0 || name === '.' || name === '..') throw FlareError.of('INVAL');
  for (let at = 0; at < length; at++) {
    const code = name.charCodeAt(at);
    if (code === 0 || code === 0x2f || code > 0xff) throw FlareError.of('INVAL');
  }
}
