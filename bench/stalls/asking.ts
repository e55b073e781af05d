import { join } from 'node:path';
import { DataWatch } from '../data-watch.ts';
import type { Generator, LoadResult } from '../generator.ts';
import { Echo } from '../measure.ts';
import type { Verdict } from '../verdict.ts';
import type { Volcano } from '../volcano.ts';

/** NULLs a second. */
const RATE = 500;
/** The most that the 99th percentile may be, in milliseconds. */
const P99_MS = 5;

/** Asks the volcano, and the echo server beside it, NULL over UDP while something goes on. */
export class Asking {
  readonly #volcano: Volcano;
  readonly #echo: Echo;

  private constructor(volcano: Volcano, echo: Echo) {
    this.#volcano = volcano;
    this.#echo = echo;
  }

  /**
   * `core`: the load generator's. The echo server runs there, so that what it is late with is the machine's doing and the askers' own,
   * and nothing of the volcano's.
   */
  static async start(volcano: Volcano, generator: Generator, core: number, directory: string): Promise<Asking> {
    return new Asking(volcano, await Echo.start(generator, core, join(directory, 'echo.log')));
  }

  stop(): Promise<void> {
    return this.#echo.stop();
  }

  /** What NULL takes while `work` runs. `told` puts what it gives into words. */
  async during<T>(what: string, work: () => Promise<T>, told: (value: T) => string = () => ''): Promise<Verdict[]> {
    const watch = new DataWatch(this.#volcano.directory);
    const askers = [this.#volcano.ask(RATE), this.#echo.ask(RATE)];
    const stopped = () => Promise.all(askers.map((asker) => asker.stop()));
    const value = await work().catch(async (error: unknown) => {
      await stopped();
      throw error;
    });
    const results = await stopped();
    const { dropped, checkpoints } = watch.stop();
    const [asked, echo] = results as [LoadResult, LoadResult];
    const ms = (us: number) => (us / 1000).toFixed(2);
    const note = [
      told(value),
      `${asked.ops} NULLs`,
      ...[...asked.troubles].map(([name, count]) => `${name} ${count}`),
      ...(dropped > 0 ? [`${dropped} segments dropped`] : []),
      ...(checkpoints > 0 ? [`${checkpoints} checkpoints`] : []),
      `echo meanwhile: p99 ${ms(echo.p99)}, max ${ms(echo.max)} ms`,
    ].filter((text) => text !== '');
    const of = (kind: string, us: number, target?: { most: number }): Verdict => ({
      what: `${kind}, ${what}`,
      figure: us / 1000,
      unit: 'ms',
      ...(target === undefined ? {} : { target }),
    });
    const target = { most: P99_MS };
    return [
      { ...of('p99 of NULL', asked.p99, target), note: note.join('; ') },
      of('the longest NULL', asked.max),
      of('p99 of the event loop at work meanwhile', asked.work?.p99 ?? Number.NaN, target),
      of('the longest of that', asked.work?.max ?? Number.NaN),
    ];
  }
}
