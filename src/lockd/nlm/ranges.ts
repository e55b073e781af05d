import { type ByteRange, LOCK_END } from '../../flare/locks/types.ts';
import type { Offset } from './schema.ts';

/** The largest number of versions 1 to 3. */
const SHORT_MAX = 2n ** 32n - 1n;

function whole(offset: Offset): bigint {
  return typeof offset === 'number' ? BigInt(offset) : offset.readBigUInt64BE();
}

/** The bytes that are meant: a length of 0 goes to the end of the file, and so does what goes beyond what a file can have; null when they begin there. */
export function rangeOf(offset: Offset, length: Offset): ByteRange | null {
  const start = whole(offset);
  if (start > LOCK_END) return null;
  const last = start + whole(length) - 1n;
  return { start, last: whole(length) === 0n || last > LOCK_END ? LOCK_END : last };
}

function long(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

/** The reverse of `rangeOf`, in numbers of that version: what does not fit ends, or begins, where they do. */
export function wireRange(
  { start, last }: ByteRange,
  version: number,
): { readonly offset: Offset; readonly length: Offset } {
  const length = last === LOCK_END ? 0n : last - start + 1n;
  if (version === 4) return { offset: long(start), length: long(length) };
  return {
    offset: Number(start > SHORT_MAX ? SHORT_MAX : start),
    length: Number(length > SHORT_MAX || last > SHORT_MAX ? 0n : length),
  };
}
