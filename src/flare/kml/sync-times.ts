import type { Logger } from '../../base/logger.ts';

/** So many batches are looked at. */
export const SYNCS_KEPT = 15;
/** A disk on which half of them take so long, in milliseconds, is slow, and is not any more when they take half of that. */
export const SLOW_SYNC_MS = 500;

/** How long the last batches took to become durable; says so in the log when that is too long. */
export class SyncTimes {
  readonly #logger: Logger;
  readonly #last: number[] = [];
  #slow = false;
  #median = 0;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Half of the last ones took so long or longer, in milliseconds; 0 before the first one. */
  get median(): number {
    return this.#median;
  }

  took(ms: number): void {
    this.#last.push(ms);
    if (this.#last.length > SYNCS_KEPT) this.#last.shift();
    const sorted = this.#last.toSorted((one, other) => one - other);
    this.#median = sorted[Math.floor(sorted.length / 2)]!;
    // Some few say nothing yet.
    if (this.#last.length < SYNCS_KEPT) return;
    if (this.#slow ? this.#median > SLOW_SYNC_MS / 2 : this.#median < SLOW_SYNC_MS) return;
    this.#slow = !this.#slow;
    const fields = { syncMs: Math.round(this.#median) };
    if (this.#slow) this.#logger.warn(fields, `slow disk: a sync takes ${fields.syncMs} ms; all who write wait for it`);
    else this.#logger.info(fields, `the disk is not slow any more: a sync takes ${fields.syncMs} ms`);
  }
}
