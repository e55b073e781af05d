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

  /** Ends one call, and gives the room to whoever has waited longest. */
  leave(): void {
    this.#inFlight -= 1;
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    if (this.#waiting.size === 0 || this.full) return;
    const first = this.#waiting.values().next().value;
    if (first === undefined) return;
    this.#waiting.delete(first);
    first();
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
