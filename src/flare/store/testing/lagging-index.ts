import { IndexFullError } from '../../index/errors.ts';
import type { IndexFlush } from '../../index/flush.ts';
import type { IndexHost, IndexReader } from '../../index/types.ts';
import type { LogMark } from '../../kml/types.ts';

interface Waiting {
  readonly flush: IndexFlush;
  readonly applied: PromiseWithResolvers<void>;
}

/** An index that applies what it is given only when it is told to, or when it is put on stable storage: as far behind as a test wants. */
export class LaggingIndex implements IndexHost {
  readonly #inner: IndexHost;
  readonly #queue: Waiting[] = [];
  #lagging = false;
  #full = false;
  #onFull: (error: Error) => void = () => {};

  constructor(inner: IndexHost) {
    this.#inner = inner;
  }

  get reader(): IndexReader {
    return this.#inner.reader;
  }

  get applied(): LogMark {
    return this.#inner.applied;
  }

  get checkpointed(): LogMark {
    return this.#inner.checkpointed;
  }

  /** Flushes that wait. */
  get waiting(): number {
    return this.#queue.length;
  }

  memory(): ArrayBuffer {
    return this.#inner.memory();
  }

  /** Falls behind from now on, or no longer. */
  lag(lagging = true): void {
    this.#lagging = lagging;
  }

  /** Applies that many flushes of those that wait, and of those that come meanwhile. */
  async catchUp(flushes = Number.POSITIVE_INFINITY): Promise<void> {
    for (let count = 0; count < flushes && this.#queue.length > 0; count++) {
      const { flush, applied } = this.#queue.shift()!;
      try {
        await this.#inner.apply(flush);
        applied.resolve();
      } catch (error) {
        applied.reject(error);
      }
      // Who waited for it is told before the next one.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  apply(flush: IndexFlush): Promise<void> | void {
    if (!this.#lagging && this.#queue.length === 0) return this.#inner.apply(flush);
    const applied = Promise.withResolvers<void>();
    this.#queue.push({ flush, applied });
    if (!this.#lagging) void this.catchUp();
    return applied.promise;
  }

  async checkpoint(): Promise<LogMark> {
    if (this.#full) throw new IndexFullError(new Error('a test says so'));
    await this.catchUp();
    return this.#inner.checkpoint();
  }

  get full(): boolean {
    return this.#full;
  }

  onFull(listener: (error: Error) => void): void {
    this.#onFull = listener;
  }

  /** Finds no room on its disk from now on. */
  fill(): void {
    this.lag();
    this.#full = true;
    this.#onFull(new IndexFullError(new Error('a test says so')));
  }

  /** Finds room again, and does what has waited for it. */
  async empty(): Promise<void> {
    this.lag(false);
    this.#full = false;
    await this.catchUp();
  }

  onFailed(listener: (error: Error) => void): void {
    this.#inner.onFailed(listener);
  }

  async close(): Promise<void> {
    if (!this.#full) await this.catchUp();
    for (const { applied } of this.#queue.splice(0)) applied.reject(new Error('the index was closed'));
    await this.#inner.close();
  }
}
