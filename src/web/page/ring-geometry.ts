import type { RunState } from '../api.ts';

/** What a piece of the ring stands for: who answers for it, a mirror, one that is being filled, or a copy that there is not, of volcano -1. */
export type PieceKind = 'primary' | 'mirror' | 'filling' | 'missing';

/** Slices beside each other that one volcano holds in one role; `level` 0 is the outermost ring. */
export interface Piece {
  readonly volcano: number;
  readonly kind: PieceKind;
  readonly level: number;
  readonly first: number;
  readonly count: number;
}

/** The most rings that are drawn; further mirrors are in the table only. */
export const LEVELS_MAX = 5;

/** The pieces of a ring that keeps so many copies, each as long as can be: the primaries outermost, then the mirrors in sync, those that are being filled, and what is missing. */
export function pieces(runs: readonly RunState[], copies: number): Piece[] {
  const open = new Map<number, Piece>();
  const done: Piece[] = [];
  for (const run of [...runs].sort((one, other) => one.first - other.first)) {
    const held = 1 + run.inSync.length + run.filling.length;
    const wanted: Omit<Piece, 'first' | 'count'>[] = [
      { volcano: run.primary, kind: 'primary' as const },
      ...run.inSync.map((volcano) => ({ volcano, kind: 'mirror' as const })),
      ...run.filling.map((volcano) => ({ volcano, kind: 'filling' as const })),
      ...Array.from({ length: Math.max(0, copies - held) }, () => ({ volcano: -1, kind: 'missing' as const })),
    ]
      .slice(0, LEVELS_MAX)
      .map((piece, level) => ({ ...piece, level }));
    for (const piece of wanted) {
      const before = open.get(piece.level);
      const goesOn =
        before !== undefined &&
        before.first + before.count === run.first &&
        before.volcano === piece.volcano &&
        before.kind === piece.kind;
      if (goesOn) open.set(piece.level, { ...before, count: before.count + run.count });
      else {
        if (before !== undefined) done.push(before);
        open.set(piece.level, { ...piece, first: run.first, count: run.count });
      }
    }
  }
  return [...done, ...open.values()];
}

/** A point on a circle; angles in turns, from the top, clockwise. */
export function point(radius: number, turn: number): readonly [number, number] {
  const angle = turn * 2 * Math.PI;
  return [round(radius * Math.sin(angle)), round(-radius * Math.cos(angle))];
}

/** The outline of a piece of an annulus around 0,0 as an SVG path: a whole turn is two circles, for `fill-rule: evenodd`. */
export function annulus(inner: number, outer: number, from: number, to: number): string {
  if (to - from >= 1 - 1e-9) return circle(outer) + circle(inner);
  const far = to - from > 0.5 ? 1 : 0;
  const [ax, ay] = point(outer, from);
  const [bx, by] = point(outer, to);
  const [cx, cy] = point(inner, to);
  const [dx, dy] = point(inner, from);
  return `M${ax} ${ay}A${outer} ${outer} 0 ${far} 1 ${bx} ${by}L${cx} ${cy}A${inner} ${inner} 0 ${far} 0 ${dx} ${dy}Z`;
}

/** The middle of the longest run that a volcano is primary of, in turns; null when it is of none. */
export function middleOf(all: readonly Piece[], volcano: number, slices: number): number | null {
  const own = all.filter((piece) => piece.kind === 'primary' && piece.volcano === volcano);
  const first = own.find((piece) => piece.first === 0);
  const last = own.find((piece) => piece.first + piece.count === slices);
  // A run that goes over the top is one run.
  if (first !== undefined && last !== undefined && first !== last) {
    const both = (last.first + (last.count + first.count) / 2) / slices;
    if (own.length === 2) return both % 1;
  }
  const longest = own.reduce<Piece | null>(
    (best, piece) => (best === null || piece.count > best.count ? piece : best),
    null,
  );
  return longest === null ? null : (longest.first + longest.count / 2) / slices;
}

/** Colours that tell volcanos apart; neighbours never have the same. */
export const COLOURS = 8;

/** The colour of a volcano, by its place among so many. */
export function colourOf(index: number, of: number): number {
  // The last one stands beside the first.
  return of > COLOURS && of % COLOURS === 1 && index === of - 1 ? 1 : index % COLOURS;
}

function circle(radius: number): string {
  return `M0 ${-radius}A${radius} ${radius} 0 1 1 0 ${radius}A${radius} ${radius} 0 1 1 0 ${-radius}Z`;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
