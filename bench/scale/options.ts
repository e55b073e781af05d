import { parseArgs } from 'node:util';
import { MEMBERS_MAX, SLICES_MAX, SLICES_MIN } from '../../src/dht/projection/types.ts';
import { listOf, numberOf, parsedFlags } from '../flags.ts';
import { UsageError } from '../usage-error.ts';

/** What the simulation of scale is to look at. */
export interface ScaleOptions {
  readonly seed: number;
  /** Ascending. */
  readonly volcanos: readonly number[];
  readonly slices: readonly number[];
  readonly keys: number;
  /** Of these so many are really hashed. */
  readonly hashed: number;
  /** Losses of data that are waited for when the durability is tried. */
  readonly losses: number;
}

const ITEMS_MAX = 12;
/** Fewer keys in a slice are not normal enough. */
const KEYS_MIN = 1_000_000;

export const HELP = `npm run bench:scale -- [options]

How far the design goes: networks of up to ${MEMBERS_MAX} volcanos grow by the real plan. Shares of slices and keys, hops, sizes and times of the map, calls that go on at rest, how long copies are missed
after a death, and the years until data are lost, by a formula and by trying. docs/scale.md explains the tables.

  --volcanos N,...    sizes that are looked at; 3,10,100,256,1000
  --slices N,...      slices of the network: powers of two, ${SLICES_MIN} to ${SLICES_MAX}; 256,4096
  --keys N            keys that are dealt out; 100000000
  --hashed N          of these so many are hashed, to see that the law holds; 2000000
  --losses N          losses of data that are waited for, for each row that is tried; 400
  --seed N            of all chance; 1
`;

const FLAGS = {
  volcanos: { type: 'string', default: '3,10,100,256,1000' },
  slices: { type: 'string', default: '256,4096' },
  keys: { type: 'string', default: '100000000' },
  hashed: { type: 'string', default: '2000000' },
  losses: { type: 'string', default: '400' },
  seed: { type: 'string', default: '1' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** What the flags ask for; null: the help. Throws `UsageError`. */
export function readScaleOptions(argv: readonly string[]): ScaleOptions | null {
  const flags = parsedFlags(() => parseArgs({ args: [...argv], options: FLAGS }).values);
  if (flags.help) return null;
  const slices = listOf('slices', flags.slices, ITEMS_MAX).map((text) =>
    numberOf('slices', text, SLICES_MIN, SLICES_MAX, true),
  );
  for (const count of slices)
    if ((count & (count - 1)) !== 0) throw new UsageError(`--slices ${count}: a power of two is needed`);
  return {
    seed: numberOf('seed', flags.seed, 0, 999_999_999, true),
    volcanos: listOf('volcanos', flags.volcanos, ITEMS_MAX)
      .map((text) => numberOf('volcanos', text, 2, MEMBERS_MAX, true))
      .sort((one, other) => one - other),
    slices,
    keys: numberOf('keys', flags.keys, KEYS_MIN, 999_999_999, true),
    hashed: numberOf('hashed', flags.hashed, 100_000, 100_000_000, true),
    losses: numberOf('losses', flags.losses, 10, 100_000, true),
  };
}
