import type { Random } from '../../src/base/random.ts';

/*
 * The model (docs/scale.md, "Durability"). Volcanos stand in a ring; the slices of each are one run, whose copies lie on it and on the next `copies - 1`. A volcano's disk fails for good
 * at a constant rate, independently of all others, and an empty one is in its place at once. After `detection` its copies, one of each of `copies` runs, are filled again, each in
 * `fill`; a fill begins anew when the volcano that it comes from fails: the first one of the run that has it. Data are lost when no copy of a run is left.
 */

/** Times are in one unit, whichever. */
export interface DurabilityModel {
  readonly volcanos: number;
  readonly copies: number;
  /** The mean time until a volcano's disk fails. */
  readonly meanLife: number;
  readonly detection: number;
  /** How long it takes to fill one run. */
  readonly fill: number;
  /** `one`: one run is filled at a time in the whole network, as the plan does it. `each`: each volcano fills the mirrors of its own run, at the same time as others. */
  readonly fills: 'one' | 'each';
}

/** What share of the time fills go on, when only one goes on at a time; from 1 on they never come to an end. */
export function busyShare({ volcanos, copies, meanLife, fill }: DurabilityModel): number {
  return (volcanos * copies * fill) / meanLife;
}

/** How long after a failure the first, second, ... of the runs has its copy again, in the mean. Infinite when fills never come to an end. */
export function windows(model: DurabilityModel): number[] {
  const { volcanos, copies, meanLife, detection, fill, fills } = model;
  if (fills === 'each') return Array.from({ length: copies }, () => detection + fill);
  const busy = busyShare(model);
  // Fills of other failures come first: a queue with one server, and `copies` fills at each arrival (M/D/1).
  const wait = busy >= 1 ? Number.POSITIVE_INFINITY : ((volcanos / meanLife) * (copies * fill) ** 2) / (2 * (1 - busy));
  return Array.from({ length: copies }, (_, at) => detection + wait + (at + 1) * fill);
}

/** Runs of which the same volcanos hold what is left: they are lost together, and the longest window counts. */
interface Left {
  window: number;
  runs: number;
}

/** The chance that so many volcanos fail before the copies are there again, to first order. */
function lossChance(left: number, { window, runs }: Left, { meanLife, fill }: DurabilityModel): number {
  if (left === 0) return 1;
  if (left === 1) return window / meanLife;
  // Of two that are left the first may fail at any moment, the other until the end of the window. The fill begins anew if the first was its source: one of the two, or, of several runs, each.
  const sources = Math.min(runs, left);
  return (window ** 2 + (sources * fill ** 2) / 2) / meanLife ** 2;
}

/**
 * The mean time until some run has lost all its copies, to first order in `window / meanLife`; 0 when fills never come to an end. For one to three copies, and at least as many volcanos: throws
 * RangeError for others.
 */
export function meanTimeToLoss(model: DurabilityModel): number {
  const { volcanos, copies, meanLife } = model;
  if (copies < 1 || copies > 3 || volcanos < copies)
    throw new RangeError(`${copies} copies on ${volcanos} volcanos: the formula is for one to three, on as many`);
  const all = windows(model);
  if (all.includes(Number.POSITIVE_INFINITY)) return 0;
  const sets = new Map<string, Left>();
  for (const [at, window] of all.entries()) {
    const others: number[] = [];
    for (let place = 0; place < copies; place++) {
      const distance = (at + place - copies + 1 + volcanos) % volcanos;
      if (distance !== 0) others.push(distance);
    }
    const set = others.sort((one, other) => one - other).join();
    const known = sets.get(set) ?? { window: 0, runs: 0 };
    sets.set(set, { window: Math.max(known.window, window), runs: known.runs + 1 });
  }
  let chance = 0;
  for (const left of sets.values()) chance += lossChance(copies - 1, left, model);
  return meanLife / (volcanos * Math.min(1, chance));
}

interface Fill {
  readonly run: number;
  readonly place: number;
  /** Not before this. */
  ready: number;
  /** Null: it has not begun. */
  end: number | null;
}

/** A ring of the model while time goes by. */
class Ring {
  readonly #model: DurabilityModel;
  /** Of runs that lack some: the places that have no copy. */
  readonly #missing = new Map<number, Set<number>>();
  /** In the order in which they are made. */
  #fills: Fill[] = [];

  constructor(model: DurabilityModel) {
    this.#model = model;
  }

  #holders(run: number): number[] {
    const { copies, volcanos } = this.#model;
    return Array.from({ length: copies }, (_, at) => (run + at) % volcanos);
  }

  #source(run: number): number | undefined {
    return this.#holders(run).find((place) => !this.#missing.get(run)?.has(place));
  }

  /** Begins what is next, no sooner than `now`. */
  #begin(now: number): void {
    const busy = new Set<number>();
    for (const fill of this.#fills) {
      const lane = this.#model.fills === 'one' ? 0 : fill.run;
      if (busy.has(lane)) continue;
      busy.add(lane);
      fill.end ??= Math.max(now, fill.ready) + this.#model.fill;
    }
  }

  /** All that ends by then. */
  pass(until: number): void {
    for (;;) {
      let next: Fill | undefined;
      for (const fill of this.#fills)
        if (fill.end !== null && fill.end <= until && (next === undefined || fill.end < next.end!)) next = fill;
      if (next === undefined) return;
      const { run, place, end } = next;
      this.#fills = this.#fills.filter((fill) => fill !== next);
      const missing = this.#missing.get(run)!;
      missing.delete(place);
      if (missing.size === 0) this.#missing.delete(run);
      this.#begin(end!);
    }
  }

  /** The disk at that place fails; whether some run has no copy any more. */
  fail(place: number, now: number): boolean {
    const { volcanos, copies, detection } = this.#model;
    let lost = false;
    for (let back = copies - 1; back >= 0; back--) {
      const run = (place - back + volcanos) % volcanos;
      const source = this.#source(run);
      const missing = this.#missing.get(run) ?? new Set();
      this.#missing.set(run, missing);
      for (const fill of this.#fills) {
        if (fill.run !== run || (fill.place !== place && source !== place)) continue;
        fill.end = null;
        fill.ready = now + detection;
      }
      if (!missing.has(place)) this.#fills.push({ run, place, ready: now + detection, end: null });
      missing.add(place);
      lost ||= missing.size === copies;
    }
    this.#begin(now);
    return lost;
  }
}

/** The same as `meanTimeToLoss`, by trying: rings that are whole at first, until so many have lost something. */
export function triedTimeToLoss(model: DurabilityModel, losses: number, random: Random): number {
  const { volcanos, meanLife } = model;
  let time = 0;
  for (let lost = 0; lost < losses; lost++) {
    const ring = new Ring(model);
    let now = 0;
    do {
      now -= (meanLife / volcanos) * Math.log((random.below(2 ** 48) + 1) / 2 ** 48);
      ring.pass(now);
    } while (!ring.fail(random.below(volcanos), now));
    time += now;
  }
  return time / losses;
}
