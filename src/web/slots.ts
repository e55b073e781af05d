import { Refused } from './refusal.ts';

/** Lets so many do something at once; others are refused. */
export class Slots {
  readonly #max: number;
  readonly #what: string;
  #taken = 0;

  constructor(max: number, what: string) {
    this.#max = max;
    this.#what = what;
  }

  /** Runs the work. Throws `Refused` when there is no slot. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#taken >= this.#max)
      throw new Refused(503, `Too many ${this.#what} (${this.#max}): try again later.`, { 'retry-after': '10' });
    this.#taken += 1;
    try {
      return await work();
    } finally {
      this.#taken -= 1;
    }
  }
}
