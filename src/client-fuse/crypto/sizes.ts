import { CipherError } from './errors.ts';
import { SEAL_BYTES } from './gcm.ts';
import { FILE_ID_BYTES } from './place.ts';

/** Bytes of a file's header: its version and its id. */
export const HEADER_BYTES = 2 + FILE_ID_BYTES;
/** Plain bytes of a block; the last one of a file may have fewer, and has at least one. */
export const PLAIN_BLOCK_BYTES = 4096;
/** Bytes of such a block when it is sealed. */
export const CIPHER_BLOCK_BYTES = PLAIN_BLOCK_BYTES + SEAL_BYTES;
/** The largest file, in plain bytes: all sizes and offsets of its ciphertext are whole numbers that a double holds. */
export const PLAIN_SIZE_MAX =
  Math.floor((Number.MAX_SAFE_INTEGER - HEADER_BYTES) / CIPHER_BLOCK_BYTES) * PLAIN_BLOCK_BYTES;

/** Bytes of a file, one after the other. */
export interface Range {
  readonly offset: number;
  readonly length: number;
}

/** Where a block begins in the ciphertext. */
export function cipherOffset(block: number): number {
  return HEADER_BYTES + block * CIPHER_BLOCK_BYTES;
}

/** The size of the ciphertext of `plain` bytes: nothing for nothing, else a header and whole blocks and what remains. FILE_TOO_LARGE. */
export function cipherSize(plain: number): number {
  checkSize(plain);
  if (plain === 0) return 0;
  const rest = plain % PLAIN_BLOCK_BYTES;
  return cipherOffset(Math.floor(plain / PLAIN_BLOCK_BYTES)) + (rest === 0 ? 0 : rest + SEAL_BYTES);
}

/**
 * How many bytes a file of `cipher` bytes of ciphertext has. A header alone is an empty file; what a file that was cut short has too little of (`truncated`)
 * counts as nothing.
 */
export function plainSize(cipher: number): number {
  const { blocks, rest } = partsOf(cipher);
  return blocks * PLAIN_BLOCK_BYTES + Math.max(0, rest - SEAL_BYTES);
}

/** Whether no file has that size: it ends in its header, or in the overhead of its last block. */
export function truncated(cipher: number): boolean {
  const { rest } = partsOf(cipher);
  return (cipher > 0 && cipher < HEADER_BYTES) || (rest > 0 && rest <= SEAL_BYTES);
}

/** The ciphertext of blocks `first` to `last` of a file of `size` bytes of ciphertext. */
export function cipherRange(first: number, last: number, size: number): Range {
  const offset = cipherOffset(first);
  return { offset, length: Math.max(0, Math.min(size, cipherOffset(last + 1)) - offset) };
}

/** FILE_TOO_LARGE when a file cannot have `plain` bytes; RangeError when that is no size at all. */
export function checkSize(plain: number): void {
  if (plain > PLAIN_SIZE_MAX) throw new CipherError('FILE_TOO_LARGE', `a file has at most ${PLAIN_SIZE_MAX} bytes`);
  if (!Number.isSafeInteger(plain) || plain < 0) throw new RangeError(`${plain} is no size of a file`);
}

function partsOf(cipher: number): { blocks: number; rest: number } {
  const body = Math.max(0, cipher - HEADER_BYTES);
  return { blocks: Math.floor(body / CIPHER_BLOCK_BYTES), rest: body % CIPHER_BLOCK_BYTES };
}
