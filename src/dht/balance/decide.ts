import type { Silent } from '../projection/plan.ts';
import { copiesWanted, followers, runOf, slicesOf } from '../projection/queries.ts';
import type { Projection, SliceRange } from '../projection/types.ts';
import { type Flows, flows } from './flow.ts';

/** What keeps moves from being made for little, or for nothing but noise. */
export interface Rules {
  /** Neighbours whose work differs by less than two of these, in shares of the network's mean, are let be: the margin by which a move must help. */
  readonly margin: number;
  /** Moves begin only when one of the two is so far from what it should have, in shares of the mean. */
  readonly start: number;
  /** A volcano that does less work than that, in units a second, gives none away: what it has is noise. */
  readonly least: number;
}

export const RULES: Rules = { margin: 0.05, start: 0.2, least: 20 };
/** A volcano with less free room than that share of its disk gives slices away, until it has so much. */
export const ROOM_SHORT = 0.1;
export const ROOM_AGAIN = 0.12;
/** Nobody is given slices whose disk would have less free room then. */
export const ROOM_KEPT = 0.2;
/** A slice takes so much more room than its files' bytes. */
const ROOM_FACTOR = 1.1;

/** What is known of a volcano. */
export interface Share {
  /** As it was told (`-w`). */
  readonly weight: number;
  /** What its slices cost it, in units a second; the one that costs the most, and all behind that one in its run. */
  readonly work: number;
  readonly peak: number;
  readonly above: number;
  readonly capacityBytes: number;
  readonly availableBytes: number;
  /** Its slices are the same, and have been measured, for long enough. */
  readonly settled: boolean;
}

/** What a volcano goes by when it decides whether to give slices away. */
export interface Situation {
  readonly projection: Projection;
  /** The place of the volcano that decides. */
  readonly self: number;
  /** By place; null: not known. */
  readonly shares: readonly (Share | null)[];
  readonly silent: Silent;
  /** Of its own slices: units of work a second, and the bytes of what lies in it. */
  readonly workOf: (slice: number) => number;
  readonly bytesOf: (slice: number) => number;
}

/** Slices that are to go to the neighbour, and why: shares of the network's work (`work`), or of the giver's disk that is free (`room`), now and then. */
export interface Move {
  readonly range: SliceRange;
  readonly to: number;
  readonly why: 'work' | 'room';
  readonly before: number;
  readonly after: number;
}

/** What is to be done; or nothing, and why, in words. */
export type Decision = { readonly move: Move } | { readonly none: string };

/** What slices cost, those of a run in their order. */
export function burdenOf(
  slices: readonly number[],
  workOf: (slice: number) => number,
): { work: number; peak: number; above: number } {
  const found = { work: 0, peak: 0, above: 0 };
  for (const slice of slices) {
    const work = workOf(slice);
    found.work += work;
    found.above = work > found.peak ? 0 : found.above + work;
    found.peak = Math.max(found.peak, work);
  }
  return found;
}

/** A volcano of the ring, for this. */
interface Place extends Share {
  readonly member: number;
}

/** The places of the ring, and where work is to go among them. */
interface Ring {
  readonly places: readonly Place[];
  /** Of the volcano that decides. */
  readonly at: number;
  readonly own: Place;
  readonly run: SliceRange;
  readonly wanted: Flows;
}

/** One end of the own run, and who lies behind it. */
interface Side {
  /** Its place in the ring. */
  readonly at: number;
  readonly to: Place;
  /** What is to go there, in all; 0: nothing, or it is to come from there. */
  readonly flow: number;
  /** The slices from that end on: the nth one, and the first so many. */
  readonly slice: (at: number) => number;
  readonly range: (count: number) => SliceRange;
}

/** All volcanos that may give or get, in ring order; a reason when somebody stands in the way. */
function placesOf({ projection, shares, silent }: Situation): readonly Place[] | string {
  const found: Place[] = [];
  const primaries = new Set(projection.map.map(({ primary }) => primary));
  for (const [member, { nickname, state }] of projection.volcanos.entries()) {
    if (state !== 'serving') return `${nickname} is ${state}`;
    if (silent(member)) {
      if (primaries.has(member)) return `${nickname} does not answer`;
      continue;
    }
    const share = shares[member];
    if (share == null) return `what ${nickname} does is not known`;
    found.push({ ...share, member });
  }
  return found;
}

/** Whether there is room for the slices on who does not have them yet and would then. */
function fits({ projection, shares, silent, bytesOf }: Situation, range: SliceRange, to: number): boolean {
  const { primary, inSync } = projection.map[range.first]!;
  const bytes = ROOM_FACTOR * bytesIn(projection, range, bytesOf);
  return [to, ...followers(projection, to, copiesWanted(projection), silent)].every((member) => {
    if (member === primary || inSync.includes(member)) return true;
    const share = shares[member];
    return share != null && share.availableBytes - bytes >= ROOM_KEPT * share.capacityBytes;
  });
}

function bytesIn(projection: Projection, range: SliceRange, bytesOf: (slice: number) => number): number {
  let sum = 0;
  for (const slice of slicesOf(projection, range)) sum += bytesOf(slice);
  return sum;
}

function sidesOf({ projection: { slices } }: Situation, { places, at, run, wanted }: Ring): Side[] {
  const { length } = places;
  const [next, before] = [(at + 1) % length, (at + length - 1) % length];
  const up = (index: number): number => (run.first + run.count - 1 - index) % slices;
  const down = (index: number): number => (run.first + index) % slices;
  return [
    {
      ...{ at: next, to: places[next]!, flow: wanted.border[at]!, slice: up },
      range: (count) => ({ first: up(count - 1), count }),
    },
    {
      ...{ at: before, to: places[before]!, flow: -wanted.border[before]!, slice: down },
      range: (count) => ({ first: run.first, count }),
    },
  ];
}

