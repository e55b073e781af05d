import type { Clock, Timer } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import { FlareError } from '../errors.ts';

/** After how many appended bytes the disk is asked anew. */
const REFRESH_BYTES = 1024 * 1024;
/** With less than this available the disk is asked before each change: others may be filling it at the speed of memory. */
export const NEAR_BYTES = 256 * 1024 * 1024;
/** After how long it is asked anew in any case, in milliseconds: others may fill it while nothing is appended here. */
export const REFRESH_MS = 250;
/** What is left of the disk in any case, in bytes, but not more than an eighth of the reserve: for what the file system itself writes down, and the end of a batch. */
export const LEFT_BYTES = 256 * 1024;
/** What a record costs beside its own bytes, in the log's framing and in the index, as a factor. */
export const COST = 1.25;

/**
 * The room on the disk: asked for now and then, less what was appended since. A change that would leave less than the reserve is
 * refused before anything is written. How far the index lags makes no difference: what it may still grow by is bounded, and part of the reserve.
 */
export class Space {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #reserve: number;
  #total = 0;
  #free = 0;
  #since = 0;
  #timer: Timer | null = null;
  /** Called when a change was refused for want of room. */
  onShort: () => void = () => {};
  /** Whether the index has no room for what it was given: then nothing comes on top of that. */
  indexFull: () => boolean = () => false;
  /** Appended bytes that the disk does not hold yet. */
  pendingBytes: () => number = () => 0;

  constructor(disk: Disk, clock: Clock, reserveBytes: number) {
    this.#disk = disk;
    this.#clock = clock;
    this.#reserve = reserveBytes;
  }

  get total(): number {
    return this.#total;
  }

  /** What is left beside the reserve, in bytes. */
  get available(): number {
    return Math.max(0, Math.floor(this.#free - this.#since - this.#reserve));
  }

  /** What is left with the reserve, in bytes. */
  get free(): number {
    return Math.max(0, Math.floor(this.#free - this.#since));
  }

  /** Refuses with NOSPC when there is no room for that many bytes of records. */
  admit(bytes: number): void {
    if (this.available < NEAR_BYTES) this.refresh();
    if (this.indexFull()) throw FlareError.of('NOSPC');
    if (bytes * COST <= this.#free - this.#since - this.#reserve) return;
    this.onShort();
    throw FlareError.of('NOSPC');
  }

  /**
   * Refuses with NOSPC what may go into the reserve when others have taken that, too: a write that the disk refuses would be the end of
   * the log.
   */
  admitReserved(bytes: number): void {
    if (this.free < NEAR_BYTES) this.refresh();
    const left = Math.min(LEFT_BYTES, this.#reserve / 8);
    if (bytes * COST + left <= this.#free - this.#since) return;
    throw FlareError.of('NOSPC');
  }

  appended(bytes: number): void {
    this.#since += bytes * COST;
    if (this.#since > REFRESH_BYTES) this.refresh();
  }

  /** Asks the disk. What is appended and not yet written still counts. Figures stay as they were when the disk does not answer. */
  refresh(): void {
    try {
      const { total, free } = this.#disk.space();
      this.#total = total;
      this.#free = free;
      this.#since = this.pendingBytes() * COST;
    } catch {
      // A disk that cannot say how full it is will say what is wrong with it when it is written to.
    }
  }

  /** Asks the disk from now on every `REFRESH_MS`, until `stop`. */
  watch(): void {
    this.#timer = this.#clock.after(REFRESH_MS, () => {
      this.refresh();
      this.watch();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }
}
