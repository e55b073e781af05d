import { setTimeout as pause } from 'node:timers/promises';
import { DataWatch, roomOf } from './data-watch.ts';
import { allWell } from './growth/directories.ts';
import { type LongBench, type LongOptions, MIB } from './long-options.ts';
import { runLong } from './long-run.ts';
import type { Verdict } from './verdict.ts';
import type { Volcano } from './volcano.ts';

const BLOCK = 8192;
/** How often the working set is overwritten. */
const TIMES = 10;
/** Room of the data directory over live data, at most, after that. */
const TIMES_LIVE = 2.2;
const IDLE_MS = 60_000;
const WINDOW = ['--proto', 'tcp', '--conns', '1', '--window', '64', '--progress'];

/** The benchmark of space: what the data directory takes for data that are overwritten. */
const BENCH: LongBench = {
  script: 'bench:space',
  about: `Overwrites a working set ${TIMES} times, and says what room the data directory takes for it.`,
  parts: [
    { name: 'random', what: 'WRITEs of 8 KiB all over a file, as many as overwrite it that often' },
    { name: 'sequential', what: 'WRITEs of 8 KiB from start to end of the same file, that often' },
    { name: 'idle', what: 'a minute without calls' },
  ],
};

function load(volcano: Volcano, bytes: number, times: number, order: readonly string[]) {
  const where = ['--in', 'files', '--file', 'overwritten', '--from', '0', '--span', String(bytes)];
  const calls = ['--calls', String((bytes / BLOCK) * times)];
  return volcano.load(['--op', 'write', ...where, ...calls, ...order, ...WINDOW]);
}

async function overwrite(volcano: Volcano, bytes: number, order: readonly string[], what: string): Promise<Verdict[]> {
  // All of it is there before it is overwritten, so that what is live stays the same.
  allWell(await load(volcano, bytes, 1, ['--seq']), 'WRITE');
  const watch = new DataWatch(volcano.directory);
  const { opsPerSecond } = allWell(await load(volcano, bytes, TIMES, order), 'WRITE');
  const { peak, dropped } = watch.stop();
  const room = roomOf(volcano.directory);
  const name = `${what} overwriting of ${bytes / MIB} MiB, ${TIMES} times`;
  return [
    {
      what: `room after ${name}`,
      figure: room / bytes,
      unit: 'of live data',
      target: { most: TIMES_LIVE },
      note: `${(room / MIB).toFixed(0)} MiB; ${dropped} segments dropped; ${opsPerSecond.toFixed(0)} WRITEs/s`,
    },
    { what: 'peak during it', figure: peak / bytes, unit: 'of live data' },
  ];
}

async function idle(volcano: Volcano, bytes: number): Promise<Verdict[]> {
  await pause(IDLE_MS);
  const room = roomOf(volcano.directory);
  const note = `${(room / MIB).toFixed(0)} MiB`;
  return [
    {
      what: 'room after a minute of rest',
      figure: room / bytes,
      unit: 'of live data',
      target: { most: TIMES_LIVE },
      note,
    },
  ];
}

const PARTS: Readonly<Record<string, (volcano: Volcano, options: LongOptions) => Promise<Verdict[]>>> = {
  random: (volcano, { workingSet }) => overwrite(volcano, workingSet, [], 'random'),
  sequential: (volcano, { workingSet }) => overwrite(volcano, workingSet, ['--seq'], 'sequential'),
  idle: (volcano, { workingSet }) => idle(volcano, workingSet),
};

await runLong(BENCH, process.argv.slice(2), (part, volcano, options) => PARTS[part]!(volcano, options));
