import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { seededRandom } from '../../../base/random.ts';
import { LONG_NAME_MAX } from '../conf.ts';
import { CipherError, type CipherFault } from '../errors.ts';
import { MasterKey } from '../keys.ts';
import { type CipherTree, cipherTree } from '../tree.ts';

/** Bytes of any value, `least` to `most` of them, evenly over all lengths. */
export function bytesOf(least: number, most: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength: least, maxLength: most, size: 'max' }).map((bytes) => Buffer.from(bytes));
}

/** A plain name of any bytes. */
export const plainNames: fc.Arbitrary<Buffer> = fc
  .array(
    fc.integer({ min: 1, max: 255 }).filter((byte) => byte !== 0x2f),
    { minLength: 1, maxLength: 255, size: 'max' },
  )
  .map((bytes) => Buffer.from(bytes))
  .filter((name) => !['.', '..'].includes(name.toString('latin1')));

/** A key of 32 times the same byte. */
export function keyOf(byte: number) {
  return createSecretKey(Buffer.alloc(32, byte));
}

/** A tree of which all is determined by the seed. Not for secrets. */
export function seededTree(seed: number, longNameMax: number = LONG_NAME_MAX.most): CipherTree {
  const random = seededRandom(seed);
  return cipherTree(new MasterKey(random.bytes(32)), { longNameMax }, random);
}

/** A copy with one bit changed; `bit` counts from the beginning and wraps at the end. */
export function flipped(bytes: Uint8Array, bit: number): Buffer {
  const copy = Buffer.from(bytes);
  const at = bit % (copy.length * 8);
  copy[at >> 3]! ^= 1 << (at & 7);
  return copy;
}

/** The fault that calling this ends in; undefined when it ends well. Other errors are thrown on. */
export async function faultOf(call: () => unknown): Promise<CipherFault | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    if (error instanceof CipherError) return error.fault;
    throw error;
  }
}
