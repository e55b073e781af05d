import { seededRandom } from '../src/base/random.ts';
import { FAILOVER_MS } from '../src/dht/failover/times.ts';
import type { Projection } from '../src/dht/projection/types.ts';
import { FILL_BYTES_A_SECOND } from '../src/dht/replication/limits.ts';
import { costsOf, type MapCosts } from './scale/costs.ts';
import { busyShare, type DurabilityModel, meanTimeToLoss, triedTimeToLoss, windows } from './scale/durability.ts';
import { GrowingRing, type Grown, sharesOf } from './scale/grow.ts';
import { CALLS, meanHops } from './scale/hops.ts';
import { drawCounts, hashedCounts, unevenness } from './scale/keys.ts';
import { HELP, readScaleOptions, type ScaleOptions } from './scale/options.ts';
import { type Traffic, trafficOf } from './scale/traffic.ts';
import { type Column, figure, tableOf } from './table.ts';
import { command, machine, print, say } from './workplace.ts';

const COPIES = 2;
const DRAWS = 20_000;
const HOUR_S = 3600;
const YEAR_HOURS = 8766;
const GIB = 2 ** 30;
const MIB = 2 ** 20;
/** Bytes of one volcano's own slices. */
const OWN_BYTES = [100 * GIB, 1024 * GIB, 8192 * GIB];
/** Bytes a second at which a copy is filled: a slow network, and what the code allows itself. */
const RATES = [8 * MIB, FILL_BYTES_A_SECOND];
/** Shares of volcanos whose disk fails for good in a year. */
const YEARLY = [0.02, 0.1];

interface Row extends Grown {
  readonly slices: number;
  readonly volcanos: number;
  /** The greatest share, when newcomers were placed while nobody asked anything. */
  readonly idleMost: number;
}

function grow({ slices, volcanos }: ScaleOptions): Row[] {
  return slices.flatMap((count) => {
    const ring = new GrowingRing(count, COPIES);
    const idle = new GrowingRing(count, COPIES, 'idle');
    const rows = volcanos.map((size) => {
      say(`${count} slices, ${size} volcanos`);
      const idleMost = Math.max(...sharesOf(idle.growTo(size).projection));
      return { slices: count, volcanos: size, ...ring.growTo(size), idleMost };
    });
    print(
      `\nWhat the kinds of change take, ${count} slices: ${ring.sizes.map(({ kind, mostBytes }) => `${kind} ${mostBytes}`).join(', ')} bytes`,
    );
    return rows;
  });
}

const place: Column<{ readonly slices: number; readonly volcanos: number }>[] = [
  { head: 'slices', cell: ({ slices }) => String(slices) },
  { head: 'volcanos', cell: ({ volcanos }) => String(volcanos) },
];

/** Keys of each volcano, by what lies in its slices. */
function keysOf({ volcanos, map }: Projection, counts: readonly number[]): number[] {
  const keys = volcanos.map(() => 0);
  for (const [slice, { primary }] of map.entries()) keys[primary]! += counts[slice]!;
  return keys;
}

function spreadTable(rows: readonly Row[], { keys, seed }: ScaleOptions): string {
  const counts = new Map(rows.map(({ slices }) => [slices, drawCounts(keys, slices, seededRandom(seed))]));
  const columns: Column<Row>[] = [
    ...place,
    {
      head: 'without slices',
      cell: ({ projection }) => String(sharesOf(projection).filter((one) => one === 0).length),
    },
    {
      head: 'slices each',
      cell: ({ projection }) => `${Math.min(...sharesOf(projection))} to ${Math.max(...sharesOf(projection))}`,
    },
    {
      head: 'most keys',
      cell: ({ projection, slices }) => String(Math.max(...keysOf(projection, counts.get(slices)!))),
    },
    {
      head: 'times the mean',
      cell: (row) => figure((Math.max(...keysOf(row.projection, counts.get(row.slices)!)) * row.volcanos) / keys),
    },
    { head: 'grown at rest', cell: ({ idleMost, volcanos, slices }) => figure((idleMost * volcanos) / slices) },
  ];
  return tableOf(columns, rows);
}

function hopsTable(rows: readonly Row[], { seed }: ScaleOptions): string {
  const random = seededRandom(seed + 1);
  const columns: Column<Row>[] = [
    ...place,
    ...CALLS.map(({ name, flares }) => ({
      head: name,
      cell: ({ projection }: Row) => figure(meanHops(projection, flares, DRAWS, random)),
    })),
  ];
  return tableOf(columns, rows);
}

