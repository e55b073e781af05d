import { FlareError } from '../errors.ts';
import type { FlushWriter } from '../index/flush.ts';
import type { SliceRow } from '../index/types.ts';
import { LOCAL_SLICE, SLICES } from '../keys.ts';

/** The first `n` of a slice's fileids, which are n × 256 + slice: what lies below is for files that are no flares, those of `/.dht/`. */
export const FILEID_FIRST_N = 16;

/** The epoch of a volcano that is alone. */
export const EPOCH_ALONE = 1;

/** One slice's counters. */
export interface Slice {
  /** The number of its last record, that record's epoch and segment; 0 when it had none. */
  number: number;
  epoch: number;
  lastSegment: number;
  /** `n` of the next fileid. */
  nextFileid: number;
  fileidsWrapped: boolean;
  /** The segment of the record that last set the counter of fileids; 0 when none did. */
  segment: number;
}

/** The counters of a slice without records. */
function noRecord(): Slice {
  return { number: 0, epoch: 0, lastSegment: 0, nextFileid: FILEID_FIRST_N, fileidsWrapped: false, segment: 0 };
}

/** All slices' counters, and those of `LOCAL_SLICE`: always in memory. */
export class Slices {
  readonly #slices: Slice[] = [];
  readonly #changed = new Set<number>();
  /** The epoch that new records are written in. */
  epoch = EPOCH_ALONE;
  /** The number of a slice up to which all copies are known to have its records; 0 while there are no copies. */
  commit: (slice: number) => number = () => 0;

  constructor(rows: readonly SliceRow[]) {
    for (let slice = 0; slice <= LOCAL_SLICE; slice++) {
      this.#slices.push(noRecord());
    }
    for (const { slice, ...row } of rows)
      this.#slices[slice] = { ...row, nextFileid: Math.max(FILEID_FIRST_N, row.nextFileid) };
  }

  /** How many go with the next flush. */
  get changed(): number {
    return this.#changed.size;
  }

  /** The slice has had a record of that number, in that segment. */
  numbered(slice: number, number: number, epoch: number, segment: number): void {
    const counters = this.of(slice);
    counters.number = Math.max(counters.number, number);
    counters.epoch = Math.max(counters.epoch, epoch);
    counters.lastSegment = segment;
    this.#changed.add(slice);
  }

  /** Writes what has changed since the last flush. */
  pack(to: FlushWriter): void {
    for (const slice of this.#changed) to.slice({ slice, ...this.of(slice) });
    this.#changed.clear();
  }

  /** Nothing is known of the slice any more, not even how many records it had. */
  wipe(slice: number): void {
    this.#slices[slice] = noRecord();
    this.#changed.add(slice);
  }

  /** The slice's next record says how far it is, though that be less than it was. */
  goBack(slice: number): void {
    Object.assign(this.of(slice), { number: 0, epoch: 0 });
  }

  /** The slices whose last record, or counter, stands in that segment. */
  lastIn(segment: number): number[] {
    const found: number[] = [];
    for (const [number, slice] of this.#slices.entries()) {
      if (slice.number > 0 && (slice.lastSegment === segment || slice.segment === segment)) found.push(number);
    }
    return found;
  }

  of(slice: number): Slice {
    return this.#slices[slice]!;
  }

  /**
   * The slice's next fileid (n × 256 + slice), and its counter after it. When the counter has gone round, numbers that `taken` says are
   * living are skipped; NOSPC when all are.
   */
  freeFileid(
    slice: number,
    max: number,
    taken: (fileid: number) => boolean,
  ): { fileid: number; nextFileid: number; fileidsWrapped: boolean } {
    let { nextFileid: n, fileidsWrapped } = this.of(slice);
    for (let tries = 0; tries <= max; tries++) {
      const last = n >= max;
      const fileid = n * SLICES + slice;
      const nextFileid = last ? FILEID_FIRST_N : n + 1;
      if (!fileidsWrapped || !taken(fileid)) return { fileid, nextFileid, fileidsWrapped: fileidsWrapped || last };
      n = nextFileid;
      fileidsWrapped ||= last;
    }
    throw FlareError.of('NOSPC');
  }
}
