import { type ByteRange, LockKind, type LockMode } from './types.ts';

/** A range that an owner has. */
export interface OwnedRange extends ByteRange {
  readonly mode: LockMode;
}

/** The last byte of one is the one before the first of the other, or they share some. */
function touches(one: ByteRange, other: ByteRange): boolean {
  return one.start <= other.last + 1n && other.start <= one.last + 1n;
}

export function overlaps(one: ByteRange, other: ByteRange): boolean {
  return one.start <= other.last && other.start <= one.last;
}

/** Bits of a reservation: what is denied stands above what is taken. */
const DENY_SHIFT = 2n;
const ACCESS = 3n;

/** Whether one of two reservations takes what the other one denies. */
function denies({ start: one }: ByteRange, { start: other }: ByteRange): boolean {
  return ((one >> DENY_SHIFT) & other & ACCESS) !== 0n || ((other >> DENY_SHIFT) & one & ACCESS) !== 0n;
}

/** Whether locks of that kind, of different owners, cannot be there together. */
export function conflicts(kind: LockKind, one: OwnedRange, other: OwnedRange): boolean {
  if (kind === LockKind.share) return denies(one, other);
  return (one.mode === 'exclusive' || other.mode === 'exclusive') && overlaps(one, other);
}

/** What an owner has of that kind after a request: of bytes what `withRange` makes, of reservations the last one. */
export function afterRequest(
  kind: LockKind,
  before: readonly OwnedRange[],
  { start, last }: ByteRange,
  mode: LockMode | 'none',
): OwnedRange[] {
  if (kind !== LockKind.share) return withRange(before, { start, last }, mode);
  return mode === 'none' ? [] : [{ start, last, mode }];
}

/**
 * An owner's ranges, by their start, after the bytes of `range` have become `mode` (fcntl(2), F_SETLK): what they were is cut out, and what touches them and is of the same mode is joined. The ranges
 * before must be so that none overlap.
 */
export function withRange(before: readonly OwnedRange[], range: ByteRange, mode: LockMode | 'none'): OwnedRange[] {
  const after: OwnedRange[] = [];
  let { start, last } = range;
  for (const one of before) {
    if (one.mode === mode && touches(one, range)) {
      if (one.start < start) start = one.start;
      if (one.last > last) last = one.last;
      continue;
    }
    if (!overlaps(one, range)) {
      after.push(one);
      continue;
    }
    if (one.start < range.start) after.push({ ...one, last: range.start - 1n });
    if (one.last > range.last) after.push({ ...one, start: range.last + 1n });
  }
  if (mode !== 'none') after.push({ start, last, mode });
  return after.sort((one, other) => (one.start < other.start ? -1 : 1));
}

/** Whether two lists of ranges are the same. */
export function sameRanges(one: readonly OwnedRange[], other: readonly OwnedRange[]): boolean {
  if (one.length !== other.length) return false;
  return one.every(({ start, last, mode }, at) => {
    const there = other[at]!;
    return start === there.start && last === there.last && mode === there.mode;
  });
}
