import type { Logger } from '../../base/logger.ts';
import { batchRecords } from '../kml/format.ts';
import { BaseRecords } from './base-records.ts';
import type { Core } from './core.ts';
import type { Notes } from './notes.ts';

/** When room is short, the log is cleaned down to this many times what is live. */
const RATIO_WHEN_SHORT = 1.2;

/**
 * Cleans the oldest segments of the log: what is live of them is written anew, and when that is safe in the index too, they are dropped. In bounded
 * steps, between which requests are served.
 */
export class Compaction {
  readonly #core: Core;
  readonly #notes: Notes;
  readonly #logger: Logger;
  #running: Promise<void> | null = null;
  #stopped = false;
  #lastShort = -1;
  /** Segments that were dropped. */
  dropped = 0;

  constructor(core: Core, notes: Notes, logger: Logger) {
    this.#core = core;
    this.#notes = notes;
    this.#logger = logger;
  }

  #ratio(): number {
    let total = 0;
    for (const { bytes } of this.#core.kml.segments()) total += bytes;
    let live = 0;
    for (const bytes of this.#core.host.reader.liveBytes().values()) live += bytes;
    return total <= this.#core.limits.compactionMinBytes ? 0 : total / Math.max(1, live);
  }

  #ratioWhenShort(): number {
    let total = 0;
    for (const { bytes } of this.#core.kml.segments()) total += bytes;
    let live = 0;
    for (const bytes of this.#core.host.reader.liveBytes().values()) live += bytes;
    return total / Math.max(1, live);
  }

  /** Begins cleaning if the log has become large for what it holds. To be called now and then: when a new segment was begun. */
  consider(): void {
    if (this.#running !== null || this.#stopped) return;
    if (this.#ratio() > this.#core.limits.compactionRatio) void this.run({});
  }

  /** Begins cleaning because room is short, unless that was tried and nothing has changed since. */
  considerShort(): void {
    if (this.#running !== null || this.#stopped || this.#lastShort === this.#core.kml.nextLsn) return;
    if (this.#ratioWhenShort() > RATIO_WHEN_SHORT) {
      void this.run({ short: true }).then(() => {
        this.#lastShort = this.#core.kml.nextLsn;
      });
    }
  }

  /**
   * Cleans until the ratio is right, but each segment that is there now at most once. Never rejects: a failure is logged, and the segment
   * stays.
   */
  run(options: { readonly short?: boolean; readonly everything?: boolean }): Promise<void> {
    this.#running ??= this.#run(options).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #run({ short, everything }: { readonly short?: boolean; readonly everything?: boolean }): Promise<void> {
    const { kml, limits, space } = this.#core;
    // Segments after which something is durable are so to their ends: a walk finds all that they hold.
    const last = kml.durableMark.segment;
    try {
      for (;;) {
        const [oldest] = kml.segments();
        if (oldest === undefined || oldest.number >= last || this.#stopped) return;
        const enough =
          short === true ? this.#ratioWhenShort() <= RATIO_WHEN_SHORT : this.#ratio() <= limits.compactionRatio;
        if (enough && everything !== true) return;
        if (!(await this.#clean(oldest.number))) return;
        space.refresh();
      }
    } catch (error) {
      if (!this.#stopped)
        this.#logger.error({ err: error }, 'compaction failed; the log is whole, and goes on growing');
    }
  }

  /** False when it was stopped before the end: the segment stays. */
  async #clean(segment: number): Promise<boolean> {
    const { kml, commitment, host, flusher, limits, pins } = this.#core;
    const base = new BaseRecords(this.#core, this.#notes, segment);
    for await (const batch of kml.walkSegment(segment)) {
      for (const place of batchRecords(batch)) {
        base.clean(place);
        if (base.bytes < limits.compactionStepBytes) continue;
        base.bytes = 0;
        await kml.whenDurable(base.lsn);
        if (flusher.overloaded) await flusher.room();
        if (this.#stopped) return false;
      }
    }
    // Also what was not written by us: removals of what is in this segment must be durable before it goes, and mirrors must have its records.
    const lsn = kml.nextLsn - 1;
    await commitment.when(lsn);
    await flusher.flushed(lsn);
    if (this.#stopped) return false;
    const mark = await host.checkpoint();
    if (mark.lsn < lsn || this.#stopped) return false;
    await pins.free(segment);
    await kml.dropOldest(segment);
    this.dropped++;
    this.#logger.debug({ segment }, 'a segment was cleaned and dropped');
    return true;
  }

  /** Stops soon, and resolves when it has. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }
}
