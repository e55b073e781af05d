import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Registry } from 'prom-client';
import { LOOP_MS, type Loop, METRICS, type Moment, type Sample } from './metrics-table.ts';
import type { WebParts } from './parts.ts';

/** Clients that are told, those whose networks lose most: each is a series of its own, and a network has any number of them. */
export const CLIENTS_TOLD = 100;
/** The figures of this volcano, for Prometheus, each made when it is asked for. */
export class Metrics {
  readonly #parts: WebParts;
  readonly #registry = new Registry();
  #loop: Loop | null = null;
  #moment: Moment | null = null;

  constructor(parts: WebParts) {
    this.#parts = parts;
    for (const { name, help, type, samples } of METRICS) {
      const get = async () => ({
        ...{ name, help, type, aggregator: 'sum' as const },
        values: [...samples(this.#moment!)].map(({ suffix = '', labels = {}, value }: Sample) => ({
          ...{ metricName: name + suffix, labels, value },
        })),
      });
      // Figures that are counted elsewhere fit none of the library's own kinds, which count by themselves; it takes whatever can be asked.
      this.#registry.registerMetric({ name, help, type, get, reset: () => {} } as never);
    }
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All of them, as Prometheus reads them. */
  async text(): Promise<string> {
    const { ring } = this.#parts;
    const observed = await ring.observe(ring.self, { clients: CLIENTS_TOLD, lines: 0 });
    this.#moment = { ...this.#parts, observed, loop: this.#loop };
    const text = this.#registry.metrics();
    // All figures are taken before this returns; from now on the next ones are gathered. Nobody looks at the loop before somebody has asked.
    await text;
    if (this.#loop === null) {
      this.#loop = monitorEventLoopDelay({ resolution: LOOP_MS });
      this.#loop.enable();
    } else this.#loop.reset();
    return text;
  }

  /** Looks at nothing any more. */
  close(): void {
    this.#loop?.disable();
  }
}
