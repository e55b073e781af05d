import type { Eventually } from '../../../base/eventually.ts';
import type { IndexHost, IndexReader } from '../../index/types.ts';
import type { LogBatch, LogMark } from '../../kml/types.ts';

/** An index that applies what it is given only when it is told to, or when somebody waits for it: as far behind as a test wants. */
export class LaggingIndex implements IndexHost {
  readonly #inner: IndexHost;
  readonly #queue: LogBatch[] = [];
  #lagging = false;

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

  /** Falls behind from now on. */
  lag(): void {
    this.#lagging = true;
  }

  /** Applies that many batches of those that wait. */
  async catchUp(batches = Number.POSITIVE_INFINITY): Promise<void> {
    for (let count = 0; count < batches && this.#queue.length > 0; count++)
      await this.#inner.apply(this.#queue.shift()!);
  }

  apply(batch: LogBatch): Eventually<void> {
    if (!this.#lagging) return this.#inner.apply(batch);
    this.#queue.push(batch);
  }

  async whenApplied(lsn: number): Promise<void> {
    while (this.applied.lsn < lsn && this.#queue.length > 0) await this.catchUp(1);
    await this.#inner.whenApplied(lsn);
  }

  async checkpoint(): Promise<LogMark> {
    await this.catchUp();
    return this.#inner.checkpoint();
  }

  onFailed(listener: (error: Error) => void): void {
    this.#inner.onFailed(listener);
  }

  async close(): Promise<void> {
    await this.catchUp();
    await this.#inner.close();
  }
}
