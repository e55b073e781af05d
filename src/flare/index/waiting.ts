import type { Eventually } from '../../base/eventually.ts';

/** Those who wait for a number that only rises, in the order of what they wait for. */
export class WaitingList {
  readonly #waiting: { readonly number: number; readonly promise: PromiseWithResolvers<void> }[] = [];
  #failed: Error | null = null;

  /** Resolves when `reached` has been called with that number or more. */
  wait(number: number): Eventually<void> {
    if (this.#failed !== null) return Promise.reject(this.#failed);
    const promise = Promise.withResolvers<void>();
    let at = this.#waiting.length;
    while (at > 0 && this.#waiting[at - 1]!.number > number) at--;
    this.#waiting.splice(at, 0, { number, promise });
    return promise.promise;
  }

  reached(number: number): void {
    let done = 0;
    while (done < this.#waiting.length && this.#waiting[done]!.number <= number) done++;
    for (const { promise } of this.#waiting.splice(0, done)) promise.resolve();
  }

  /** Rejects all that wait, and all that ever will. */
  fail(error: Error): void {
    this.#failed = error;
    for (const { promise } of this.#waiting.splice(0)) promise.reject(error);
  }
}
