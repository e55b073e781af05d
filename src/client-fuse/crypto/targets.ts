import type { KeyObject } from 'node:crypto';
import type { Random } from '../../base/random.ts';
import { CipherError } from './errors.ts';
import { IV_BYTES, SEAL_BYTES, seal, unseal } from './gcm.ts';
import { placeOf } from './place.ts';
import { fromRaw64, toRaw64 } from './raw64.ts';

/** The longest encrypted target that is looked at: Linux's longest path without its NUL. */
export const ENCRYPTED_TARGET_BYTES_MAX = 4095;

/** The longest target, in bytes, of which the encrypted form has at most `encrypted` bytes; 0 when none has. The one whose form has just as many, too. */
export function longestTarget(encrypted: number): number {
  return Math.max(0, Math.floor((encrypted * 3) / 4) - SEAL_BYTES);
}

/**
 * Symlink targets: sealed like block 0 of a file without an id, in Raw64. A target that was moved to another symlink of the tree still opens: nothing
 * in the format ties it to its place.
 */
export class TargetCipher {
  readonly #key: KeyObject;
  readonly #random: Random;

  constructor(key: KeyObject, random: Random) {
    this.#key = key;
    this.#random = random;
  }

  /** The target to be stored; ASCII. TARGET_REFUSED when it is empty, has a NUL, or its encrypted form would have more than `most` bytes. */
  encrypt(target: Uint8Array, most: number = ENCRYPTED_TARGET_BYTES_MAX): string {
    const longest = longestTarget(Math.min(most, ENCRYPTED_TARGET_BYTES_MAX));
    if (target.length === 0 || target.length > longest || target.includes(0)) {
      throw new CipherError(
        'TARGET_REFUSED',
        `a target has 1 to ${longest} bytes and no NUL; this one has ${target.length}`,
      );
    }
    return toRaw64(seal(this.#key, this.#random.bytes(IV_BYTES), placeOf(0), target));
  }

  /** The target that was stored so. TARGET_BROKEN. */
  decrypt(stored: Uint8Array): Buffer {
    const sealed =
      stored.length > ENCRYPTED_TARGET_BYTES_MAX ? null : fromRaw64(Buffer.from(stored).toString('latin1'));
    const target = sealed === null ? null : unseal(this.#key, placeOf(0), sealed);
    if (target === null || target.length === 0) {
      throw new CipherError('TARGET_BROKEN', 'a target that was not encrypted with this key, or was altered');
    }
    return target;
  }
}
