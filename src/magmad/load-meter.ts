import type { Clock } from '../base/clock.ts';
import type { RpcObserver } from '../rpc/observer.ts';

/** The rate is that of the last whole window of at least so many milliseconds. */
const WINDOW_MS = 1_000;

/** How many calls are answered a second, of late. Costs one addition a call. */
export class LoadMeter implements RpcObserver {
  readonly #clock: Clock;
  #calls = 0;
  #since: number;
  #rate = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.monotonic();
  }

  call(): void {
    this.#calls += 1;
  }

  /** Calls a second since this was asked last, or since the time before when that is less than a window ago. */
  perSecond(): number {
    const now = this.#clock.monotonic();
    const passed = now - this.#since;
    if (passed >= WINDOW_MS) {
      this.#rate = (this.#calls * 1000) / passed;
      this.#calls = 0;
      this.#since = now;
    }
    return this.#rate;
  }
}
