/** How many records are remembered, at most: 512 KiB. */
const SLOTS = 65_536;
/** Records of later segments are not remembered: segment and position would not fit into one number. */
const SEGMENT_MAX = 2 ** 21 - 1;

interface Place {
  readonly segment: number;
  readonly position: number;
  readonly lead: number;
}

/** Records that were found sound when they came from the disk. Each has one slot, which another one may take: then it is checked again. */
export class SoundRecords {
  readonly #slots = new Float64Array(SLOTS);

  has(place: Place): boolean {
    return this.#slots[slotOf(place)] === keyOf(place);
  }

  add(place: Place): void {
    if (place.segment <= SEGMENT_MAX) this.#slots[slotOf(place)] = keyOf(place);
  }
}

/** Segments have fewer than 2^32 bytes. */
function keyOf({ segment, position, lead }: Place): number {
  return segment * 2 ** 32 + position - lead;
}

/** Neighbours have slots of their own, and so have the first records of segments. */
function slotOf({ segment, position, lead }: Place): number {
  return (segment * 7919 + Math.floor((position - lead) / 16)) % SLOTS;
}
