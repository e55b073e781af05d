import type { ContentCipher, FileHeader, Take } from './contents.ts';
import { CipherError } from './errors.ts';
import { cipherRange, HEADER_BYTES, PLAIN_BLOCK_BYTES, plainSize, type Range, truncated } from './sizes.ts';

/** How bytes of a file are read: this range of the ciphertext, and then that part of what it decrypts to. */
export interface ReadPlan {
  readonly cipher: Range;
  /** The number of the first block in the range. */
  readonly first: number;
  /** Which of the plain bytes were asked for. */
  readonly plain: Range;
}

/**
 * How to read up to `length` bytes at `offset` of a file of `size` bytes of ciphertext; null where there is nothing: at and after its end. BLOCK_TRUNCATED when
 * the read goes up to the end of a file that was cut short inside its header or inside the overhead of its last block; what is before can still be read.
 */
export function planRead(size: number, offset: number, length: number): ReadPlan | null {
  const end = plainSize(size);
  if (length > 0 && offset + length >= end && truncated(size)) throw cutShort(size);
  const taken = Math.min(length, end - offset);
  if (taken <= 0) return null;
  const first = Math.floor(offset / PLAIN_BLOCK_BYTES);
  const last = Math.floor((offset + taken - 1) / PLAIN_BLOCK_BYTES);
  return {
    cipher: cipherRange(first, last, size),
    first,
    plain: { offset: offset - first * PLAIN_BLOCK_BYTES, length: taken },
  };
}

/** The bytes that were asked for, from the ciphertext that `plan` names, in memory that `take` gives. BLOCK_TRUNCATED when that is not all of it, else as `ContentCipher.open`. */
export function openRead(
  contents: ContentCipher,
  header: FileHeader,
  plan: ReadPlan,
  cipher: Uint8Array,
  take?: Take,
): Buffer {
  const { offset, length } = plan.plain;
  return openAll(contents, header, plan.first, plan.cipher, cipher, take).subarray(offset, offset + length);
}

/** `ContentCipher.open` of a range that must be there in full. */
export function openAll(
  contents: ContentCipher,
  header: FileHeader,
  first: number,
  range: Range,
  cipher: Uint8Array,
  take?: Take,
): Buffer {
  if (cipher.length !== range.length) {
    const what = `block ${first} and what follows have ${cipher.length} bytes where the file's size says ${range.length}`;
    throw new CipherError('BLOCK_TRUNCATED', what, first);
  }
  return contents.open(header, first, cipher, take);
}

/** The error for a file of which `truncated` is true. */
export function cutShort(size: number): CipherError {
  const where = size < HEADER_BYTES ? 'its header' : 'the overhead of its last block';
  return new CipherError(
    'BLOCK_TRUNCATED',
    `the file was cut short: its ${size} bytes of ciphertext end inside ${where}`,
  );
}
