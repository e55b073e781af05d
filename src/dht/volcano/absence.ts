import type { Clock, Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { indexOf } from '../projection/queries.ts';
import { holdsAnything } from '../projection/steps.ts';
import type { MemberId, Projection } from '../projection/types.ts';
import { isTransient } from '../retry.ts';
import type { NetworkFigures } from './figures.ts';
import type { RingMap } from './ring-map.ts';

/** So many times within the time that it may be away a volcano is looked for. */
const LOOKS = 10;
/** It is looked for no more seldom, in milliseconds. */
const LOOK_MAX_MS = 60_000;

/** What the counting of absences works with. */
export interface AbsenceParts {
  readonly self: MemberId;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly map: RingMap;
  readonly figures: Pick<NetworkFigures, 'heardAt'>;
  /** After so long away a volcano is declared dead, in milliseconds. */
  readonly deadAfterMs: number;
  /** Takes it out of the map: `farewell`. */
  readonly farewell: (member: MemberId) => Promise<void>;
}

/** Whether a volcano is the one that writes maps of itself: who keeps the register, or, where no volcano does, the first one of the ring with slices. */
export function writesMaps({ arbiter, volcanos, map }: Projection, self: MemberId): boolean {
  if (arbiter !== null) return arbiter === self;
  const primaries = new Set(map.map(({ primary }) => primary));
  return Math.min(...primaries) === indexOf({ volcanos }, self);
}

/**
 * Declares volcanos dead that hold nothing any more, and of which nobody has heard for as long as was set. A volcano counts for itself, from when it has seen both; the first one of the ring with slices
 * speaks, and, where a volcano keeps the register, that one.
 */
export class Absence {
  readonly #parts: AbsenceParts;
  readonly #since = new Map<MemberId, number>();
  #timer: Timer | null = null;
  #stopped = false;

  constructor(parts: AbsenceParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#arm();
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #arm(): void {
    const { clock, deadAfterMs } = this.#parts;
    this.#timer = clock.after(Math.min(LOOK_MAX_MS, deadAfterMs / LOOKS), () => {
      void this.#look().finally(() => {
        if (!this.#stopped) this.#arm();
      });
    });
  }

  /** Those that are away since so long that they are to go, by what is known here. */
  due(): MemberId[] {
    const { self, map, clock, figures, deadAfterMs } = this.#parts;
    const { projection, current } = map;
    const now = clock.monotonic();
    if (projection === null || !current) {
      // Nobody can be heard by who is wedged.
      this.#since.clear();
      return [];
    }
    const away = new Set<MemberId>();
    for (const [index, { id }] of projection.volcanos.entries())
      if (id !== self && !holdsAnything(projection, index)) away.add(id);
    for (const id of this.#since.keys()) if (!away.has(id)) this.#since.delete(id);
    for (const id of away) this.#since.set(id, Math.max(this.#since.get(id) ?? now, figures.heardAt(id)));
    return [...away].filter((id) => now - this.#since.get(id)! >= deadAfterMs);
  }

  async #look(): Promise<void> {
    const { farewell, logger, map, self } = this.#parts;
    const due = this.due();
    if (due.length === 0 || !writesMaps(map.projection!, self)) return;
    for (const id of due) {
      try {
        await farewell(id);
      } catch (error) {
        if (!isTransient(error) && !this.#stopped)
          logger.warn({ err: error }, 'a volcano that is away cannot be declared dead');
      }
    }
  }
}
