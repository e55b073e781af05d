import type { Logger } from '../../base/logger.ts';
import { applyStep, nextStep, type Step } from '../projection/plan.ts';
import type { ProjectionStore } from '../projection/store.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import { isTransient, type Pace, pause } from '../retry.ts';
import type { Replication } from './replication.ts';
import type { RingMap } from './ring-map.ts';

/** A step that could not be made is tried again after so long, in milliseconds. */
export const CARRY_MS = 5_000;

/** What carrying out the plan works with. */
export interface CarrierParts extends Pace {
  readonly self: MemberId;
  readonly map: RingMap;
  readonly projections: ProjectionStore;
  readonly replication: Replication;
  readonly logger: Logger;
}

/** The volcano that makes a step: the primary of the slices that it is about; without such, the volcano that it is about. */
export function doerOf({ map, volcanos }: Projection, step: Step): MemberId {
  return volcanos[step.kind === 'serve' ? step.member : map[step.range.first]!.primary]!.id;
}

/** Makes the steps of the plan that are this volcano's to make, one after the other, until there is none. */
export class Carrier {
  readonly #parts: CarrierParts;
  #wake = Promise.withResolvers<void>();
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

  /** The map has changed. */
  settle(): void {
    this.#wake.resolve();
  }

  async #run(): Promise<void> {
    const { map, self, replication } = this.#parts;
    while (!this.#stopped) {
      const projection = map.current ? map.projection : null;
      const step = projection === null ? null : (replication.leftOut() ?? nextStep(projection));
      if (projection === null || step === null || doerOf(projection, step) !== self) {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
        continue;
      }
      try {
        await this.#carry(projection, step);
      } catch (error) {
        this.#tell(step, error);
        await this.#rest();
      }
    }
  }

  async #carry(projection: Projection, step: Step): Promise<void> {
    const { map, replication } = this.#parts;
    try {
      if (step.kind !== 'serve') await replication[step.kind](step.range, step.member);
      // Members' places may be others by now: what was prepared is looked at again.
      if (!map.current || map.projection !== projection || this.#stopped) return;
      await this.#write(applyStep(projection, step));
    } finally {
      if (!this.#stopped) replication.resume();
    }
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
    this.#told = '';
  }

  /** Tells why a step cannot be made, once. */
  #tell(step: Step, error: unknown): void {
    const text = `${step.kind}: ${error instanceof Error ? error.message : String(error)}`;
    if (text === this.#told || this.#stopped) return;
    this.#told = text;
    this.#parts.logger.warn({ err: error, step: step.kind }, 'a step of the plan cannot be made now');
  }

  #rest(): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(CARRY_MS, resolve));
  }
}