function mapTable(rows: readonly Row[]): string {
  const all = rows.map((row) => ({ ...row, costs: costsOf(row.projection) }));
  const cost = (head: string, of: (costs: MapCosts) => number): Column<Row & { costs: MapCosts }> => ({
    head,
    cell: ({ costs }) => figure(of(costs)),
  });
  return tableOf(
    [
      ...place,
      { head: 'bytes', cell: ({ costs }) => String(costs.bytes) },
      { head: 'deflated', cell: ({ costs }) => String(costs.deflatedBytes) },
      cost('encode ms', ({ encodeMs }) => encodeMs),
      cost('decode ms', ({ decodeMs }) => decodeMs),
      cost('plan ms', ({ planMs }) => planMs),
      cost('keep ms', ({ keepMs }) => keepMs),
      cost('follow ms', ({ followMs }) => followMs),
      cost('owner us', ({ ownerUs }) => ownerUs),
      { head: 'maps so far', cell: ({ maps }) => String(maps) },
      { head: 'copies filled', cell: ({ filled }) => String(filled) },
      { head: 'MB sent', cell: ({ sentBytes }) => figure(sentBytes / 1e6) },
    ],
    all,
  );
}

function trafficTable(volcanos: readonly number[]): string {
  const all = volcanos.map((size) => ({ volcanos: size, ...trafficOf(size, COPIES) }));
  const columns: Column<Traffic & { volcanos: number }>[] = [
    { head: 'volcanos', cell: ({ volcanos: size }) => String(size) },
    { head: 'mirrors, calls/s', cell: ({ mirrorCalls }) => figure(mirrorCalls) },
    { head: 'figures and work, calls/s', cell: ({ figureCalls }) => figure(figureCalls) },
    { head: 'bytes of one of each', cell: ({ figureBytes }) => String(figureBytes) },
    { head: 'with quotas, at most', cell: ({ figureBytesMost }) => String(figureBytesMost) },
    { head: 'keeper, calls/s', cell: ({ keeperCalls }) => figure(keeperCalls) },
    { head: 'root, calls/s', cell: ({ rootCalls }) => figure(rootCalls) },
    { head: 'messages a change', cell: ({ changeMessages }) => String(changeMessages) },
    { head: 'connections, at most', cell: ({ connectionsMost }) => String(connectionsMost) },
  ];
  return tableOf(columns, all);
}

/** Times in hours. */
function modelOf(volcanos: number, copies: number, yearly: number, bytes: number, rate: number): DurabilityModel {
  const meanLife = -YEAR_HOURS / Math.log(1 - yearly);
  const fill = bytes / rate / HOUR_S;
  return { volcanos, copies, meanLife, detection: FAILOVER_MS / 1000 / HOUR_S, fill, fills: 'one' };
}

function hours(value: number): string {
  if (!Number.isFinite(value)) return 'never';
  return value >= 1 ? `${figure(value)} h` : `${figure(value * 60)} min`;
}

function repairTable(): string {
  const cells = RATES.flatMap((rate) => OWN_BYTES.map((bytes) => ({ rate, bytes })));
  const of = ({ rate, bytes }: { rate: number; bytes: number }, volcanos: number, copies: number): string => {
    const model = modelOf(volcanos, copies, 0.05, bytes, rate);
    return `${hours(windows(model).at(-1)!)} (${figure(100 * busyShare(model))} %)`;
  };
  return tableOf<(typeof cells)[number]>(
    [
      { head: 'MiB/s', cell: ({ rate }) => String(rate / MIB) },
      { head: 'GiB each', cell: ({ bytes }) => String(bytes / GIB) },
      { head: 'one run', cell: ({ rate, bytes }) => hours(modelOf(2, 2, 0.05, bytes, rate).fill) },
      { head: '10 volcanos, 2 copies', cell: (row) => of(row, 10, 2) },
      { head: '1000, 2 copies', cell: (row) => of(row, 1000, 2) },
      { head: '1000, 3 copies', cell: (row) => of(row, 1000, 3) },
    ],
    cells,
  );
}

function years(time: number): string {
  const count = time / YEAR_HOURS;
  if (count === 0) return 'falls behind';
  return count >= 1000 ? count.toExponential(1).replace('e+', 'e') : figure(count);
}

