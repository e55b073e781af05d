/** Who waits until something is so, and is to be told when it may be. */
export class Waiting {
  #waiting: { readonly done: () => boolean; readonly promise: PromiseWithResolvers<void> }[] = [];
  #over: Error | null = null;

  /** Resolves when it is so, as far as `look` is called whenever that may have changed. Rejects after `end`. */
  async until(done: () => boolean): Promise<void> {
    if (this.#over !== null) throw this.#over;
    if (done()) return;
    const promise = Promise.withResolvers<void>();
    this.#waiting.push({ done, promise });
    await promise.promise;
  }

  look(): void {
    const waiting = this.#waiting;
    this.#waiting = waiting.filter(({ done }) => !done());
    for (const { done, promise } of waiting) if (done()) promise.resolve();
  }

  /** Whoever waits, or will, waits for nothing. */
  end(error: Error): void {
    this.#over = error;
    for (const { promise } of this.#waiting.splice(0)) promise.reject(error);
  }
}
