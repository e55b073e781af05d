import type { Clock, Timer } from '../../base/clock.ts';
import { isPending } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import type { Random } from '../../base/random.ts';
import { BusyError } from '../../flare/joint.ts';
import { SLICES } from '../../flare/keys.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { epochAt, type Kept } from '../../flare/store/log-runs.ts';
import type { StreamedSlice } from '../../flare/store/log-stream.ts';
import { ContentsOf } from '../backup/contents-of.ts';
import { RefreshError } from '../errors.ts';
import type { BackupPart, Reading, ReadingPage, SliceAt } from '../programs/node/handlers.ts';
import { READ_SLICES_MAX } from '../programs/node/procedures/backup.ts';
import { DeniedError } from '../programs/result.ts';
import { RecordPages } from './record-pages.ts';
import type { RingMap } from './ring-map.ts';
import type { Serving } from './serving.ts';

/** Answers are held back for so many milliseconds at most, whatever is asked for: clients wait for that long. */
export const HOLD_MAX_MS = 2_000;
/** Readings that are under way at a time: a further one is to be asked for again. */
export const READINGS_MAX = 8;
/** A reading that nobody goes on with for so many milliseconds is over. */
export const READING_IDLE_MS = 60_000;
/** A page that is not full is waited for so long, in milliseconds: less than a caller waits for his answer. */
const PAGE_WAIT_MS = 2_000;

/** What a volcano's part in backups works with. */
export interface BackupSourceParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly store: LocalStore;
  readonly serving: Pick<Serving, 'isOwn' | 'isMine'>;
  readonly map: Pick<RingMap, 'epoch' | 'current'>;
}

interface Hold {
  readonly id: number;
  readonly epoch: number;
  readonly slices: readonly SliceAt[];
  readonly timer: Timer;
}

interface UnderWay {
  readonly slices: readonly number[];
  readonly pages: RecordPages;
  timer: Timer;
  page: number;
}

/**
 * A volcano's part in backups of its network (docs/backup.md): it holds its answers back while all note how far they are, and reads its slices to whoever makes the backup. What is held or read
 * ends by itself when nobody goes on with it.
 */
export class BackupSource implements BackupPart {
  readonly #parts: BackupSourceParts;
  readonly #readings = new Map<number, UnderWay>();
  #hold: Hold | null = null;

  constructor(parts: BackupSourceParts) {
    this.#parts = parts;
  }

