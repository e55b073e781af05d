import type { Clock } from '../base/clock.ts';
import type { StoreStats } from '../flare/store/local-store.ts';

/** Records that wait for so long for stable storage while none comes there say that the disk hangs, in milliseconds. */
export const STUCK_MS = 10_000;

/** What readiness goes by. */
export interface ReadyParts {
  readonly clock: Clock;
  readonly store: { stats(): Pick<StoreStats, 'appended' | 'durable'> };
  /** `OperatorView.unready`. */
  readonly ring: { unready(): string | null };
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
    return ring.unready();
  }
}
