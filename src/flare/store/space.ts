import type { Clock, Timer } from '../../base/clock.ts';
import type { Disk } from '../../base/disk.ts';
import { FlareError } from '../errors.ts';

/** After how many appended bytes the disk is asked anew. */
const REFRESH_BYTES = 1024 * 1024;
/** Or after which share of what is available. */
const REFRESH_SHARE = 0.125;
/** After how long it is asked anew in any case, in milliseconds: others may fill it while nothing is appended here. */
export const REFRESH_MS = 250;
/** What a record costs beside its own bytes, in the log's framing and in the index, as a factor. */
const COST = 1.25;

/**
 * The room on the disk: asked for in the background, less what was appended since. A change that would leave less than the reserve is
 * refused before anything is written.
 */
export class Space {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #reserve: number;
  #total = 0;
  #free = 0;
  #since = 0;
  #refreshing: Promise<void> | null = null;
  #timer: Timer | null = null;
  /** Called when a change was refused for want of room. */
  onShort: () => void = () => {};
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
    if (bytes * COST <= this.#free - this.#since - this.#reserve) return;
    void this.refresh();
    this.onShort();
    throw FlareError.of('NOSPC');
  }

  appended(bytes: number): void {
    this.#since += bytes * COST;
    if (this.#since > Math.min(REFRESH_BYTES, this.available * REFRESH_SHARE)) void this.refresh();
  }

  /** Asks the disk. What is appended meanwhile counts as not yet written. Figures stay as they were when the disk does not answer. */
  refresh(): Promise<void> {
    this.#refreshing ??= this.#ask().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /** Asks the disk from now on every `REFRESH_MS`, until `stop`. */
  watch(): void {
    this.#timer = this.#clock.after(REFRESH_MS, () => {
      void this.refresh().then(() => {
        if (this.#timer !== null) this.watch();
      });
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  async #ask(): Promise<void> {
    const before = Math.max(0, this.#since - this.pendingBytes() * COST);
    const space = await this.#disk.space().catch(() => null);
    if (space === null) return;
    this.#total = space.total;
    this.#free = space.free;
    this.#since = Math.max(0, this.#since - before);
  }
}
