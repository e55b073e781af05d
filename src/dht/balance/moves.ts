import type { NoteStore } from '../../flare/service.ts';
import { NICKNAME_MAX, SLICES_MAX } from '../projection/types.ts';

/** A note of the network: it is there while nothing is to be moved. */
export const PAUSED_NOTE = 'balance/paused';
/** A note of the network: the last moves, newest first, as JSON. */
export const MOVES_NOTE = 'balance/moves';
/** How many of them. */
export const MOVES_KEPT = 8;
/** The longest text of how a move ended. */
const END_MAX = 160;

/** A move that was begun. */
export interface MoveNote {
  /** When, in µs since 1970. */
  readonly at: number;
  /** Nicknames. */
  readonly from: string;
  readonly to: string;
  readonly first: number;
  readonly count: number;
  /** `work`: the giver's share of the network's work; `room`: what is free of the giver's disk, as a share of it. */
  readonly why: 'work' | 'room';
  readonly before: number;
  readonly after: number;
  /** How it ended: `done`, or why not; null: not yet, as far as its giver has said. */
  readonly end: string | null;
}

function isName(value: unknown): value is string {
  return typeof value === 'string' && value.length <= NICKNAME_MAX && /^[\x21-\x7e]+$/.test(value);
}

function isWithin(value: unknown, low: number, high: number): value is number {
  return typeof value === 'number' && value >= low && value <= high;
}

function isMove(value: unknown): value is MoveNote {
  if (typeof value !== 'object' || value === null) return false;
  const { at, from, to, first, count, why, before, after, end } = value as Record<keyof MoveNote, unknown>;
  return (
    isWithin(at, 0, Number.MAX_SAFE_INTEGER) &&
    [from, to].every(isName) &&
    [first, count].every((slice) => Number.isInteger(slice) && isWithin(slice, 0, SLICES_MAX)) &&
    (why === 'work' || why === 'room') &&
    [before, after].every((share) => isWithin(share, 0, 1)) &&
    (end === null || (typeof end === 'string' && end.length <= END_MAX && /^[\x20-\x7e]*$/.test(end)))
  );
}

/** The moves that a note tells of, newest first; what is none is left out. */
export function readMoves(value: Buffer | null): MoveNote[] {
  if (value === null) return [];
  try {
    const found: unknown = JSON.parse(value.toString('latin1'));
    return Array.isArray(found) ? found.filter(isMove).slice(0, MOVES_KEPT) : [];
  } catch {
    return [];
  }
}

/** Whether the operator has said that nothing is to be moved. */
export function isPaused(notes: Pick<NoteStore, 'note'>): boolean {
  return notes.note(PAUSED_NOTE) !== null;
}

/** The note with a move in front of the others, in place of what was told of it before. */
export function withMove(value: Buffer | null, move: MoveNote): Buffer {
  const others = readMoves(value).filter(({ at, from }) => at !== move.at || from !== move.from);
  const kept = [{ ...move, end: move.end?.slice(0, END_MAX) ?? null }, ...others].slice(0, MOVES_KEPT);
  return Buffer.from(JSON.stringify(kept), 'latin1');
}

/** A move as operators are shown it. */
export function moveText({ at, from, to, first, count, why, before, after, end }: MoveNote): string {
  const slices = count === 1 ? `slice ${first}` : `${count} slices from ${first} on`;
  const percent = (share: number): string => `${Math.round(100 * share)}%`;
  const reason = {
    work: `${from} did ${percent(before)} of the work, ${percent(after)} without them`,
    room: `${percent(before)} of the disk of ${from} was free, ${percent(after)} without them`,
  }[why];
  // biome-ignore lint/style/noRestrictedGlobals: the time is given; this writes it down.
  const when = new Date(at / 1000).toISOString().replace('T', ' ').slice(0, 19);
  return `${when} UTC: ${slices}, ${from} to ${to}: ${reason}; ${end ?? 'begun'}`;
}
