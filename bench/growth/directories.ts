import type { LoadResult } from '../generator.ts';
import { MIB } from '../long-options.ts';
import { UsageError } from '../usage-error.ts';
import type { Verdict } from '../verdict.ts';
import type { Volcano } from '../volcano.ts';

export const SMALL = { name: 'small', entries: 1000 } as const;
export const LARGE = 'large';
const WINDOW = ['--proto', 'tcp', '--conns', '1', '--window', '64'];
/** Pieces in which the large directory is made, each with a figure. */
const PIECES = 10;

/** Throws unless a call went well in every case. */
export function allWell(result: LoadResult, what: string): LoadResult {
  if (result.troubles.size === 0) return result;
  const told = [...result.troubles].map(([name, count]) => `${name} ${count}`).join(', ');
  throw new Error(`${what}: ${told}`);
}

/** CREATE of `calls` names of a directory, from number `first` on. */
export async function create(volcano: Volcano, directory: string, first: number, calls: number): Promise<LoadResult> {
  const args = ['--op', 'create', '--in', directory, '--first', String(first), '--calls', String(calls), '--progress'];
  return allWell(await volcano.load([...args, ...WINDOW]), `CREATE in ${directory}`);
}

/** Makes the small directory and the large one, less the pieces that are there already. `tell` hears of each piece. */
export async function fill(volcano: Volcano, entries: number, tell: (text: string) => void): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  await create(volcano, SMALL.name, 0, SMALL.entries);
  const piece = Math.ceil(entries / PIECES);
  for (let first = 0; first < entries; first += piece) {
    const calls = Math.min(piece, entries - first);
    if (await hasName(volcano, first + calls - 1)) continue;
    const { opsPerSecond, serverCpu, p99, max } = await create(volcano, LARGE, first, calls);
    const { now } = volcano.memory();
    const cpu = serverCpu?.toFixed(0);
    tell(
      `${first + calls} entries: ${opsPerSecond.toFixed(0)} CREATEs/s, ${cpu} CPU us each, p99 ${p99.toFixed(0)} us, max ${max.toFixed(0)} us, ${(now / MIB).toFixed(0)} MiB`,
    );
    if (first === 0 || first + calls === entries)
      verdicts.push({ what: `CREATE while ${first + calls} entries are made`, figure: serverCpu ?? 0, unit: 'CPU us' });
  }
  return verdicts;
}

/** Whether the large directory has the name of that number. */
async function hasName(volcano: Volcano, number: number): Promise<boolean> {
  const args = ['--op', 'lookup', '--in', LARGE, '--first', String(number), '--files', '1', '--calls', '8'];
  return (await volcano.load(args)).troubles.size === 0;
}

/** Throws `UsageError` unless the large directory has that many entries. */
export async function needLarge(volcano: Volcano, entries: number): Promise<void> {
  if (await hasName(volcano, entries - 1)) return;
  throw new UsageError(
    `${volcano.directory} has no directory of ${entries} entries. Cure: run the part 'fill' first, with the same --data and --entries`,
  );
}
