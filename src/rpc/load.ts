/** Counts the calls under way in a whole server. What finds it full can wait for its turn. */
export class Load {
  readonly #max: number;
  readonly #waiting = new Set<() => void>();
  readonly #idle: (() => void)[] = [];
  #inFlight = 0;

  constructor(max: number) {
    this.#max = max;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get full(): boolean {
    return this.#inFlight >= this.#max;
  }

  enter(): void {
    this.#inFlight += 1;
  }

  /** Ends one call, and gives turns, longest waiting first, until there is no more room: not everyone whose turn it is has use for it. */
  leave(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    for (const turn of this.#waiting) {
      if (this.full) return;
      this.#waiting.delete(turn);
      turn();
    }
  }

  /** Has `turn` called once, when there is room again. Asking twice with the same function is asking once. */
  wait(turn: () => void): void {
    this.#waiting.add(turn);
  }

  /** Takes back `wait`. */
  forget(turn: () => void): void {
    this.#waiting.delete(turn);
  }

  /** Resolves when nothing is under way. */
  whenIdle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }
}
