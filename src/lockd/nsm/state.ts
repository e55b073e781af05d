import type { Clock } from '../../base/clock.ts';
import { lossesOf, noteLoss } from '../../dht/losses.ts';
import type { NoteStore } from '../../flare/service.ts';

/** For how long after a loss of records only those get locks who had them before, in milliseconds: as long as lock managers usually wait. */
export const GRACE_MS = 45_000;

/**
 * The state number of the status monitor is the network's: odd, and higher by two for each time that records were lost. A volcano that starts anew, or dies, has lost no lock, and so does
 * not change it.
 */
export class NetworkState {
  readonly #notes: NoteStore;
  readonly #clock: Clock;

  constructor(notes: NoteStore, clock: Clock) {
    this.#notes = notes;
    this.#clock = clock;
  }

  get number(): number {
    return 1 + 2 * lossesOf(this.#notes).count;
  }

  /** Whether only locks are given that clients say they had before. */
  get isGrace(): boolean {
    const { count, seconds } = lossesOf(this.#notes);
    return count > 0 && this.#clock.now() / 1000 < seconds * 1000 + GRACE_MS;
  }

  /** As if records had been lost. */
  lose(): Promise<void> {
    return noteLoss(this.#notes, this.#clock);
  }
}
