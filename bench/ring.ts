import { keyOf, ROOT_KEY, sliceOf } from '../src/flare/keys.ts';
import type { Generator, LoadResult } from './generator.ts';
import { loadArguments, type Step, stepsOf } from './measure.ts';
import { median } from './ratios.ts';
import { CountWatch } from './ring/batches.ts';
import { HELP, type RingOptions, readRingOptions } from './ring/options.ts';
import { Volcanos } from './ring/volcanos.ts';
import { type Column, figure, OTHERS_PERCENT_MAX, tableOf } from './table.ts';
import { type Verdict, verdictTable } from './verdict.ts';
import { command, inWorkplace, machine, print, say } from './workplace.ts';

/** Volcanos in each set; 0: alone, without a key. */
const SETS = [0, 1, 2, 3];
/** What a READ of an own key may cost over one alone, and a durable WRITE at window 16, all volcanos together. */
const OWN_READ_MOST = 1.15;
const WRITE_MOST = 2.2;
const WRITE_WINDOW = 16;
/** The file that is the first volcano's own in all sets: bytes of it. */
const OWN_BYTES = 1024 * 1024;
const DIRECTORY = 'own';
const NAMES_TRIED = 100_000;
/** REMOVE first makes thousands of files, in a ring on one core. */
const SET_UP_SECONDS = 900;

/** One step against one set. */
interface Row extends Step {
  readonly set: string;
  readonly result: LoadResult;
  /** Batches made durable for each answered call, of all volcanos. */
  readonly batches: number;
}

async function runStep(generator: Generator, set: Volcanos, step: Step, options: RingOptions): Promise<Row> {
  const args = [...loadArguments(step, options.warmup), ...set.where, '--server-pid', set.pids.join(',')];
  const watch = new CountWatch(() => set.batches());
  const result = await generator.load(args, options.seconds, SET_UP_SECONDS).finally(() => watch.stop());
  return { ...step, set: set.name, result, batches: watch.between(result.began, result.ended) / result.ops };
}

/** A name whose file is the first volcano's own in all sets. */
function ownName(sets: readonly Volcanos[]): string {
  const directory = keyOf(ROOT_KEY, DIRECTORY);
  for (let number = 0; number < NAMES_TRIED; number++) {
    const slice = sliceOf(keyOf(directory, `f${number}`));
    if (sets.every((set) => set.own(slice))) return `f${number}`;
  }
  throw new Error('the first volcanos have no slice in common');
}

/** CPU of a READ of an own key, for each set and round. */
async function ownReads(
  generator: Generator,
  sets: readonly Volcanos[],
  options: RingOptions,
): Promise<ReadonlyMap<string, number[]>> {
  const file = ['--in', DIRECTORY, '--file', ownName(sets), '--from', '0', '--span', String(OWN_BYTES)];
  const window = ['--proto', 'tcp', '--conns', String(options.connections), '--window', '16'];
  for (const { where } of sets) {
    const fill = ['--op', 'write', '--seq', '--calls', String(OWN_BYTES / 8192), '--warmup', '0'];
    await generator.load([...fill, '--proto', 'tcp', '--conns', '1', '--window', '16', ...file, ...where], 60);
  }
  const found = new Map<string, number[]>(sets.map(({ name }) => [name, []]));
  for (let round = 0; round < options.rounds; round++) {
    for (const { name, where, pids } of sets) {
      const args = ['--op', 'read', ...file, ...window, '--warmup', '0.5', ...where, '--server-pid', pids.join(',')];
      const { serverCpu } = await generator.load(args, options.seconds);
      found.get(name)!.push(serverCpu ?? Number.NaN);
    }
    say(
      `own reads, round ${round + 1}: ${[...found].map(([name, all]) => `${name} ${figure(all.at(-1)!)}`).join(', ')}`,
    );
  }
  return found;
}

function aloneOf(rows: readonly Row[], { operation, transport, window }: Step): Row | undefined {
  return rows.find(
    (row) => row.set === 'alone' && row.operation === operation && row.transport === transport && row.window === window,
  );
}

function timesAlone(rows: readonly Row[], row: Row): number | null {
  const alone = aloneOf(rows, row)?.result.serverCpu ?? null;
  return alone === null || row.result.serverCpu === null ? null : row.result.serverCpu / alone;
}

