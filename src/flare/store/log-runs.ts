import { batchRecords } from '../kml/format.ts';
import type { Kml } from '../kml/types.ts';
import { recordHead } from '../record/head.ts';
import { markOf } from '../record/mark.ts';
import type { LastRecord } from './following.ts';
import { hasSegment } from './log-tail.ts';

/** Records of a slice whose numbers follow each other, all of one epoch. */
export interface Run {
  readonly epoch: number;
  readonly first: number;
  readonly last: number;
}

/** What a segment holds of a slice: its runs, in order, behind the last mark in it. */
interface Piece {
  mark: LastRecord | null;
  runs: Run[];
}

type Pieces = ReadonlyMap<number, Piece>;

/** What the log has of a slice's records without a gap up to the last one, the newest run first, and where. */
export interface Kept {
  readonly runs: readonly Run[];
  /** The oldest segment that holds one of them. */
  readonly segment: number;
  /** The segment that was being written when the log was looked through: what has come since lies there, or behind it. */
  readonly end: number;
}

/** The epoch of a slice's record of that number; undefined: it is not among them. */
export function epochAt(runs: readonly Run[], number: number): number | undefined {
  return runs.find(({ first, last }) => first <= number && number <= last)?.epoch;
}

/**
 * Which records of slices a log has, by number and epoch, from the newest segment back. Segments are written once: what one holds that is not written any more is learned once.
 */
export class LogRuns {
  readonly #kml: Kml;
  readonly #known = new Map<number, Pieces>();

  constructor(kml: Kml) {
    this.#kml = kml;
  }

  /**
   * Of each slice what is durable, as far back as `enough` wants to know: it is asked for each run found. A run that is not whole in the log begins with the first record that is. The last record before a mark, or before what
   * compaction wrote anew, counts as there, since all that comes behind it is. Throws `KmlRotError`, `KmlReadError`.
   */
  async of(wanted: ReadonlyMap<number, (run: Run) => boolean>): Promise<Map<number, Kept>> {
    const found = new Map<number, { runs: Run[]; segment: number; readonly end: number }>();
    const open = new Set(wanted.keys());
    const end = this.#kml.currentSegment;
    for (const slice of open) found.set(slice, { runs: [], segment: 0, end });
    for (const { number } of [...this.#kml.segments()].reverse()) {
      // What compaction has taken meanwhile was the oldest.
      if (open.size === 0 || !hasSegment(this.#kml, number)) break;
      const pieces = await this.#pieces(number);
      for (const slice of open) {
        const piece = pieces.get(slice);
        if (piece === undefined) continue;
        const kept = found.get(slice)!;
        const goesOn = takePiece(kept.runs, piece, wanted.get(slice)!);
        kept.segment = number;
        if (!goesOn) open.delete(slice);
      }
    }
    return found;
  }

  async #pieces(segment: number): Promise<Pieces> {
    const known = this.#known.get(segment);
    if (known !== undefined) return known;
    const written = segment === this.#kml.currentSegment;
    const pieces = new Map<number, Piece>();
    for await (const batch of this.#kml.walkSegment(segment)) {
      for (const { payload } of batchRecords(batch)) takeRecord(pieces, payload);
    }
    if (!written) {
      this.#known.set(segment, pieces);
      const [oldest] = this.#kml.segments();
      for (const number of this.#known.keys()) if (number < (oldest?.number ?? 0)) this.#known.delete(number);
    }
    return pieces;
  }
}

function takeRecord(pieces: Map<number, Piece>, payload: Buffer): void {
  const head = recordHead(payload);
  const { slice, number, epoch, base } = head;
  if (base && markOf(head, payload) !== null) {
    pieces.set(slice, { mark: { number, epoch }, runs: [] });
    return;
  }
  let piece = pieces.get(slice);
  if (piece === undefined) {
    piece = { mark: null, runs: [] };
    pieces.set(slice, piece);
  }
  const last = piece.runs.at(-1);
  if (base) {
    // It says what the slice's last record was then: that itself may be gone, and all behind it is here.
    if (last === undefined && number > 0) piece.runs.push({ epoch, first: number, last: number });
    return;
  }
  if (last?.epoch === epoch && last.last + 1 === number) piece.runs[piece.runs.length - 1] = { ...last, last: number };
  else piece.runs.push({ epoch, first: number, last: number });
}

/** Puts what a segment has before what newer ones have, as far as it follows. Returns whether more is wanted. */
function takePiece(runs: Run[], { mark, runs: here }: Piece, enough: (run: Run) => boolean): boolean {
  for (const run of here.toReversed()) if (!takeRun(runs, run) || enough(runs.at(-1)!)) return false;
  if (mark === null) return true;
  takeRun(runs, { epoch: mark.epoch, first: mark.number, last: mark.number });
  return false;
}

/** Puts an older run behind the others; false when it is not the one before them. */
function takeRun(runs: Run[], run: Run): boolean {
  const newer = runs.at(-1);
  const same = newer?.epoch === run.epoch;
  if (newer !== undefined && newer.first !== run.last + 1 && !(same && newer.first === run.last)) return false;
  if (same) runs[runs.length - 1] = { ...newer!, first: run.first };
  else runs.push(run);
  return true;
}
