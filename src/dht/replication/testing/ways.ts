import type { Random } from '../../../base/random.ts';
import type { VirtualTime } from '../../../base/virtual-clock.ts';
import { BusyError } from '../../../flare/joint.ts';
import { RefreshError } from '../../errors.ts';
import { RetryError } from '../../owners.ts';
import type { Life, TestVolcano } from './mirrors.ts';

/** A way from one volcano to another: calls arrive in order, until it is cut. */
interface Way {
  lastArrival: number;
  readonly cut: Set<() => void>;
}

/** The ways between volcanos: they delay, and are cut. */
export class Ways {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #volcanos: readonly TestVolcano[];
  readonly #delayMs: number;
  readonly #ways = new Map<string, Way>();
  /** Connections that were cut. */
  cuts = 0;

  /** Each way takes up to `delayMs`. */
  constructor(time: VirtualTime, random: Random, volcanos: readonly TestVolcano[], delayMs: number) {
    this.#time = time;
    this.#random = random;
    this.#volcanos = volcanos;
    this.#delayMs = delayMs;
  }

  /** The connection between two is lost: calls on it get no answer, and may arrive late. */
  cut(from: number, to: number): void {
    const name = `${from} ${to}`;
    const way = this.#ways.get(name);
    if (way === undefined) return;
    this.#ways.delete(name);
    this.cuts++;
    for (const fail of way.cut) fail();
  }

  #way(from: number, to: number): Way {
    const name = `${from} ${to}`;
    const known = this.#ways.get(name) ?? { lastArrival: 0, cut: new Set() };
    this.#ways.set(name, known);
    return known;
  }

  /** Makes a call of another volcano, by a map of that epoch: `RetryError` when there is no answer. */
  call<T>(from: number, to: number, life: Life, epoch: number, run: (at: Life) => Promise<T>): Promise<T> {
    const way = this.#way(from, to);
    const delay = (): number => 1 + this.#random.below(this.#delayMs * 1000);
    way.lastArrival = Math.max(way.lastArrival, this.#time.now + delay());
    const lost = this.#random.below(2) === 0;
    return new Promise<T>((resolve, reject) => {
      let open = true;
      const fail = (): void => {
        open = false;
        way.cut.delete(fail);
        reject(new RetryError('no answer'));
      };
      way.cut.add(fail);
      if (this.#volcanos[from]!.life !== life) return fail();
      const back = (answer: () => void): void => {
        this.#time.after(delay(), () => {
          if (!open) return;
          way.cut.delete(fail);
          answer();
        });
      };
      this.#time.after(way.lastArrival - this.#time.now, () => {
        if (!open && lost) return;
        const there = this.#volcanos[to]?.life ?? null;
        if (there === null) return open ? fail() : undefined;
        if (epoch < there.epoch) return back(() => reject(new RefreshError(there.epoch)));
        if (epoch > there.epoch) return back(() => reject(new BusyError()));
        run(there).then(
          (value) => back(() => resolve(value)),
          (error: unknown) => back(() => reject(error)),
        );
      });
    });
  }
}