function tableOfRows(rows: readonly Row[]): string {
  const columns: Column<Row>[] = [
    { head: 'op', cell: ({ operation }) => operation, left: true },
    { head: 'over', cell: ({ transport }) => transport, left: true },
    { head: 'window', cell: ({ connections, window }) => `${connections} x ${window}` },
    { head: 'volcanos', cell: ({ set }) => set, left: true },
    { head: 'ops/s', cell: ({ result }) => result.opsPerSecond.toFixed(0) },
    { head: 'CPU us/op', cell: ({ result }) => figure(result.serverCpu) },
    { head: 'times alone', cell: (row) => figure(timesAlone(rows, row)) },
    { head: 'writes/op', cell: ({ batches }) => figure(batches) },
    { head: 'p50 us', cell: ({ result }) => figure(result.p50) },
    {
      head: 'note',
      cell: ({ result }) => {
        const told = [...result.troubles].map(([name, count]) => `${name} ${count}`);
        if (result.otherCpuPercent > OTHERS_PERCENT_MAX) told.push(`others ${Math.round(result.otherCpuPercent)} %`);
        return told.join(', ');
      },
      left: true,
    },
  ];
  return tableOf(columns, rows);
}

function verdictsOf(rows: readonly Row[], reads: ReadonlyMap<string, readonly number[]>): Verdict[] {
  const verdicts: Verdict[] = [];
  const alone = reads.get('alone')!;
  for (const [name, all] of reads) {
    if (name === 'alone') continue;
    const ratios = all.map((cpu, round) => cpu / alone[round]!);
    verdicts.push({
      what: `READ of an own key, ${name}`,
      figure: median(ratios),
      unit: 'times alone',
      target: { most: OWN_READ_MOST },
      note: `${figure(median(all))} us, alone ${figure(median(alone))}; ratios ${figure(Math.min(...ratios))} to ${figure(Math.max(...ratios))}`,
    });
  }
  for (const row of rows) {
    const times = timesAlone(rows, row);
    if (row.operation !== 'write' || row.window !== WRITE_WINDOW || row.set === 'alone' || times === null) continue;
    verdicts.push({
      what: `durable WRITE over ${row.transport} at window ${WRITE_WINDOW}, ${row.set}`,
      figure: times,
      unit: 'times alone',
      ...(row.set === 'ring of 1' ? {} : { target: { most: WRITE_MOST } }),
    });
  }
  return verdicts;
}

async function measure(options: RingOptions, generator: Generator, directory: string): Promise<void> {
  const sets: Volcanos[] = [];
  const rows: Row[] = [];
  try {
    for (const count of SETS) sets.push(await Volcanos.start(count, directory, options.cores.server));
    for (const step of stepsOf(options)) {
      for (const set of sets) {
        const row = await runStep(generator, set, step, options);
        rows.push(row);
        const { serverCpu, opsPerSecond } = row.result;
        say(
          `${set.name}: ${step.operation} ${step.transport} window ${step.window}: ${opsPerSecond.toFixed(0)} ops/s, ${figure(serverCpu)} CPU us/op`,
        );
      }
    }
    const reads = await ownReads(generator, sets, options);
    const verdicts = verdictsOf(rows, reads);
    if (options.json) {
      const replacer = (_: string, value: unknown) => (value instanceof Map ? Object.fromEntries(value) : value);
      print(JSON.stringify({ machine: machine(), options, rows, reads, verdicts }, replacer));
      return;
    }
    const { server, generator: other } = options.cores;
    print(
      `\n${machine()}; all volcanos on core ${server}, generator on core ${other}. CPU and writes of all volcanos together.`,
    );
    print(`\n${tableOfRows(rows)}\n\n${verdictTable(verdicts)}`);
  } finally {
    await Promise.all(sets.map((set) => set.stop()));
  }
}

await command('bench:ring', async () => {
  const options = readRingOptions(process.argv.slice(2));
  if (options === null) print(HELP);
  else
    await inWorkplace(options.directory, options.cores, (directory, generator) =>
      measure(options, generator, directory),
    );
});
