import type { Test } from 'tap';
import { chooseSeed } from '../../../src/base/testing/seed.ts';
import { textOf } from './history.ts';
import type { Report } from './run.ts';

/** Everything that one needs to see what went wrong. */
function story({ seed, faults, deeds, warnings, history }: Report): string {
  return [`seed ${seed}`, ...faults, ...deeds, ...warnings, ...history.map(textOf)].join('\n');
}

/** Runs one seed, which must show no fault. */
export async function soundSeed(t: Test, seed: number, run: (seed: number) => Promise<Report>): Promise<Report> {
  const report = await run(seed);
  if (report.faults.length > 0) {
    t.fail(`seed ${seed}`);
    t.comment(story(report));
  }
  return report;
}

/** Histories that need not be judged, besides one of a hundred: in few seeds there may be more than that by chance. */
const UNKNOWN_FEW = 3;

/** How many seeds are run: at least so many, then more until so many milliseconds have passed, but no more than that. */
export interface Amount {
  /** The first of them; by chance when absent. */
  readonly first?: number;
  readonly min: number;
  readonly enoughMs: number;
  readonly max: number;
}

/** Runs seeds from `MAGMA_SEED` on, or from the first one that is given, or from one of chance, and tells how many. */
export async function soundSeeds(
  t: Test,
  { first: given, min, enoughMs, max }: Amount,
  run: (seed: number) => Promise<Report>,
): Promise<void> {
  const first = chooseSeed(given);
  const begun = performance.now();
  const totals: Record<string, number> & { crashes: number; unknown: number } = { crashes: 0, unknown: 0 };
  let seeds = 0;
  for (; seeds < max; seeds++) {
    if (seeds >= min && performance.now() - begun > enoughMs) break;
    const report = await soundSeed(t, first + seeds, run);
    const { calls, crashes, states, unknown, counts } = report;
    const all = { calls, crashes, states, unknown: unknown ? 1 : 0, ...counts };
    for (const [name, count] of Object.entries(all)) totals[name] = (totals[name] ?? 0) + count;
  }
  t.comment(`${seeds} seeds from ${first}: ${JSON.stringify(totals)}`);
  t.ok(totals.crashes > seeds / 4, 'volcanos died');
  t.ok(totals.unknown <= UNKNOWN_FEW + seeds / 100, 'nearly every history was judged');
}
