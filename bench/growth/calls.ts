import { median } from '../ratios.ts';
import type { Verdict } from '../verdict.ts';
import type { Volcano } from '../volcano.ts';
import { allWell, LARGE, SMALL } from './directories.ts';

const ROUNDS = 7;
/** Calls a round and directory. */
const LOOKUPS = 20_000;
const CHANGES = 1000;
/** The most that a call may cost in the large directory, of what it costs in the small one. */
const TIMES_SMALL = 1.5;
const WINDOW = ['--proto', 'tcp', '--conns', '1', '--window', '16'];

interface Kind {
  readonly what: string;
  readonly args: (directory: string, entries: number, large: number) => readonly string[];
}

const lookups = (directory: string, files: number) => [
  ...['--op', 'lookup', '--in', directory, '--files', String(files), '--calls', String(LOOKUPS)],
];
/** Names behind those that are there, the same in both directories. */
const changes = (op: string) => (directory: string, _: number, large: number) => [
  ...['--op', op, '--in', directory, '--first', String(large), '--calls', String(CHANGES)],
];

const KINDS: readonly Kind[] = [
  { what: 'LOOKUP of 1,000 names', args: (directory) => lookups(directory, SMALL.entries) },
  { what: 'LOOKUP of all names', args: lookups },
  { what: 'CREATE', args: changes('create') },
  { what: 'REMOVE', args: changes('remove') },
];

/** CPU of LOOKUP, CREATE and REMOVE in the large directory and in the small one, in turn; the median of some rounds. */
export async function compareCalls(volcano: Volcano, entries: number): Promise<Verdict[]> {
  const costs = KINDS.map(() => ({ small: [] as number[], large: [] as number[] }));
  for (let round = 0; round < ROUNDS; round++) {
    // Who comes first changes, so that neither gets what the other left to do.
    const order = round % 2 === 0 ? (['small', 'large'] as const) : (['large', 'small'] as const);
    for (const [at, { what, args }] of KINDS.entries()) {
      // Other names in each round: those of the last one are still in memory.
      const seed = ['--seed', String(round)];
      for (const size of order) {
        const load = size === 'small' ? args(SMALL.name, SMALL.entries, entries) : args(LARGE, entries, entries);
        const { serverCpu } = allWell(await volcano.load([...load, ...seed, ...WINDOW]), `${what}, ${size}`);
        costs[at]![size].push(serverCpu ?? Number.NaN);
      }
    }
  }
  return KINDS.flatMap(({ what }, at) => {
    const [small, large] = [median(costs[at]!.small), median(costs[at]!.large)];
    return [
      { what: `${what}, directory of ${SMALL.entries}`, figure: small, unit: 'CPU us' },
      { what: `${what}, directory of ${entries}`, figure: large, unit: 'CPU us' },
      { what, figure: large / small, unit: "of the small one's CPU", target: { most: TIMES_SMALL } },
    ];
  });
}
