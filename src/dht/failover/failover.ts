import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { BusyError } from '../../flare/joint.ts';
import { SLICES } from '../../flare/keys.ts';
import { isLegal, type Step, stretch } from '../projection/plan.ts';
import { followers, indexOf, memberOf, runOf, runs, slicesOf } from '../projection/queries.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import { Alarm } from './alarm.ts';
import { Grants } from './grants.ts';
import { Leases } from './leases.ts';
import { timesOf } from './times.ts';

/** What failover works with. */
export interface FailoverParts {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly failoverMs: number;
  /** The map, and whether it is current. */
  readonly map: { readonly projection: Projection | null; readonly current: boolean };
  /** Asks a volcano for its grant: `NodeClient.renew`. Rejects when there is none within so many milliseconds. */
  readonly ask: (member: MemberId, patienceMs: number) => Promise<number>;
  /** False when the own log has failed, or lacks what it should have: then this volcano is none that others may rely on. */
  readonly sound: () => boolean;
  /** What `due`, or `isSilent`, says may have changed. */
  readonly changed: () => void;
}

/**
 * What a volcano does about others that do not answer, and what keeps two from serving the same slices (docs/ring-failover.md): it holds leases of the mirrors of its slices, grants
 * those of which it is one, and says which change of the map is due for who is gone.
 */
