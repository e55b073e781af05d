import { indexOf, runs, slicesOf } from '../dht/projection/queries.ts';
import { bringUp } from '../dht/projection/steps.ts';
import { type MemberId, type Projection, ProjectionError, type SliceRange } from '../dht/projection/types.ts';
import type { LastRecord } from '../flare/store/following.ts';

/** What becomes of the slices of a network of which only some volcanos are there. */
export interface Prospects {
  /** Their primary is there. */
  readonly served: number;
  /** Their primary is not, and somebody has them in sync: he takes them over. */
  readonly takenOver: number;
  /** In sync nowhere but on volcanos that are not there. */
  readonly missing: readonly number[];
  /** Nicknames of those that are not there. */
  readonly away: readonly string[];
}

/** What becomes of the slices by that map, when these volcanos are there and no others. */
export function prospectsOf({ volcanos, map }: Projection, living: ReadonlySet<MemberId>): Prospects {
  const lives = (index: number): boolean => living.has(volcanos[index]!.id);
  const missing: number[] = [];
  let served = 0;
  let takenOver = 0;
  for (const [slice, { primary, inSync }] of map.entries()) {
    if (lives(primary)) served += 1;
    else if (inSync.some(lives)) takenOver += 1;
    else missing.push(slice);
  }
  const away = volcanos.filter(({ id }) => !living.has(id)).map(({ nickname }) => nickname);
  return { served, takenOver, missing, away };
}

/** Numbers as ranges: `0-63, 128`. */
export function rangesText(numbers: readonly number[]): string {
  const ranges: [number, number][] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last !== undefined && last[1] === number - 1) last[1] = number;
    else ranges.push([number, number]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(', ');
}

/** A stretch of slices that are missing, and the volcano that is there and is to serve what it has of them. */
export interface Rescue extends SliceRange {
  readonly to: MemberId;
  /** Of how many of them it has records at all, and of which epoch the newest and the oldest of the last ones are. */
  readonly copies: number;
  readonly newest: number;
  readonly oldest: number;
}

/** Whether one copy is further than another one. */
function further(one: LastRecord, other: LastRecord): boolean {
  return one.epoch > other.epoch || (one.epoch === other.epoch && one.number > other.number);
}

/**
 * Who is to serve slices that are missing: of the volcanos that are there, and that the ring's order lets have them, the one with the furthest copies of most. Throws `Error` when nobody can.
 */
export function rescuesOf(
  projection: Projection,
  missing: readonly number[],
  copies: ReadonlyMap<MemberId, readonly LastRecord[]>,
): readonly Rescue[] {
  const wanted = new Set(missing);
  const rescues: Rescue[] = [];
  let after = projection;
  for (;;) {
    let range: SliceRange | null = null;
    for (const run of runs(after)) {
      range = stretchOf(after, run, wanted);
      if (range !== null) break;
    }
    if (range === null) return rescues;
    const lost = range;
    const slices = [...slicesOf(after, lost)];
    const score = (id: MemberId): number => {
      const own = copies.get(id)!;
      return slices.filter((slice) => [...copies.values()].every((other) => !further(other[slice]!, own[slice]!)))
        .length;
    };
    const able = [...copies.keys()]
      .filter((id) => isSound(() => bringUp(after, lost, indexOf(after, id))))
      .sort((one, other) => score(other) - score(one));
    const [to] = able;
    if (to === undefined)
      throw new Error(
        `no volcano that is there can have slices ${rangesText(slices)}: start one that lies next to them in the ring`,
      );
    const found = slices.map((slice) => copies.get(to)![slice]!).filter(({ number }) => number > 0);
    const epochs = found.map(({ epoch }) => epoch);
    rescues.push({
      ...{ ...lost, to, copies: found.length },
      newest: Math.max(0, ...epochs),
      oldest: found.length === 0 ? 0 : Math.min(...epochs),
    });
    after = bringUp(after, lost, indexOf(after, to));
    for (const slice of slices) wanted.delete(slice);
  }
}

function isSound(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof ProjectionError) return false;
    throw error;
  }
}

/** The first slices of a run, one after the other, that are wanted. */
function stretchOf(projection: Projection, run: SliceRange, wanted: ReadonlySet<number>): SliceRange | null {
  const slices = [...slicesOf(projection, run)];
  const begin = slices.findIndex((slice) => wanted.has(slice));
  if (begin === -1) return null;
  let count = 0;
  while (begin + count < slices.length && wanted.has(slices[begin + count]!)) count += 1;
  return { first: slices[begin]!, count };
}
