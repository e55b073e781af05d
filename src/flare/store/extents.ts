import type { Extent, StoredExtent } from '../record/schema.ts';

/** The place in a list of extents, sorted by offset, of the first one that ends behind `offset`. */
export function firstEndingAfter(extents: readonly Extent[], offset: number): number {
  let low = 0;
  let high = extents.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const extent = extents[middle]!;
    if (extent.offset + extent.length > offset) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The part of an extent from `from` up to but not including `to`. */
export function clip(extent: StoredExtent, from: number, to: number): StoredExtent {
  const start = Math.max(extent.offset, from);
  const end = Math.min(extent.offset + extent.length, to);
  if (start === extent.offset && end === extent.offset + extent.length) return extent;
  return {
    offset: start,
    length: end - start,
    segment: extent.segment,
    position: extent.position + (start - extent.offset),
    lead: extent.lead + (start - extent.offset),
  };
}

/** The parts of extents that lie from `from` up to but not including `to`. */
export function within(extents: readonly StoredExtent[], from: number, to: number): StoredExtent[] {
  const found: StoredExtent[] = [];
  for (let at = firstEndingAfter(extents, from); at < extents.length && extents[at]!.offset < to; at++) {
    found.push(clip(extents[at]!, from, to));
  }
  return found;
}

/** The extents without what lies from `from` up to but not including `to`, and with `added` there if given. */
export function replaced(
  extents: readonly StoredExtent[],
  from: number,
  to: number,
  added: StoredExtent | null,
): StoredExtent[] {
  const start = firstEndingAfter(extents, from);
  const kept = extents.slice(0, start);
  let at = start;
  if (at < extents.length && extents[at]!.offset < from) kept.push(clip(extents[at]!, 0, from));
  if (added !== null) kept.push(added);
  for (; at < extents.length && extents[at]!.offset < to; at++) {
    const extent = extents[at]!;
    if (extent.offset + extent.length > to) kept.push(clip(extent, to, extent.offset + extent.length));
  }
  for (; at < extents.length; at++) kept.push(extents[at]!);
  return kept;
}

/** The bytes of all extents together. */
export function lengthOf(extents: readonly Extent[]): number {
  let sum = 0;
  for (const extent of extents) sum += extent.length;
  return sum;
}