export class Failover {
  readonly #parts: FailoverParts;
  readonly #grants: Grants;
  readonly #leases: Leases;
  readonly #alarm: Alarm;
  /** Until when no mirror takes the own slices over, by the monotonic clock; nothing for others' slices. */
  readonly #until = new Float64Array(SLICES).fill(Number.NEGATIVE_INFINITY);
  /** Who is perhaps in sync by now, of which own slices: that was proposed, and it is not known what became of it. */
  #proposed: { readonly member: MemberId; readonly slices: ReadonlySet<number> } | null = null;
  /** The epoch of the map that this life began with, which records may have been written in before; 0: none. */
  #begunIn = 0;
  #wasCurrent = false;
  /** Since when the map has not been current, by the monotonic clock; always, before it was read for the first time. */
  #staleSince = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(parts: FailoverParts) {
    const { clock, logger, map, ask, sound, changed, failoverMs } = parts;
    this.#parts = parts;
    this.#alarm = new Alarm(clock, logger);
    const times = timesOf(failoverMs);
    this.#grants = new Grants(clock, times);
    this.#leases = new Leases({
      ...{ clock, times, changed },
      ask: (member) => ask(member, times.grantMs / 2),
      able: () => map.current && sound(),
      renewed: () => this.#renewed(),
      round: () => {
        this.#grants.round();
        if (this.takeOver() !== null) changed();
      },
    });
  }

  /** A volcano that has records of an earlier life begins with this map. */
  begin(epoch: number): void {
    this.#begunIn = epoch;
  }

  /** The map has changed, or is current again, or is not any more. */
  settle(): void {
    const { self, map } = this.#parts;
    const { projection, current } = map;
    if (projection === null || this.#stopped) return;
    const own = indexOf(projection, self);
    this.#grants.follow(new Set(primariesOf(projection, own)));
    this.#leases.follow(new Set(this.#wanted(projection, own)), (id) => memberOf(projection, id) !== null);
    if (current && !this.#wasCurrent) {
      this.#grants.forgive(this.#parts.clock.monotonic() - this.#staleSince);
      this.#leases.resume();
    }
    if (!current && this.#wasCurrent) this.#staleSince = this.#parts.clock.monotonic();
    this.#wasCurrent = current;
    if (current) this.#alarm.settle(projection, own);
    this.#renewed();
  }

  stop(): void {
    this.#stopped = true;
    this.#leases.stop();
    this.#alarm.stop();
  }

  /** Another volcano asks for its lease; returns for how long it is granted, in milliseconds. `BusyError` when it is not. */
  grant(to: MemberId): number {
    if (!this.#parts.sound() || this.#stopped) throw new BusyError();
    return this.#grants.grant(to);
  }

  /** Whether nobody can have taken over the slice, of which this volcano is the primary by its map: it may be looked at. */
  holds(slice: number): boolean {
    const until = this.#until[slice]!;
    return until === Number.POSITIVE_INFINITY || until > this.#parts.clock.monotonic();
  }

  /** Whether records may be written by that map: not in an epoch in which this volcano has perhaps written some that it has lost. */
  isFresh({ epoch, volcanos }: Projection): boolean {
    return epoch > this.#begunIn || volcanos.length === 1;
  }

  /** Whether that volcano does not answer. */
  isSilent(member: MemberId): boolean {
    return this.#leases.isSilent(member);
  }

  /** The step that is due because this volcano has started again. */
  anew(): Step | null {
    const { projection } = this.#parts.map;
    if (projection === null || this.isFresh(projection)) return null;
    const own = indexOf(projection, this.#parts.self);
    return own === -1 || runOf(projection, own) === null ? null : { kind: 'anew', member: own };
  }

  /** The step that is due because another volcano has not asked for its lease in time. */
  takeOver(): Step | null {
    const { map, self, sound } = this.#parts;
    const { projection, current } = map;
    if (projection === null || !current || !sound()) return null;
    const own = indexOf(projection, self);
    for (const run of runs(projection)) {
      const range = run.member === own ? null : stretch(projection, run, ({ inSync }) => inSync.includes(own));
      if (range === null) continue;
      const { inSync } = projection.map[range.first]!;
      if (!this.#grants.hasRunOut(projection.volcanos[run.member]!.id, rankOf(projection, run.member, inSync, own)))
        continue;
      const step: Step = { kind: 'takeOver', member: own, range };
      if (isLegal(projection, step)) return step;
    }
    return null;
  }

  /**
   * That step may be in the map from now on. So nothing is granted to whom it takes slices from; and the lease of whom it makes a mirror in sync is needed, who may take over while this volcano does not
   * hear of it. `proposed` ends that, when it is known what became of the step.
   */
  propose(projection: Projection, step: Step): void {
    const { volcanos, map } = projection;
    if (step.kind === 'takeOver') this.#grants.propose(volcanos[map[step.range.first]!.primary]!.id);
    if (step.kind !== 'inSync') return;
    this.#proposed = { member: volcanos[step.member]!.id, slices: new Set(slicesOf(projection, step.range)) };
    this.#renewed();
  }

  proposed(): void {
    this.#grants.settled();
    this.#proposed = null;
    this.#renewed();
  }

  /** Whose leases are asked for: of all that mirror slices of this volcano, and of those that would. */
  #wanted(projection: Projection, own: number): MemberId[] {
    if (own === -1) return [];
    const wanted = new Set<number>();
    for (const { primary, inSync, filling } of projection.map) {
      if (primary !== own) continue;
      for (const member of [...inSync, ...filling]) wanted.add(member);
    }
    const { replicas, volcanos } = projection;
    const silent = (member: number): boolean => this.isSilent(volcanos[member]!.id);
    for (const member of followers(projection, own, replicas, silent)) wanted.add(member);
    for (let next = 1; next <= Math.min(replicas, volcanos.length - 1); next++)
      wanted.add((own + next) % volcanos.length);
    wanted.delete(own);
    return [...wanted].map((member) => volcanos[member]!.id);
  }

  #renewed(): void {
    const { map, self } = this.#parts;
    const { projection } = map;
    if (projection === null) return;
    const own = indexOf(projection, self);
    for (const [slice, { primary, inSync }] of projection.map.entries()) {
      let until = primary === own ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
      if (primary === own)
        for (const member of inSync) until = Math.min(until, this.#leases.until(projection.volcanos[member]!.id));
      if (this.#proposed?.slices.has(slice) === true)
        until = Math.min(until, this.#leases.until(this.#proposed.member));
      this.#until[slice] = until;
    }
  }
}

/** The primaries of slices that a volcano mirrors in sync. */
function primariesOf({ map, volcanos }: Projection, own: number): Set<MemberId> {
  const found = new Set<MemberId>();
  for (const { primary, inSync } of map) if (inSync.includes(own)) found.add(volcanos[primary]!.id);
  return found;
}

/** How many others of those in sync come before that one, going round from the primary: they are given the time to take over first. */
function rankOf({ volcanos }: Projection, primary: number, inSync: readonly number[], own: number): number {
  const distance = (member: number): number => (member - primary + volcanos.length) % volcanos.length;
  return inSync.filter((member) => distance(member) < distance(own)).length;
}
