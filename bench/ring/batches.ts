import { closeSync, existsSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import {
  alignBatch,
  BATCH_HEADER_BYTES,
  decodeBatchHeader,
  decodeSegmentHeader,
  SEGMENT_HEADER_BYTES,
  segmentName,
  segmentNumber,
} from '../../src/flare/kml/format.ts';

/**
 * Counts the batches of a log, each of which was one write to stable storage, by their headers in the segment files, while a volcano writes them. Reads only what has come since it
 * was asked last, which must not be longer ago than the log keeps segments.
 */
export class BatchCounter {
  readonly #directory: string;
  #segment = 0;
  #position = 0;
  #logId: Buffer | null = null;
  #count = 0;

  /** `directory`: the data directory. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** All batches since the log's first segment that was there when it was asked first. */
  count(): number {
    if (this.#segment === 0) this.#begin(this.#oldest());
    for (;;) {
      this.#read();
      const next = this.#segment + 1;
      if (!existsSync(join(this.#directory, segmentName(next)))) return this.#count;
      // What the last one got before the next began.
      this.#read();
      this.#begin(next);
    }
  }

  #oldest(): number {
    const numbers = readdirSync(join(this.#directory, 'kml')).map(
      (name) => segmentNumber(name) ?? Number.POSITIVE_INFINITY,
    );
    return Math.min(...numbers);
  }

  #begin(segment: number): void {
    this.#segment = segment;
    this.#position = 0;
  }

  #read(): void {
    const file = openSync(join(this.#directory, segmentName(this.#segment)), 'r');
    try {
      if (this.#position === 0) {
        const bytes = Buffer.alloc(SEGMENT_HEADER_BYTES);
        readSync(file, bytes, 0, bytes.length, 0);
        const header = decodeSegmentHeader(bytes);
        if (header === null) return;
        this.#logId = header.logId;
        this.#position = SEGMENT_HEADER_BYTES;
      }
      const bytes = Buffer.alloc(BATCH_HEADER_BYTES);
      for (;;) {
        const read = readSync(file, bytes, 0, bytes.length, this.#position);
        const header = decodeBatchHeader(bytes.subarray(0, read), 0, this.#segment, this.#position, this.#logId);
        if (header === null) return;
        this.#count += 1;
        this.#position = alignBatch(this.#position + header.length);
      }
    } finally {
      closeSync(file);
    }
  }
}

/** How often the count is looked at, in milliseconds. */
const SAMPLE_MS = 20;

/** The host's monotonic clock, as the load generator reads it, in microseconds. */
function now(): number {
  return Number(process.hrtime.bigint()) / 1000;
}

/** Watches a count while something runs, so that it can be said afterwards how much it grew between two moments. */
export class CountWatch {
  readonly #count: () => number;
  readonly #samples: { readonly at: number; readonly count: number }[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor(count: () => number) {
    this.#count = count;
    this.#sample();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  #sample(): void {
    this.#samples.push({ at: now(), count: this.#count() });
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#sample();
  }

  /** By how much it grew between two moments of the host's monotonic clock, in microseconds: as of the samples nearest to them. */
  between(began: number, ended: number): number {
    const near = (moment: number): number => {
      let best = this.#samples[0]!;
      for (const sample of this.#samples) if (Math.abs(sample.at - moment) < Math.abs(best.at - moment)) best = sample;
      return best.count;
    };
    return near(ended) - near(began);
  }
}
