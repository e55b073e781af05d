import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import type { SpaceFigures } from '../../flare/types.ts';
import type { Peers } from '../peers.ts';
import { isLegal, nextStep, type Silent, type Step } from '../projection/plan.ts';
import { indexOf, runOf, slicesOf } from '../projection/queries.ts';
import type { MemberId, Projection, SliceRange } from '../projection/types.ts';
import type { NetworkNotes } from '../volcano/network-notes.ts';
import type { RingMap } from '../volcano/ring-map.ts';
import { burdenOf, decide, type Move, type Rules, type Situation } from './decide.ts';
import { isPaused, MOVES_NOTE, type MoveNote, readMoves, withMove } from './moves.ts';
import { SliceLoads, unitsOf } from './slice-loads.ts';
import { LOOK_MS, MOVE_PAUSE_MS } from './times.ts';
import { REASON_MAX, type Work } from './work.ts';
import { Works } from './works.ts';

/** How a volcano takes part in the balance. */
export interface BalanceOptions {
  /** How much of the network it is to take, compared with the others. */
  readonly weight: number;
  /** `MOVE_PAUSE_MS` unless given. */
  readonly pauseMs?: number;
  /** `RULES` unless given. */
  readonly rules?: Rules;
  /** Told of each move as it ends. */
  readonly told?: (move: MoveNote) => void;
}

/** What balancing works with. */
export interface BalancerParts extends BalanceOptions {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly map: RingMap;
  readonly peers: Peers;
  /** The network's; `known`: they have been read. */
  readonly notes: Pick<NetworkNotes, 'known' | 'note' | 'change'>;
  readonly silent: (member: MemberId) => boolean;
  readonly space: () => SpaceFigures;
  /** Of what lies in a slice. */
  readonly bytesOf: (slice: number) => number;
  /** There may be a step to be made. */
  readonly changed: () => void;
}

/** A move that is under way. */
interface Going {
  readonly range: SliceRange;
  readonly to: MemberId;
  readonly note: MoveNote;
}

/**
 * Gives ends of this volcano's run to its neighbours when they do less than it: decides (`decide`), and says which steps of the map that needs. What is under way is known here alone: when this volcano dies
 * the plan takes back what was begun. One move at a time in the network, since one begins only in a map in which nothing is left to do.
 */
export class Balancer {
  readonly #parts: BalancerParts;
  readonly #pauseMs: number;
  readonly loads: SliceLoads;
  readonly works: Works;
  #timer: Timer | null = null;
  #stopped = false;
  /** What is to be begun in the map of that epoch. */
  #wanted: { readonly epoch: number; readonly move: Move } | null = null;
  #going: Going | null = null;
  /** By the monotonic clock: no move of its own begins before. */
  #restsUntil = Number.NEGATIVE_INFINITY;
  #reason = 'it has just started';
  /** Notes are written one after the other. */
  #noted: Promise<void> = Promise.resolve();