/** By how much the sum of work² by weight falls when so much goes from one volcano to the other. */
function gainOf(own: Place, to: Place, moved: number): number {
  const gap = own.work / own.weight - to.work / to.weight;
  return moved * (2 * gap - moved * (1 / own.weight + 1 / to.weight));
}

/** Slices that are to go, and their work. */
interface End {
  readonly range: SliceRange;
  readonly moved: number;
}

/** Of the ends of the run that may go to that side the one that brings it nearest to what is to go there; null: none helps. */
function bestEnd(situation: Situation, { own, run }: Ring, side: Side, margin: number): End | null {
  const { to, flow } = side;
  const least = ((2 * margin) ** 2 * own.weight * to.weight) / (own.weight + to.weight);
  const far = (moved: number): number => Math.abs(moved - flow);
  let found: End | null = null;
  let moved = 0;
  for (let count = 1; count < run.count && moved < 2 * flow; count++) {
    const work = situation.workOf(side.slice(count - 1));
    moved += work;
    // Slices without work are taken along only when some with work lie behind them.
    if (work === 0 || moved >= 2 * flow) continue;
    const most = Math.max((own.work - moved) / own.weight, (to.work + moved) / to.weight);
    if (gainOf(own, to, moved) < least || most > own.work / own.weight - margin) continue;
    const range = side.range(count);
    if ((found !== null && far(found.moved) <= far(moved)) || !fits(situation, range, to.member)) break;
    found = { range, moved };
  }
  return found;
}

/** The slice with the most work. */
function hottest({ projection, workOf }: Situation, run: SliceRange): { slice: number; work: number } {
  let found = { slice: run.first, work: 0 };
  for (const slice of slicesOf(projection, run)) {
    const work = workOf(slice);
    if (work > found.work) found = { slice, work };
  }
  return found;
}

function forWork(situation: Situation, ring: Ring, { margin, start, least }: Rules): Decision {
  const { own, at, places, run, wanted } = ring;
  if (own.work < least) return { none: `it does less than ${least} units of work a second` };
  const total = places.reduce((sum, { work }) => sum + work, 0);
  const over = own.work >= (1 + start) * wanted.target[at]!;
  let best: (End & { readonly to: Place; readonly gain: number }) | null = null;
  for (const side of sidesOf(situation, ring)) {
    const { to } = side;
    if (!to.settled || !(over || to.work <= (1 - start) * wanted.target[side.at]!)) continue;
    const end = bestEnd(situation, ring, side, margin * wanted.mean);
    if (end === null) continue;
    const gain = gainOf(own, to, end.moved);
    if (best === null || gain > best.gain) best = { ...end, to, gain };
  }
  if (best !== null) {
    const { range, moved, to } = best;
    const after = (own.work - moved) / total;
    return { move: { range, to: to.member, why: 'work', before: own.work / total, after } };
  }
  const { slice, work } = hottest(situation, run);
  if (work > own.work / 2 && own.work > wanted.mean * own.weight)
    return { none: `slice ${slice} alone is ${Math.round((100 * work) / own.work)}% of its work` };
  return { none: over ? 'no end of its slices would make it better' : 'it does what its weight gives it, or less' };
}

/** A volcano whose disk is nearly full gives slices to where it is no mirror of them. */
function forRoom(situation: Situation, ring: Ring): Move | null {
  const { projection, self, silent, bytesOf } = situation;
  const { availableBytes, capacityBytes } = ring.own;
  if (availableBytes >= ROOM_SHORT * capacityBytes) return null;
  const need = ROOM_AGAIN * capacityBytes - availableBytes;
  const copies = copiesWanted(projection);
  for (const { to, range } of sidesOf(situation, ring)) {
    if (!to.settled || followers(projection, to.member, copies, silent).includes(self)) continue;
    let found: SliceRange | null = null;
    let freed = 0;
    for (let count = 1; count < ring.run.count && freed < need; count++) {
      const tried = range(count);
      if (!fits(situation, tried, to.member)) break;
      found = tried;
      freed = bytesIn(projection, tried, bytesOf);
    }
    if (found === null || freed === 0) continue;
    const [before, after] = [availableBytes, availableBytes + freed].map((bytes) => bytes / capacityBytes);
    return { range: found, to: to.member, why: 'room', before: before!, after: after! };
  }
  return null;
}

/**
 * Whether the volcano `self` is to give an end of its run to the next or the one before it, by a map in which nothing is left to do. Each move lowers the sum of work² by weight by a
 * margin (docs/balance.md): so while the work of each slice stays as it is there are not many, and none is undone by another. It keeps a slice.
 */
export function decide(situation: Situation, rules = RULES): Decision {
  const { projection, self } = situation;
  const run = runOf(projection, self);
  if (run === null) return { none: 'it has no slices' };
  if (run.count < 2) return { none: `slice ${run.first} alone is all that it has` };
  const places = placesOf(situation);
  if (typeof places === 'string') return { none: places };
  if (places.length < 2) return { none: 'it is alone' };
  const at = places.findIndex(({ member }) => member === self);
  const own = places[at];
  if (own === undefined || !own.settled) return { none: 'it has not been measured for long enough' };
  const ring: Ring = { places, at, own, run, wanted: flows(places) };
  const room = forRoom(situation, ring);
  return room === null ? forWork(situation, ring, rules) : { move: room };
}

/** The most moves there can be from any skew while the work of each slice stays as it is, by the weights of the volcanos. */
export function movesMax(weights: readonly number[]): number {
  const least = Math.min(...weights);
  const all = weights.reduce((sum, weight) => sum + weight, 0);
  return Math.ceil((all * (all - least)) / (least * least * 2 * RULES.margin ** 2));
}
