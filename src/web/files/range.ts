/** Bytes of a file: from, up to but not including. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/**
 * What a `Range` header asks for of that many bytes (RFC 9110 §14.2): a range; null: all, since there is none, or one that is not for us (another unit, several ranges, no sense);
 * `'none'`: nothing of it is there.
 */
export function rangeOf(header: string | undefined, size: number): Range | null | 'none' {
  const [, first = '', last = ''] = /^bytes=[ \t]*(\d{0,15})-(\d{0,15})[ \t]*$/.exec(header ?? '') ?? [];
  if (first === '' && last === '') return null;
  if (first === '') {
    const count = Math.min(Number(last), size);
    return count === 0 ? 'none' : { start: size - count, end: size };
  }
  if (last !== '' && Number(last) < Number(first)) return null;
  if (Number(first) >= size) return 'none';
  return { start: Number(first), end: last === '' ? size : Math.min(Number(last) + 1, size) };
}
