import { createCipheriv, createDecipheriv, type KeyObject } from 'node:crypto';

/** Bytes of a nonce: gocryptfs's flag `GCMIV128`. GCM hashes one that is not of 96 bits (NIST SP 800-38D §7.1). */
export const IV_BYTES = 16;
/** Bytes of an authentication tag. */
export const TAG_BYTES = 16;
/** What sealing adds to a text, in bytes. */
export const SEAL_BYTES = IV_BYTES + TAG_BYTES;

const ALGORITHM = 'aes-256-gcm';
const OPTIONS = { authTagLength: TAG_BYTES } as const;

/**
 * Puts IV, ciphertext and tag of `plain` into `out` at `at`: `SEAL_BYTES` more than `plain` has. AES-256-GCM (NIST SP 800-38D); an IV is never to be used
 * twice with a key.
 */
export function sealInto(
  out: Uint8Array,
  at: number,
  key: KeyObject,
  iv: Uint8Array,
  associated: Uint8Array,
  plain: Uint8Array,
): void {
  const cipher = createCipheriv(ALGORITHM, key, iv, OPTIONS);
  cipher.setAAD(associated);
  out.set(iv, at);
  out.set(cipher.update(plain), at + IV_BYTES);
  cipher.final();
  out.set(cipher.getAuthTag(), at + IV_BYTES + plain.length);
}

/** IV, ciphertext and tag of `plain`. */
export function seal(key: KeyObject, iv: Uint8Array, associated: Uint8Array, plain: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(plain.length + SEAL_BYTES);
  sealInto(out, 0, key, iv, associated, plain);
  return out;
}

/** What was sealed so; null when it was sealed under another key or for another place, or was altered, or is too short. */
export function unseal(key: KeyObject, associated: Uint8Array, sealed: Uint8Array): Buffer | null {
  if (sealed.length < SEAL_BYTES) return null;
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, IV_BYTES), OPTIONS);
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(end));
  const plain = decipher.update(sealed.subarray(IV_BYTES, end));
  try {
    decipher.final();
  } catch {
    plain.fill(0);
    return null;
  }
  return plain;
}
