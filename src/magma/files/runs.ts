/** Holes are looked for in pieces of so many bytes, at multiples of it in the file. */
export const HOLE_BYTES = 64 * 1024;

const ZEROS = Buffer.alloc(HOLE_BYTES);

/** The parts of a piece of a file that are not zeros, as offsets in it: what lies between may be a hole. `at`: where the piece begins in the file. */
export function* dataRuns(piece: Buffer, at: number): Iterable<{ readonly from: number; readonly to: number }> {
  let from = -1;
  for (let start = 0; start < piece.length; ) {
    const stop = Math.min(piece.length, start + HOLE_BYTES - ((at + start) % HOLE_BYTES));
    const isHole = piece.compare(ZEROS, 0, stop - start, start, stop) === 0;
    if (isHole && from >= 0) {
      yield { from, to: start };
      from = -1;
    } else if (!isHole && from < 0) from = start;
    start = stop;
  }
  if (from >= 0) yield { from, to: piece.length };
}
