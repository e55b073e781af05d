/** One thing that is done again and again. */
export type Work = (turn: number) => Promise<unknown>;

/** Several things, each done turn after turn, all at once, until they are told to stop. */
export class Busy {
  readonly #turns: number[];
  readonly #all: Promise<unknown>;
  #stopped = false;
  #heard: () => void = () => {};
  #failed: unknown;
  /** The longest turn since this was last set to 0, in milliseconds. */
  longest = 0;

  constructor(works: readonly Work[]) {
    this.#turns = works.map(() => 0);
    this.#all = Promise.all(works.map((work, index) => this.#repeat(work, index))).catch((error: unknown) => {
      this.#stopped = true;
      this.#failed = error;
      this.#heard();
    });
  }

  async #repeat(work: Work, index: number): Promise<void> {
    while (!this.#stopped) {
      const began = performance.now();
      await work(this.#turns[index]!);
      this.longest = Math.max(this.longest, performance.now() - began);
      this.#turns[index]!++;
      this.#heard();
    }
  }

  #throwIfFailed(): void {
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Resolves when each has begun and ended so many more turns. Rejects with the first error of any. */
  async more(turns: number): Promise<void> {
    // The turn that is under way does not count.
    const wanted = this.#turns.map((made) => made + turns + 1);
    while (!this.#stopped && this.#turns.some((made, index) => made < wanted[index]!)) {
      await new Promise<void>((resolve) => {
        this.#heard = resolve;
      });
    }
    this.#throwIfFailed();
  }

  /** Ends all with the turn that is under way. Rejects with the first error of any. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#all;
    this.#throwIfFailed();
  }
}
