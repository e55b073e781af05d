import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { singleCopies } from '../projection/queries.ts';
import type { Projection } from '../projection/types.ts';

/** So often it is said again that slices have a single copy, in milliseconds. */
export const ALARM_MS = 60_000;

/** Says loudly, when that begins and while it lasts, that what this volcano is the primary of lies nowhere else. */
export class Alarm {
  readonly #clock: Clock;
  readonly #logger: Logger;
  #timer: Timer | null = null;
  #before: Projection | null = null;
  #count = 0;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** The map is that; this volcano has the place `own` in it. */
  settle(projection: Projection, own: number): void {
    const known = this.#before;
    if (known === projection) return;
    this.#before = projection;
    const single = singleCopies(projection, own);
    // Slices of a network that grows have had no other copy yet: of these it is said when that lasts.
    const lost = single.some((slice) => (known?.map[slice]?.inSync.length ?? 0) > 0);
    const had = this.#count;
    this.#count = single.length;
    if (lost) this.#tell();
    else if (single.length > 0) this.#timer ??= this.#clock.after(ALARM_MS, () => this.#tell());
    else this.stop();
    if (had > 0 && single.length === 0) this.#logger.info({}, 'all slices of this volcano have another copy again');
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #tell(): void {
    this.#logger.warn(
      { slices: this.#count },
      `SINGLE COPY: ${this.#count} slices of this volcano are on no other volcano in sync. If it goes, they are not there until it is back`,
    );
    this.stop();
    this.#timer = this.#clock.after(ALARM_MS, () => this.#tell());
  }
}