  hold(id: number, ms: number): readonly SliceAt[] {
    const { clock, store, map } = this.#parts;
    if (this.#hold !== null || !store.replica.sound) throw new BusyError();
    const own = Array.from({ length: SLICES }, (_, slice) => slice).filter((slice) => this.#parts.serving.isOwn(slice));
    const slices = own.map((slice) => this.#at(slice));
    store.replica.hold();
    const timer = clock.after(Math.min(ms, HOLD_MAX_MS), () => this.#release());
    this.#hold = { id, epoch: map.epoch, slices, timer };
    return slices;
  }

  letGo(id: number): boolean {
    const { store, serving, map } = this.#parts;
    const hold = this.#hold;
    if (hold?.id !== id) return false;
    // While the leases last nobody else can have shown what this volcano has held back.
    const same = map.current && map.epoch === hold.epoch && store.replica.sound;
    const unbroken = same && hold.slices.every(({ slice }) => serving.isOwn(slice));
    this.#release();
    return unbroken;
  }

  #release(): void {
    this.#hold?.timer.cancel();
    this.#hold = null;
    this.#parts.store.replica.commitment.letGo();
  }

  #at(slice: number): SliceAt {
    return { slice, ...this.#parts.store.replica.following.last(slice) };
  }

  async read(whole: boolean, slices: readonly SliceAt[], shares: readonly number[]): Promise<Reading> {
    const { map } = this.#parts;
    const asked = slices.map(({ slice }) => slice);
    if (new Set(asked).size < asked.length || (whole && asked.length > READ_SLICES_MAX))
      throw new DeniedError('a reading is of a few slices, each once');
    if (!asked.every((slice) => this.#parts.serving.isOwn(slice))) throw new RefreshError(map.epoch);
    if (this.#readings.size >= READINGS_MAX) throw new BusyError();
    const contents = shares.length === 0 ? null : new ContentsOf(shares);
    return whole ? this.#whole(asked, contents) : this.#behind(slices, contents);
  }

  #whole(slices: readonly number[], contents: ContentsOf | null): Reading {
    const { replica } = this.#parts.store;
    const at = slices.map((slice) => this.#at(slice));
    const pages = new RecordPages(new Map(at.map((one) => [one.slice, one])), contents);
    const reading = this.#begin(slices, pages, async () => {
      for (const { slice, number } of at) if (number > 0) pages.wiped(slice);
      await replica.walk(
        at.filter(({ number }) => number > 0).map(({ slice }) => slice),
        pages,
      );
      // What was seen is in the records behind `at`, and not before it cannot be taken back it is a part of a backup.
      await this.#committed();
    });
    return { reading, at, gone: [] };
  }

  async #behind(from: readonly SliceAt[], contents: ContentsOf | null): Promise<Reading> {
    const { replica } = this.#parts.store;
    const lsn = await this.#committed();
    const changed = from.filter(({ slice, number, epoch }) => {
      const last = replica.following.last(slice);
      return last.number !== number || last.epoch !== epoch;
    });
    const there = await this.#kept(changed);
    const streamed = new Map<number, StreamedSlice>();
    const gone: number[] = [];
    for (const { slice, number, epoch } of changed) {
      const found = there.get(slice);
      // What the log has of a slice that had nothing may begin with what stands for its first record: then nothing comes, and the slice is read whole.
      const kept = number === 0 ? found?.runs.at(-1)?.first === 1 : epochAt(found?.runs ?? [], number) === epoch;
      if (found !== undefined && kept) streamed.set(slice, { after: number, kept: found });
      else gone.push(slice);
    }
    const pages = new RecordPages(new Map(), contents);
    const work = (): Promise<void> => this.#stream(streamed, lsn, pages, contents);
    const reading = this.#begin([...streamed.keys()], pages, work);
    return { reading, at: [], gone };
  }

  /** Waits until all that has been appended by now cannot be taken back any more. */
  async #committed(): Promise<number> {
    const { replica } = this.#parts.store;
    const lsn = replica.appended;
    await replica.durableAt(lsn);
    const committed = replica.commitment.when(lsn);
    if (isPending(committed)) await committed;
    return lsn;
  }

  async #kept(wanted: readonly SliceAt[]): Promise<ReadonlyMap<number, Kept>> {
    if (wanted.length === 0) return new Map();
    try {
      const enough = wanted.map(({ slice, number, epoch }) => {
        const reaches = (run: { readonly epoch: number; readonly first: number }): boolean =>
          number === 0 ? run.first <= 1 : run.epoch <= epoch && run.first <= number;
        return [slice, reaches] as const;
      });
      return await this.#parts.store.replica.kept(new Map(enough));
    } catch (err) {
      this.#parts.logger.warn({ err }, 'the log cannot be read for a backup: whole slices are read instead');
      return new Map();
    }
  }

  async #stream(
    slices: ReadonlyMap<number, StreamedSlice>,
    lsn: number,
    pages: RecordPages,
    contents: ContentsOf | null,
  ): Promise<void> {
    if (slices.size === 0) return;
    for await (const groups of this.#parts.store.replica.stream(slices).upTo(lsn)) {
      for (const payload of groups.flat()) {
        pages.add(contents === null ? Buffer.from(payload) : contents.of(payload));
        const room = pages.room();
        if (isPending(room)) await room;
      }
    }
  }

  #begin(slices: readonly number[], pages: RecordPages, work: () => Promise<void>): number {
    const { random, logger } = this.#parts;
    const reading = 1 + random.below(2 ** 47);
    this.#readings.set(reading, { slices, pages, timer: this.#idle(reading), page: 0 });
    const done = (error: unknown): void => {
      if (error !== null) logger.debug({ err: error }, 'a reading for a backup has broken off');
      pages.end(error);
    };
    work().then(() => done(null), done);
    return reading;
  }

  #idle(reading: number): Timer {
    return this.#parts.clock.after(READING_IDLE_MS, () => this.#end(reading));
  }

  #end(reading: number): void {
    const one = this.#readings.get(reading);
    if (one === undefined) return;
    this.#readings.delete(reading);
    one.timer.cancel();
    one.pages.stop();
  }

  async readOn(reading: number, page: number): Promise<ReadingPage> {
    const { clock, serving, map } = this.#parts;
    const one = this.#readings.get(reading);
    if (one === undefined || one.page !== page)
      throw new DeniedError('there is no such reading, or it is at another page');
    one.page += 1;
    one.timer.cancel();
    one.timer = this.#idle(reading);
    const found = await one.pages
      .next((fire) => clock.after(PAGE_WAIT_MS, fire))
      .catch((error: unknown) => {
        this.#end(reading);
        throw error instanceof BusyError
          ? error
          : new DeniedError(`the reading has broken off: ${(error as Error).message}`);
      });
    if (found.end || !one.slices.every((slice) => serving.isMine(slice))) this.#end(reading);
    // What somebody else may have gone on with is read from him.
    if (!one.slices.every((slice) => serving.isMine(slice))) throw new RefreshError(map.epoch);
    return found;
  }

  stop(): void {
    this.#release();
    for (const reading of [...this.#readings.keys()]) this.#end(reading);
  }
}
