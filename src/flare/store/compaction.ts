import type { Timer } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { BusyError } from '../joint.ts';
import type { SegmentInfo } from '../kml/types.ts';
import { BaseRecords } from './base-records.ts';
import type { Core } from './core.ts';
import type { Notes } from './notes.ts';

/** When room is short, the log is cleaned down to this many times what is live. */
const RATIO_WHEN_SHORT = 1.2;
/** When the log is larger than it should be by this factor, cleaning does not rest, and from the second on changes wait for it. */
const LATE = 1.02;
const TOO_LATE = 1.05;
/** Changes may then append this part of what is cleaned: when half of that is live, the log becomes smaller all the same. */
const CREDIT_PART = 0.4;
/** A turn of the event loop that took less, in milliseconds, had nothing else to do. */
const IDLE_TURN_MS = 0.5;
/** How long others have the event loop to themselves between two steps when they need it, in milliseconds. */
const REST_MS = 4;
/** The log is looked at when it has grown by this part of what is live, or of the longest segment, and each so many milliseconds. */
const LOOK_PART = 64;
export const LOOK_MS = 5000;
/** After a failure the log is not cleaned for so long, in milliseconds. */
const FAILED_MS = 60_000;
/** A segment is to be this part of what is live, but not shorter than this part of the longest: cleaning goes by whole segments. */
const SEGMENT_PART = 16;
const SEGMENT_PART_MOST = 4;

/** What the log takes, in bytes: all, what is live of it, the oldest segment. */
interface Sizes {
  readonly total: number;
  readonly live: number;
  readonly oldest: number;
}

/** The cleaning of one segment, and what it has done since others had their turn. */
interface Run {
  readonly base: BaseRecords;
  readonly hurry: boolean;
  records: number;
  /** Bytes of the segment that were looked at. */
  walked: number;
}

/**
 * Cleans the oldest segments of the log: what is live of them is written anew, and when that is safe in the index too, they are dropped. In bounded
 * steps, between which requests are served.
 */
export class Compaction {
  readonly #core: Core;
  readonly #notes: Notes;
  readonly #logger: Logger;
  readonly #segmentBytesMost: number;
  #running: Promise<void> | null = null;
  #stopped = false;
  #lastShort = -1;
  /** The log's end when cleaning had done what it could, and that was not enough. */
  #exhausted = -1;
  /** When cleaning may begin again after a failure. */
  #notBefore = Number.NEGATIVE_INFINITY;
  /** What is to be appended, in bytes, before the log is looked at again. */
  #unlooked = 0;
  #timer: Timer | null = null;
  /** How much too large the log was when it was last looked at: 1 is right. */
  #excess = 0;
  /** What changes may append, when it is far too large, until cleaning has come further, in bytes. */
  #credit = 0;
  /** What is under way is for an operator: changes do not wait for that. */
  #everything = false;
  #step: PromiseWithResolvers<void> | null = null;
  #rest: { readonly timer: Timer; readonly over: () => void } | null = null;
  /** Segments that were dropped. */
  dropped = 0;

  constructor(core: Core, notes: Notes, logger: Logger) {
    this.#core = core;
    this.#notes = notes;
    this.#logger = logger;
    this.#segmentBytesMost = core.kml.segmentBytes;
  }

  /** Looks at the log. */
  #look(): Sizes {
    const segments = this.#core.kml.segments();
    let total = 0;
    for (const { bytes } of segments) total += bytes;
    let live = 0;
    for (const bytes of this.#core.host.reader.liveBytes().values()) live += bytes;
    const { compactionMinBytes, compactionRatio } = this.#core.limits;
    const oldest = segments[0]?.bytes ?? 0;
    live = Math.max(1, live);
    // The oldest segment counts twice, for what is live of it is there twice before it goes.
    this.#excess = (total + oldest) / Math.max(compactionMinBytes, compactionRatio * live);
    return { total, live, oldest };
  }

  /** Whether changes are to wait, for `step`: they fill the log faster than it is cleaned. */
  get behind(): boolean {
    return this.#running !== null && !this.#everything && this.#excess >= TOO_LATE && this.#credit <= 0;
  }

  /** Resolves when cleaning has come further, or has ended. Only while it is `behind`. */
  step(): Promise<void> {
    this.#step ??= Promise.withResolvers<void>();
    return this.#step.promise;
  }

