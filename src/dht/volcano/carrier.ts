import type { Logger } from '../../base/logger.ts';
import type { Balancer } from '../balance/balancer.ts';
import type { Failover } from '../failover/failover.ts';
import { applyStep, nextStep, type Silent, type Step } from '../projection/plan.ts';
import type { ProjectionStore } from '../projection/store.ts';
import { LARGE, type MemberId, type Projection } from '../projection/types.ts';
import { isTransient, type Pace, pause } from '../retry.ts';
import type { Replication } from './replication.ts';
import type { RingMap } from './ring-map.ts';

/** A step that could not be made is tried again after so long, in milliseconds. */
export const CARRY_MS = 5_000;
/** One that others wait for, because somebody is gone, sooner. */
export const URGENT_MS = 500;

/** What carrying out the plan works with. */
export interface CarrierParts extends Pace {
  readonly self: MemberId;
  readonly map: RingMap;
  readonly projections: ProjectionStore;
  readonly replication: Replication;
  readonly failover: Pick<Failover, 'anew' | 'takeOver' | 'propose' | 'proposed' | 'isSilent'>;
  /** Null: nothing is moved but by the plan. */
  readonly balance: Pick<Balancer, 'going' | 'begin'> | null;
  /** Has another volcano hear of the newest epoch, if it can be reached. */
  readonly hint: (member: MemberId) => void;
  readonly logger: Logger;
}

/** Thrown when something else is to be done first. */
class DisturbedError extends Error {}

/** The volcano that makes a step: the primary of the slices that it is about; without such, the volcano that it is about. */
export function doerOf({ map, volcanos }: Projection, step: Step): MemberId {
  const own = !('range' in step) || step.kind === 'takeOver';
  return volcanos[own ? step.member : map[step.range.first]!.primary]!.id;
}

function sameStep(one: Step | null, other: Step | null): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** In a large network the volcano that makes the next step is told that there is one: by itself it would read the map only after a while. */
export function hintNext(projection: Projection, self: MemberId, hint: (member: MemberId) => void): void {
  if (projection.volcanos.length < LARGE) return;
  const step = nextStep(projection);
  const doer = step === null ? self : doerOf(projection, step);
  if (doer !== self) hint(doer);
}

/** Makes the steps of the plan that are this volcano's to make, one after the other, until there is none. */
export class Carrier {
  readonly #parts: CarrierParts;
  #wake = Promise.withResolvers<void>();
  /** The step that is being made, and what ends the waiting for it when another one is urgent. */
  #carried: { readonly step: Step; readonly disturbed: PromiseWithResolvers<never> } | null = null;
  #told = '';
  #stopped = false;

  constructor(parts: CarrierParts) {
    this.#parts = parts;
  }

  start(): void {
    void this.#run();
  }

  stop(): void {
    this.#stopped = true;
    this.#wake.resolve();
  }

  /** The map has changed, or what is to be done about somebody who is gone. */
  settle(): void {
    this.#wake.resolve();
    if (this.#carried === null) return;
    const { map } = this.#parts;
    const urgent = map.current && map.projection !== null ? this.#urgent() : null;
    if (urgent === null || sameStep(urgent, this.#carried.step)) return;
    this.#carried.disturbed.reject(new DisturbedError('something else is to be done first'));
  }

  /** The step that goes before any of the plan's. */
  #urgent(): Step | null {
    const { failover, replication } = this.#parts;
    return failover.anew() ?? replication.leftOut() ?? failover.takeOver();
  }

  #due(projection: Projection): Step | null {
    const { failover, balance } = this.#parts;
    const silent: Silent = (member) => failover.isSilent(projection.volcanos[member]!.id);
    return (
      this.#urgent() ?? balance?.going(projection) ?? nextStep(projection, silent) ?? balance?.begin(projection) ?? null
    );
  }

  async #run(): Promise<void> {
    const { map, self } = this.#parts;
    while (!this.#stopped) {
      const projection = map.current ? map.projection : null;
      const step = projection === null ? null : this.#due(projection);
      if (projection === null || step === null || doerOf(projection, step) !== self) {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
        continue;
      }
      try {
        await this.#carry(projection, step);
      } catch (error) {
        if (error instanceof DisturbedError) continue;
        this.#tell(step, error);
        await this.#rest(sameStep(step, this.#urgent()) ? URGENT_MS : CARRY_MS);
      }
    }
  }

  async #carry(projection: Projection, step: Step): Promise<void> {
    const { map, replication, failover } = this.#parts;
    try {
      await this.#prepared(projection, step);
      // Members' places may be others by now: what was prepared is looked at again.
      if (!map.current || map.projection !== projection || this.#stopped) return;
      await this.#write(applyStep(projection, step));
      this.#tellTaken(step);
    } finally {
      failover.proposed();
      if (!this.#stopped) replication.resume();
    }
  }

  /** Resolves when the map may say so. */
  async #prepared(projection: Projection, step: Step): Promise<void> {
    const { replication, failover, projections, map } = this.#parts;
    if (!('range' in step)) return;
    if (step.kind === 'takeOver') {
      // Once it may have been written nothing is granted until that is known: so it is not begun while nobody arbitrates.
      const newest = await projections.newest();
      if (newest !== null) map.learn(newest.epoch);
      if (!map.current || !sameStep(failover.takeOver(), step)) throw new DisturbedError('it is not due any more');
      failover.propose(projection, step);
      const { nickname: volcano } = projection.volcanos[projection.map[step.range.first]!.primary]!;
      this.#parts.logger.warn(
        { volcano, slices: step.range.count },
        'a volcano does not answer: its slices are to be taken over',
      );
      return;
    }
    const disturbed = Promise.withResolvers<never>();
    disturbed.promise.catch(() => {});
    this.#carried = { step, disturbed };
    try {
      await Promise.race([replication[step.kind](step.range, step.member), disturbed.promise]);
    } finally {
      this.#carried = null;
    }
    failover.propose(projection, step);
  }

  /**
   * Resolves when it is known which map has that epoch, and that has been read: a write without an answer may be done late, so this goes on until there is one; then the
   * epoch is taken, by whomever.
   */
  async #write(next: Projection): Promise<void> {
    const { projections, map, logger } = this.#parts;
    for (let tries = 0; !this.#stopped; tries++) {
      try {
        const answer = await projections.write(next);
        logger.debug({ epoch: next.epoch, answer }, 'a step of the plan');
        break;
      } catch (error) {
        if (!isTransient(error)) throw error;
        await pause(this.#parts, tries);
      }
    }
    if (this.#stopped) return;
    map.learn(next.epoch);
    await map.whenCurrent();
    if (map.projection !== null && !this.#stopped) hintNext(map.projection, this.#parts.self, this.#parts.hint);
    this.#told = '';
  }

  #tellTaken(step: Step): void {
    const { map, self, logger } = this.#parts;
    const { projection } = map;
    if (step.kind !== 'takeOver' || projection === null || this.#stopped) return;
    const { first, count } = step.range;
    if (projection.volcanos[projection.map[first]!.primary]!.id === self)
      logger.info({ epoch: projection.epoch, slices: count }, 'slices were taken over');
  }

  /** Tells why a step cannot be made, once. */
  #tell(step: Step, error: unknown): void {
    const text = `${step.kind}: ${error instanceof Error ? error.message : String(error)}`;
    if (text === this.#told || this.#stopped) return;
    this.#told = text;
    this.#parts.logger.warn({ err: error, step: step.kind }, 'a step of the plan cannot be made now');
  }

  #rest(milliseconds: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(milliseconds, resolve));
  }
}
