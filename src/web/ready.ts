import type { Clock } from '../base/clock.ts';
import type { OperatorView } from '../dht/operator-view.ts';
import { indexOf } from '../dht/projection/queries.ts';
import { isAway } from '../dht/state-text.ts';
import type { StoreStats } from '../flare/store/local-store.ts';

/** Records that wait for so long for stable storage while none comes there say that the disk hangs, in milliseconds. */
export const STUCK_MS = 10_000;

/** What readiness goes by. */
export interface ReadyParts {
  readonly clock: Clock;
  readonly store: { stats(): Pick<StoreStats, 'appended' | 'durable'> };
  readonly ring: Pick<OperatorView, 'unready' | 'projection' | 'figures' | 'self'>;
}

/** Whether this volcano serves, to be asked now and then. */
export class Readiness {
  readonly #parts: ReadyParts;
  #durable = -1;
  /** Since when nothing came to stable storage, by the monotonic clock. */
  #since = 0;

  constructor(parts: ReadyParts) {
    this.#parts = parts;
  }

  /** Why it does not serve, in words; null: it does. */
  unready(): string | null {
    const { clock, store, ring } = this.#parts;
    const { appended, durable } = store.stats();
    const now = clock.monotonic();
    if (appended === durable || durable !== this.#durable) {
      this.#durable = durable;
      this.#since = now;
    }
    if (now - this.#since >= STUCK_MS) return 'its disk hangs: what is written does not come to stable storage';
    return ring.unready() ?? this.#cutOff();
  }

  /** Who answers for nothing by himself needs others. */
  #cutOff(): string | null {
    const { ring } = this.#parts;
    const { volcanos, map } = ring.projection();
    const own = indexOf({ volcanos }, ring.self);
    if (map.some(({ primary }) => primary === own)) return null;
    const alone = volcanos.every(({ id }) => id === ring.self || isAway(ring.figures(id), volcanos.length));
    return alone ? 'it is primary of no slices, and hears of no other volcano' : null;
  }
}
