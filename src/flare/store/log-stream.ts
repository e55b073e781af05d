import { batchEnd } from '../kml/format.ts';
import type { Kml } from '../kml/types.ts';
import type { RecordHead } from '../record/head.ts';
import { epochAt, type Kept } from './log-runs.ts';
import { groupsOfBatch, hasSegment } from './log-tail.ts';

/** From where the records of a slice are wanted, and what the log was found to have of it. */
export interface StreamedSlice {
  /** The number of the record before the first. */
  readonly after: number;
  readonly kept: Kept;
}

/** Records that are wanted lie in a segment that compaction has taken. */
export class GoneError extends Error {
  constructor(segment: number) {
    super(`segment ${segment} of the log is not there any more`);
    this.name = 'GoneError';
  }
}

/** Reads on in the log, with the records of some slices, in order, as they become durable. */
export class LogStream {
  readonly #kml: Kml;
  readonly #slices: ReadonlyMap<number, StreamedSlice>;
  /** The number of each slice's last record that was given. */
  readonly #given = new Map<number, number>();
  #segment: number;
  #lsn = 0;

  constructor(kml: Kml, slices: ReadonlyMap<number, StreamedSlice>) {
    this.#kml = kml;
    this.#slices = slices;
    this.#segment = kml.currentSegment;
    for (const [slice, { after, kept }] of slices) {
      this.#given.set(slice, after);
      const last = kept.runs[0]?.last ?? 0;
      // Of others only what is new comes, and the log may have begun other segments since it was looked through.
      this.#segment = Math.min(this.#segment, after < last ? kept.segment : kept.end);
    }
  }

  /** The last number of a slice that was given. */
  given(slice: number): number {
    return this.#given.get(slice)!;
  }

  /** Groups up to that LSN, which must be durable, some at a time; they alias memory that is there until the next are asked for. Throws `KmlRotError`, `KmlReadError`, `GoneError`. */
  async *upTo(lsn: number): AsyncGenerator<Buffer[][]> {
    for (const { number } of [...this.#kml.segments()]) {
      if (number < this.#segment || this.#lsn >= lsn) continue;
      this.#segment = number;
      if (!hasSegment(this.#kml, number)) throw new GoneError(number);
      for await (const batch of this.#kml.walkSegment(number)) {
        const end = batchEnd(batch).lsn;
        if (end <= this.#lsn || batch.count === 0) continue;
        if (batch.firstLsn > lsn) break;
        const groups = groupsOfBatch(batch, (head) => this.#takes(head));
        this.#lsn = end;
        if (groups.length > 0) yield groups;
      }
    }
  }

  #takes({ slice, number, epoch, base }: RecordHead): boolean {
    const given = this.#given.get(slice);
    if (base || given === undefined || number !== given + 1) return false;
    // What was taken back has other epochs; what has come since the log was looked through counts.
    const counts = (epochAt(this.#slices.get(slice)!.kept.runs, number) ?? epoch) === epoch;
    if (counts) this.#given.set(slice, number);
    return counts;
  }
}
