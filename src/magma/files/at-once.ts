/** So many may be in; others wait in the order in which they came. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** Does it when there is a place, and frees that whatever becomes of it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

/** Does it with each, so many at once. After the first failure no more are begun; rejects with it when those under way have ended. */
export async function each<T>(
  items: Iterable<T> | AsyncIterable<T>,
  atOnce: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  let failed = false;
  let error: unknown;
  const running = new Set<Promise<void>>();
  const fail = (reason: unknown): void => {
    if (!failed) error = reason;
    failed = true;
  };
  try {
    for await (const item of items) {
      if (failed) break;
      const one: Promise<void> = work(item)
        .catch(fail)
        .finally(() => running.delete(one));
      running.add(one);
      if (running.size >= atOnce) await Promise.race(running);
      if (failed) break;
    }
  } catch (reason) {
    fail(reason);
  }
  await Promise.all(running);
  if (failed) throw error;
}

/** Work in the background: so much at once, and so much that waits; who brings more waits. */
export class Pool {
  readonly #slots: Slots;
  readonly #queue: Slots;
  readonly #under = new Set<Promise<void>>();
  #failed: { readonly error: unknown } | null = null;

  constructor(atOnce: number, queued: number) {
    this.#slots = new Slots(atOnce);
    this.#queue = new Slots(queued);
  }

  /** Resolves when it is taken, not when it is done. Rejects with what work has rejected with before. */
  async take(work: () => Promise<void>): Promise<void> {
    if (this.#failed !== null) throw this.#failed.error;
    await new Promise<void>((resolve) => {
      const one: Promise<void> = this.#queue
        .run(() => {
          resolve();
          return this.#slots.run(work);
        })
        .catch((error: unknown) => {
          this.#failed ??= { error };
        })
        .finally(() => this.#under.delete(one));
      this.#under.add(one);
    });
  }

  /** Resolves when all is done. Rejects with what work has rejected with. */
  async done(): Promise<void> {
    while (this.#under.size > 0) await Promise.all(this.#under);
    if (this.#failed !== null) throw this.#failed.error;
  }
}
