import type { KeyObject } from 'node:crypto';
import { IV_BYTES, SEAL_BYTES, sealInto, unseal } from './gcm.ts';

/** AES-256-GCM under one key, into memory that is there already. Every user of an instance is of the same thread. */
export interface Sealer {
  /**
   * Puts IV (16 bytes), ciphertext and tag of `plain` into `out` at `at`: `SEAL_BYTES` more than `plain` has. RangeError when there is no room, or the IV has another
   * length.
   */
  seal(out: Uint8Array, at: number, iv: Uint8Array, associated: Uint8Array, plain: Uint8Array): void;
  /**
   * Puts what was sealed into `out` at `at`, `SEAL_BYTES` less than `sealed` has. False when it was sealed under another key or for another place, or was
   * altered, or is too short: nothing of it is in `out` then. RangeError when there is no room.
   */
  open(out: Uint8Array, at: number, associated: Uint8Array, sealed: Uint8Array): boolean;
}

/** By node:crypto: works everywhere. */
export function nodeSealer(key: KeyObject): Sealer {
  return {
    seal: (out, at, iv, associated, plain) => {
      if (iv.length !== IV_BYTES) throw new RangeError(`an IV has ${IV_BYTES} bytes, not ${iv.length}`);
      checkRoom(out, at, plain.length + SEAL_BYTES);
      sealInto(out, at, key, iv, associated, plain);
    },
    open: (out, at, associated, sealed) => {
      checkRoom(out, at, sealed.length - SEAL_BYTES);
      const plain = unseal(key, associated, sealed);
      if (plain !== null) out.set(plain, at);
      return plain !== null;
    },
  };
}

/** RangeError unless `length` bytes fit into `out` at `at`. */
export function checkRoom(out: Uint8Array, at: number, length: number): void {
  if (!Number.isSafeInteger(at) || at < 0 || at + length > out.length) {
    throw new RangeError(`${length} bytes do not fit at ${at} of ${out.length}`);
  }
}