function durabilityTable(): string {
  const rows = [2, 3].flatMap((copies) =>
    YEARLY.flatMap((yearly) =>
      OWN_BYTES.slice(0, 2).flatMap((bytes) => RATES.map((rate) => ({ copies, yearly, bytes, rate }))),
    ),
  );
  const of = (
    { copies, yearly, bytes, rate }: (typeof rows)[number],
    volcanos: number,
    fills: 'one' | 'each',
  ): string => years(meanTimeToLoss({ ...modelOf(volcanos, copies, yearly, bytes, rate), fills }));
  return tableOf<(typeof rows)[number]>(
    [
      { head: 'copies', cell: ({ copies }) => String(copies) },
      { head: 'die a year', cell: ({ yearly }) => `${100 * yearly} %` },
      { head: 'GiB each', cell: ({ bytes }) => String(bytes / GIB) },
      { head: 'MiB/s', cell: ({ rate }) => String(rate / MIB) },
      ...[3, 10, 100, 1000].map((size) => ({
        head: `${size} volcanos`,
        cell: (row: (typeof rows)[number]) => of(row, size, 'one'),
      })),
      { head: '1000, fills at once', cell: (row) => of(row, 1000, 'each') },
    ],
    rows,
  );
}

/** Where losses are not too rare to be waited for. */
const TRIED: readonly DurabilityModel[] = [
  { volcanos: 3, copies: 2, meanLife: 200, detection: 0.02, fill: 1, fills: 'one' },
  { volcanos: 10, copies: 2, meanLife: 200, detection: 0.02, fill: 1, fills: 'one' },
  { volcanos: 100, copies: 2, meanLife: 1000, detection: 0.02, fill: 1, fills: 'one' },
  { volcanos: 1000, copies: 2, meanLife: 5000, detection: 0.02, fill: 1, fills: 'one' },
  { volcanos: 10, copies: 3, meanLife: 100, detection: 0.02, fill: 1, fills: 'each' },
  { volcanos: 10, copies: 3, meanLife: 200, detection: 0.02, fill: 1, fills: 'one' },
  { volcanos: 100, copies: 3, meanLife: 1000, detection: 0.02, fill: 1, fills: 'one' },
];

function triedTable({ losses, seed }: ScaleOptions): string {
  const random = seededRandom(seed + 2);
  const rows = TRIED.map((model) => {
    say(`${losses} losses: ${model.volcanos} volcanos, ${model.copies} copies`);
    return { ...model, formula: meanTimeToLoss(model), tried: triedTimeToLoss(model, losses, random) };
  });
  return tableOf<(typeof rows)[number]>(
    [
      { head: 'volcanos', cell: ({ volcanos }) => String(volcanos) },
      { head: 'copies', cell: ({ copies }) => String(copies) },
      { head: 'fills', cell: ({ fills }) => fills },
      { head: 'mean life, in fills', cell: ({ meanLife }) => String(meanLife) },
      { head: 'formula', cell: ({ formula }) => figure(formula) },
      { head: 'tried', cell: ({ tried }) => figure(tried) },
      { head: 'tried / formula', cell: ({ formula, tried }) => figure(tried / formula) },
    ],
    rows,
  );
}

function lawOfKeys({ hashed, keys, slices, seed }: ScaleOptions): string {
  return slices
    .map((count) => {
      const counts = hashedCounts(hashed, count);
      const drawn = drawCounts(keys, count, seededRandom(seed));
      const ends = (all: readonly number[]): string => `${Math.min(...all)} to ${Math.max(...all)}`;
      return `${count} slices: of ${hashed} keys that were hashed ${ends(counts)} in one (chi-square ${figure(unevenness(counts))} deviations from what chance gives); of ${keys} that were drawn ${ends(drawn)} (${figure(unevenness(drawn))})`;
    })
    .join('\n');
}

await command('bench:scale', async () => {
  const options = readScaleOptions(process.argv.slice(2));
  if (options === null) {
    print(HELP);
    return;
  }
  print(`${machine()}; seed ${options.seed}\n\n${lawOfKeys(options)}`);
  const rows = grow(options);
  print(`\nShares\n\n${spreadTable(rows, options)}`);
  print(`\nHops\n\n${hopsTable(rows, options)}`);
  print(`\nThe map\n\n${mapTable(rows)}`);
  print(`\nAt rest, ${COPIES} copies\n\n${trafficTable(options.volcanos)}`);
  print(
    `\nUntil all copies are there again, and how much of the time copies are filled, when 5 % die a year\n\n${repairTable()}`,
  );
  print(`\nYears until data are lost\n\n${durabilityTable()}`);
  print(`\nThe formula, and tries\n\n${triedTable(options)}`);
});
