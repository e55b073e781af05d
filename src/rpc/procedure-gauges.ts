import type { CallReport, RpcObserver } from './observer.ts';
import type { Program } from './program.ts';

/** The upper bounds of the latency buckets, in milliseconds; what took longer is in one more. */
export const LATENCY_BOUNDS_MS = [
  0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 10_000,
] as const;

/** What was counted of one procedure. */
export interface ProcedureFigures {
  /** The program's name, as `Program.name` has it: `nfs`. */
  readonly program: string;
  readonly version: number;
  /** The RFC's name: `GETATTR`. */
  readonly procedure: string;
  readonly calls: number;
  /** Those of them that RPC itself refused, or that were not answered: by no means the errors of NFS. */
  readonly refused: number;
  readonly requestBytes: number;
  readonly replyBytes: number;
  /** All of them together, from the arrival of the call to the handing over of the reply. */
  readonly milliseconds: number;
  /** How many took at most the bound of each of `LATENCY_BOUNDS_MS`, and longer than the one before; the last: longer than all. */
  readonly buckets: readonly number[];
}

class Gauge {
  readonly program: string;
  readonly version: number;
  readonly procedure: string;
  calls = 0;
  refused = 0;
  requestBytes = 0;
  replyBytes = 0;
  milliseconds = 0;
  readonly #buckets = new Float64Array(LATENCY_BOUNDS_MS.length + 1);

  constructor(program: string, version: number, procedure: string) {
    this.program = program;
    this.version = version;
    this.procedure = procedure;
  }

  count({ requestBytes, replyBytes, milliseconds, outcome }: CallReport): void {
    this.calls += 1;
    if (outcome !== 'SUCCESS') this.refused += 1;
    this.requestBytes += requestBytes;
    this.replyBytes += replyBytes;
    this.milliseconds += milliseconds;
    let bucket = 0;
    while (bucket < LATENCY_BOUNDS_MS.length && milliseconds > LATENCY_BOUNDS_MS[bucket]!) bucket += 1;
    this.#buckets[bucket]! += 1;
  }

  figures(): ProcedureFigures {
    const { program, version, procedure, calls, refused, requestBytes, replyBytes, milliseconds } = this;
    const buckets = [...this.#buckets];
    return { program, version, procedure, calls, refused, requestBytes, replyBytes, milliseconds, buckets };
  }
}

/** Versions and procedures of all programs are below this; others are not counted. */
const NUMBERS = 64;

/** Counts the calls of each procedure, and how long they take, since the start. Calls of what is not there are not counted. */
export class ProcedureGauges implements RpcObserver {
  /** By program, then by version and procedure. */
  readonly #programs = new Map<number, (Gauge | undefined)[]>();

  /** Counts the calls of that program from now on. */
  add({ number, name, versions }: Program): void {
    const gauges = new Array<Gauge | undefined>(NUMBERS * NUMBERS).fill(undefined);
    for (const [version, procedures] of versions)
      for (const [procedure, { name: called }] of procedures)
        if (version < NUMBERS && procedure < NUMBERS)
          gauges[version * NUMBERS + procedure] = new Gauge(name, version, called);
    this.#programs.set(number, gauges);
  }

  call(report: CallReport): void {
    const { program, version, procedure } = report;
    if (version >= NUMBERS || procedure >= NUMBERS) return;
    this.#programs.get(program)?.[version * NUMBERS + procedure]?.count(report);
  }

  /** All procedures, also those that nobody has called. */
  figures(): ProcedureFigures[] {
    return [...this.#programs.values()].flatMap((gauges) =>
      gauges.flatMap((gauge) => (gauge === undefined ? [] : [gauge.figures()])),
    );
  }
}

/**
 * The time in milliseconds that this share of the calls (0.5: half of them) took at most, by the bound of the bucket that it lies in, in proportion inside it; null without calls. Times beyond the last
 * bound count as that.
 */
export function quantile(buckets: readonly number[], share: number): number | null {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  const wanted = share * all;
  let before = 0;
  for (const [index, count] of buckets.entries()) {
    if (count > 0 && before + count >= wanted) {
      const low = index === 0 ? 0 : LATENCY_BOUNDS_MS[index - 1]!;
      const high = LATENCY_BOUNDS_MS[index] ?? low;
      return low + (high - low) * ((wanted - before) / count);
    }
    before += count;
  }
  return LATENCY_BOUNDS_MS.at(-1)!;
}