  constructor(parts: BalancerParts) {
    const { self, clock, map, peers, pauseMs = MOVE_PAUSE_MS } = parts;
    this.#parts = parts;
    this.#pauseMs = pauseMs;
    this.loads = new SliceLoads(clock, pauseMs);
    this.works = new Works({ self, clock, map, peers, own: () => this.#own() });
  }

  start(): void {
    this.settle();
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  /** What operators are shown of it besides. */
  known(): { paused: boolean; moves: MoveNote[] } {
    const { notes } = this.#parts;
    return { paused: isPaused(notes), moves: readMoves(notes.note(MOVES_NOTE)) };
  }

  /** The map has changed. */
  settle(): void {
    const { projection } = this.#parts.map;
    if (projection === null) return;
    const at = indexOf(projection, this.#parts.self);
    this.loads.own((slice) => projection.map[slice]?.primary === at);
    const { range, to } = this.#going ?? {};
    if (range === undefined || projection.map[range.first]!.primary === at) return;
    const arrived = projection.map[range.first]!.primary === indexOf(projection, to!);
    this.#end(arrived ? 'done' : 'given up: others have taken the slices over');
  }

  /** The step that the move under way needs before the plan makes any other; null: none does, or the plan makes it. */
  going(projection: Projection): Step | null {
    if (this.#going === null) return null;
    const { range, to } = this.#going;
    const at = indexOf(projection, this.#parts.self);
    const member = indexOf(projection, to);
    const held = [...slicesOf(projection, range)].map((slice) => projection.map[slice]!);
    const states = [at, member].map((index) => projection.volcanos[index]?.state);
    if (held.some(({ primary }) => primary !== at)) return this.#end('given up: the slices are not its own any more');
    if (states.some((state) => state !== 'serving')) return this.#end('given up: one of the two leaves');
    if (this.#silent(projection)(member)) return this.#end('given up: the other one does not answer');
    if (held.some(({ filling }) => filling.length > 0)) return null;
    if (held.some(({ inSync }) => !inSync.includes(member))) return this.#end('given up: the other one has no copy');
    const step: Step = { kind: 'handOver', member, range };
    return isLegal(projection, step) ? step : this.#end('given up: the ring has changed');
  }

  /** The first step of a move, when one is to begin; null: none is. To be asked when the plan has nothing left to do in this map, by who makes the step then. */
  begin(projection: Projection): Step | null {
    const wanted = this.#wanted;
    this.#wanted = null;
    if (wanted === null || wanted.epoch !== projection.epoch || this.#going !== null) return null;
    const { range, to: member, why, before, after } = wanted.move;
    const { self, clock, logger } = this.#parts;
    const name = (index: number): string => projection.volcanos[index]!.nickname;
    const from = name(indexOf(projection, self));
    const share = (value: number): number => Math.min(1, Math.max(0, value));
    const note: MoveNote = {
      ...{ at: clock.now(), from, to: name(member), ...range, why },
      ...{ before: share(before), after: share(after), end: null },
    };
    this.#going = { range, to: projection.volcanos[member]!.id, note };
    logger.info({ to: note.to, ...range, why, before: note.before, after: note.after }, 'slices go to a neighbour');
    this.#tell(note);
    const mirrored = [...slicesOf(projection, range)].every((slice) => projection.map[slice]!.inSync.includes(member));
    return { kind: mirrored ? 'handOver' : 'fill', member, range };
  }

  #silent({ volcanos }: Projection): Silent {
    return (member) => volcanos[member] !== undefined && this.#parts.silent(volcanos[member].id);
  }

  /** The move under way is over. */
  #end(how: string): null {
    const { note } = this.#going!;
    const { clock, logger } = this.#parts;
    this.#going = null;
    this.#restsUntil = clock.monotonic() + this.#pauseMs;
    logger.info({ to: note.to, first: note.first, count: note.count, how }, 'slices for a neighbour');
    const ended = { ...note, end: how };
    this.#parts.told?.(ended);
    this.#tell(ended);
    return null;
  }

  #tell(note: MoveNote): void {
    const { notes, logger } = this.#parts;
    this.#noted = this.#noted
      .then(() => notes.change(MOVES_NOTE, (told) => withMove(told, note)))
      .catch((err: unknown) => {
        if (!this.#stopped) logger.warn({ err }, 'a move of slices could not be noted');
      });
  }

  #arm(): void {
    this.#timer = this.#parts.clock.after(Math.min(LOOK_MS, this.#pauseMs / 2), () => {
      if (this.#stopped) return;
      this.loads.look();
      this.#look();
      this.works.exchange();
      this.#arm();
    });
  }

  #look(): void {
    const { map, changed } = this.#parts;
    const found = this.#found(map.current ? map.projection : null);
    this.#reason = typeof found === 'string' ? found : '';
    this.#wanted = typeof found === 'string' ? null : { epoch: map.epoch, move: found };
    if (this.#wanted !== null) changed();
  }

  /** The move that is to begin; or why none is. */
  #found(projection: Projection | null): Move | string {
    const { self, notes, clock, bytesOf } = this.#parts;
    if (projection === null) return 'its map is not current';
    if (this.#going !== null) return 'a move is under way';
    if (!notes.known) return 'whether it is paused is not known yet';
    if (isPaused(notes)) return 'paused (magma balance --resume)';
    const silent = this.#silent(projection);
    if (nextStep(projection, silent) !== null) return 'the ring is changing';
    if (clock.monotonic() < this.#restsUntil) return 'it rests after a move';
    const situation: Situation = {
      ...{ projection, self: indexOf(projection, self), silent, bytesOf },
      shares: projection.volcanos.map(({ id }) => {
        const work = this.works.of(id);
        return work && { ...work, work: work.units, peak: work.peakUnits, above: work.aboveUnits };
      }),
      workOf: (slice) => this.#unitsOf(slice),
    };
    const decision = decide(situation, this.#parts.rules);
    return 'move' in decision ? decision.move : decision.none;
  }

  #unitsOf(slice: number): number {
    return unitsOf(this.loads.of(slice));
  }

  #own(): Work {
    const { map, self, space, weight } = this.#parts;
    const { projection } = map;
    const run = projection === null ? null : runOf(projection, indexOf(projection, self));
    const slices = run === null ? [] : [...slicesOf(projection!, run)];
    const { work: units, peak, above } = burdenOf(slices, (slice) => this.#unitsOf(slice));
    const sum = (what: 'calls' | 'bytes'): number => slices.reduce((all, slice) => all + this.loads.of(slice)[what], 0);
    const { totalBytes: capacityBytes, availableBytes } = space();
    return {
      ...{ weight, calls: sum('calls'), bytes: sum('bytes'), units, peakUnits: peak, aboveUnits: above },
      ...{ capacityBytes, availableBytes, settled: this.loads.settledMs >= this.#pauseMs },
      reason: this.#reason.slice(0, REASON_MAX),
    };
  }
}