  #stepped(credit: number): void {
    this.#credit += credit;
    this.#step?.resolve();
    this.#step = null;
  }

  /** So many bytes were appended: looks at the log now and then. */
  appended(bytes: number): void {
    this.#unlooked -= bytes;
    if (this.#excess >= TOO_LATE) this.#credit -= bytes;
    if (this.#unlooked <= 0) this.consider();
  }

  /** Begins cleaning if the log has become large for what it holds. */
  consider(): void {
    const sizes = this.#look();
    const { kml } = this.#core;
    const part = Math.min(sizes.live / LOOK_PART, this.#segmentBytesMost / SEGMENT_PART_MOST);
    this.#unlooked = Math.max(part, this.#segmentBytesMost / LOOK_PART);
    kml.segmentBytes = Math.max(
      Math.floor(this.#segmentBytesMost / SEGMENT_PART_MOST),
      Math.min(this.#segmentBytesMost, Math.floor(sizes.live / SEGMENT_PART)),
    );
    if (this.#running !== null || this.#stopped || this.#exhausted === kml.nextLsn) return;
    if (this.#core.clock.monotonic() < this.#notBefore) return;
    if (this.#excess > 1) void this.run({});
  }

  /** Looks at the log from now on every `LOOK_MS` too, so that it becomes small when nothing is written. */
  watch(): void {
    if (this.#stopped) return;
    this.#timer = this.#core.clock.after(LOOK_MS, () => {
      try {
        this.consider();
      } catch (error) {
        this.#logger.error({ err: error }, 'the index cannot say what of the log is live');
      }
      this.watch();
    });
  }

  /** Begins cleaning because room is short, unless that was tried and nothing has changed since. */
  considerShort(): void {
    if (this.#running !== null || this.#stopped || this.#lastShort === this.#core.kml.nextLsn) return;
    const { total, live } = this.#look();
    if (total / live > RATIO_WHEN_SHORT) {
      void this.run({ short: true }).then(() => {
        this.#lastShort = this.#core.kml.nextLsn;
      });
    }
  }

  /**
   * Cleans until the log is small enough, but each segment that is there now at most once. Never rejects: a failure is logged, and the segment
   * stays.
   */
  async run(options: { readonly short?: boolean; readonly everything?: boolean }): Promise<void> {
    // What is under way may stop before it has cleaned everything.
    while (options.everything === true && this.#running !== null) await this.#running;
    this.#running ??= this.#run(options).finally(() => {
      this.#running = null;
      this.#credit = 0;
      this.#stepped(0);
    });
    await this.#running;
  }

  async #run({ short, everything }: { readonly short?: boolean; readonly everything?: boolean }): Promise<void> {
    const { kml, space } = this.#core;
    // Segments after which something is durable are so to their ends: a walk finds all that they hold.
    const last = kml.durableMark.segment;
    this.#everything = everything === true;
    try {
      for (;;) {
        const [oldest] = kml.segments();
        const sizes = this.#look();
        const enough = short === true ? sizes.total / sizes.live <= RATIO_WHEN_SHORT : this.#excess <= 1;
        if (this.#stopped || (enough && everything !== true)) return;
        if (oldest === undefined || oldest.number >= last) {
          this.#exhausted = kml.nextLsn;
          return;
        }
        // What was not used of it is saved up, but not more than that.
        this.#credit = Math.min(this.#credit, sizes.oldest);
        if (!(await this.#clean(oldest, short === true || everything === true))) return;
        space.refresh();
      }
    } catch (error) {
      if (this.#stopped) return;
      this.#notBefore = this.#core.clock.monotonic() + FAILED_MS;
      this.#logger.error({ err: error }, 'compaction failed; the log is whole, and goes on growing');
    }
  }

  /** False when it was stopped before the end: the segment stays. */
  async #clean({ number, bytes }: SegmentInfo, hurry: boolean): Promise<boolean> {
    const { kml, host, pins } = this.#core;
    const base = new BaseRecords(this.#core, this.#notes, number);
    const run: Run = { base, hurry, records: 0, walked: 0 };
    const { applied } = host;
    const dead = this.#isDead(number);
    if (dead) run.walked = bytes;
    else if (!(await this.#scan(run, number))) return false;
    await this.#mend(base, number);
    if (!(await this.#steps(run, base.remains()))) return false;
    this.#stepped(run.walked * CREDIT_PART + base.bytes);
    const gone = dead ? this.#isPast(number, Math.max(applied.lsn, base.lsn)) : this.#isReplaced(run, number);
    if (!(await gone)) return false;
    await pins.free(number);
    await kml.dropOldest(number);
    this.dropped++;
    this.#logger.debug({ segment: number, unread: dead }, 'a segment was cleaned and dropped');
    return true;
  }

  /**
   * Whether nothing in that segment is live but what is known in memory. What the index has not yet been told of was defined after it, in later segments, and can only have
   * taken something away.
   */
  #isDead(segment: number): boolean {
    return this.#core.host.applied.segment > segment && this.#live(segment) === 0;
  }

  /** What the index needs of a segment, in bytes. */
  #live(segment: number): number {
    return this.#core.host.reader.liveBytes().get(segment) ?? 0;
  }

  /** Resolves when the index on the disk begins behind that segment, and mirrors have all that counts on its not being needed. False when it was stopped before. */
  async #isPast(segment: number, lsn: number): Promise<boolean> {
    const { host } = this.#core;
    await this.#committed(lsn);
    if (!this.#stopped && host.checkpointed.segment <= segment) await host.checkpoint();
    return !this.#stopped && host.checkpointed.segment > segment;
  }

  /** Resolves when the index on the disk has what was found in that segment where it lies now. False when it was stopped before. */
  async #isReplaced(run: Run, segment: number): Promise<boolean> {
    const { kml, host } = this.#core;
    let lsn = await this.#inIndex();
    if (this.#stopped) return false;
    const missing = this.#live(segment);
    if (missing > 0) {
      this.#logger.warn(
        { segment, bytes: missing },
        'not all that is live of a segment was found: all of it is checked',
      );
      for await (const batch of kml.walkSegment(segment)) {
        if (!(await this.#steps(run, run.base.checked(batch)))) return false;
      }
      lsn = await this.#inIndex();
    }
    const mark = this.#stopped ? null : await host.checkpoint();
    return mark !== null && !this.#stopped && mark.lsn >= lsn;
  }

  /** Resolves when all that is in the log now is on mirrors and in the index, with its last LSN: removals of what is in a segment must be durable before that goes. */
  async #inIndex(): Promise<number> {
    const { kml, flusher } = this.#core;
    const lsn = kml.nextLsn - 1;
    await this.#committed(lsn);
    await flusher.flushed(lsn);
    return lsn;
  }

  /** As `Commitment.when`. What others have not accepted is nothing that they wait for. */
  async #committed(lsn: number): Promise<void> {
    const { commitment } = this.#core;
    for (;;) {
      try {
        await commitment.when(lsn);
        return;
      } catch (error) {
        if (!(error instanceof BusyError)) throw error;
      }
    }
  }

  /** Has written anew from another copy what was found damaged. What nobody else has stays where it is, and so does the segment. */
  async #mend({ damaged }: BaseRecords, segment: number): Promise<void> {
    for (const { id, offset, length, record } of damaged) {
      if (this.#stopped) return;
      await this.#core.repair.mend(this.#core, id, offset, offset + length, { segment, record });
    }
  }

  /** Goes through a segment's records. False when it was stopped before the end. */
  async #scan(run: Run, segment: number): Promise<boolean> {
    for await (const batches of this.#core.kml.scanSegment(segment)) {
      if (!(await this.#steps(run, run.base.unchecked(batches)))) return false;
    }
    return true;
  }

  /** Does work of which each part says how many bytes it has looked at, in bounded steps. False when it was stopped before the end. */
  async #steps(run: Run, work: Iterable<number>): Promise<boolean> {
    const { clock, limits } = this.#core;
    const { base } = run;
    let began = clock.monotonic();
    for (const bytes of work) {
      run.records++;
      run.walked += bytes;
      const over = base.bytes >= limits.compactionStepBytes || run.records >= limits.compactionStepRecords;
      if (!over && clock.monotonic() - began < limits.compactionStepMs) continue;
      base.append();
      await this.#between(run);
      if (this.#stopped) return false;
      began = clock.monotonic();
    }
    base.append();
    return !this.#stopped;
  }

  /** Between two steps: what was written becomes durable, and others have their turn. */
  async #between(run: Run): Promise<void> {
    const { kml, clock, flusher } = this.#core;
    const { base, hurry } = run;
    this.#stepped(run.walked * CREDIT_PART + base.bytes);
    base.bytes = run.records = run.walked = 0;
    if (base.lsn > 0) await kml.whenDurable(base.lsn);
    if (flusher.overloaded) await flusher.room();
    const before = clock.monotonic();
    await new Promise<void>((resolve) => clock.soon(resolve));
    if (hurry || this.#excess >= LATE || this.#stopped || clock.monotonic() - before < IDLE_TURN_MS) return;
    await new Promise<void>((over) => {
      this.#rest = { timer: clock.after(REST_MS, over), over };
    });
    this.#rest = null;
  }

  /** Stops soon, and resolves when it has. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#rest?.timer.cancel();
    this.#rest?.over();
    await this.#running;
  }
}
