import type { Random } from '../../../src/base/random.ts';
import type { VirtualTime } from '../../../src/base/virtual-clock.ts';
import type { NetworkMood } from './world.ts';

/** The ways of messages between volcanos and clients: late, lost, in another order. */
export class Messages {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly mood: NetworkMood = { delayMs: 1, late: 0, lost: 0, doubled: 0, broken: 0 };
  readonly #parted = new Set<string>();

  constructor(time: VirtualTime, random: Random) {
    this.#time = time;
    this.#random = random;
  }

  part(one: number, other: number, parted: boolean): void {
    const pair = `${Math.min(one, other)} ${Math.max(one, other)}`;
    if (parted) this.#parted.add(pair);
    else this.#parted.delete(pair);
  }

  #chance(of1000: number): boolean {
    return of1000 > 0 && this.#random.below(1000) < of1000;
  }

  /** Brings a message, or not. -1 is a client. `twice`: it may come twice. */
  carry(from: number, to: number, deliver: () => void, twice = false): void {
    if (this.#parted.has(`${Math.min(from, to)} ${Math.max(from, to)}`)) return;
    if (this.#chance(this.mood.lost)) return;
    this.#time.after(this.#way(), deliver);
    if (twice && this.#chance(this.mood.doubled)) this.#time.after(this.#way(), deliver);
  }

  /** How long a way takes, in microseconds. */
  #way(): number {
    const most = this.mood.delayMs * 1000 * (this.#chance(this.mood.late) ? 100 : 1);
    return 50 + this.#random.below(Math.max(1, Math.floor(most)));
  }
}
