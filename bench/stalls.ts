import { setTimeout as pause } from 'node:timers/promises';
import { DataWatch } from './data-watch.ts';
import type { LoadResult } from './generator.ts';
import { allWell, fill, LARGE, needLarge } from './growth/directories.ts';
import { type LongBench, type LongOptions, MIB } from './long-options.ts';
import { runLong } from './long-run.ts';
import { Asking } from './stalls/asking.ts';
import type { Verdict } from './verdict.ts';
import type { Volcano } from './volcano.ts';
import { say } from './workplace.ts';

const BLOCK = 8192;
const IDLE_MS = 10_000;
const SECONDS = 20;
/** Overwriting: bytes, and WRITEs a second. Steady, so that what is late is not late for want of CPU. */
const OVERWRITTEN = 64 * MIB;
const WRITE_RATE = 2000;
/** Before it they are overwritten, so many bytes at a time, until compaction has dropped a segment; at most so often. */
const LOG_STEP = 256 * MIB;
const LOG_STEPS_MAX = 20;
/** CREATEs and REMOVEs a second, and how many of each. */
const CHANGE_RATE = 2000;
const CHANGES = CHANGE_RATE * SECONDS;
const SEQUENTIAL = 2048 * MIB;
const START_SECONDS = 10;

const TCP = ['--proto', 'tcp', '--conns', '1'];
/** At most 64 of them are outstanding, as many as a client of the field has: what is due beyond that is left out, and counted. */
const steady = (rate: number) => [...TCP, '--window', '64', '--rate', String(rate)];

function write(file: string, bytes: number): string[] {
  return ['--op', 'write', '--in', 'files', '--file', file, '--from', '0', '--span', String(bytes)];
}

const rateOf = ({ opsPerSecond }: LoadResult): string => `${opsPerSecond.toFixed(0)} calls/s`;

const OVERWRITE = write('overwritten', OVERWRITTEN);

/** Brings the log to where each new segment makes compaction clean an old one. */
async function untilCompaction(volcano: Volcano): Promise<void> {
  const step = [...OVERWRITE, '--seq', '--calls', String(LOG_STEP / BLOCK), ...TCP, '--window', '16', '--progress'];
  for (let count = 0; count < LOG_STEPS_MAX; count++) {
    const watch = new DataWatch(volcano.directory);
    allWell(await volcano.load(step), 'WRITE');
    if (watch.stop().dropped > 0) return;
  }
  throw new Error(`compaction dropped nothing of ${(LOG_STEP * LOG_STEPS_MAX) / MIB} MiB that were overwritten`);
}

type Stall = (volcano: Volcano, asking: Asking, options: LongOptions) => Promise<Verdict[]>;

/** CREATEs at a steady rate of names behind those that are there. */
function changing(volcano: Volcano, op: 'create' | 'remove', entries: number): Promise<LoadResult> {
  const args = ['--op', op, '--in', LARGE, '--first', String(entries), '--calls', String(CHANGES)];
  return volcano.load([...args, ...steady(CHANGE_RATE)]);
}

const STALLS: Readonly<Record<string, Stall>> = {
  fill: (volcano, _, { entries }) => fill(volcano, entries, say),

  idle: (_, asking) => asking.during('nothing else', () => pause(IDLE_MS)),

  compaction: async (volcano, asking) => {
    await untilCompaction(volcano);
    const paced = () => volcano.load([...OVERWRITE, ...steady(WRITE_RATE)], SECONDS * 2);
    return asking.during(`${OVERWRITTEN / MIB} MiB are overwritten at random`, paced, rateOf);
  },

  checkpoint: async (volcano, asking, { entries }) => {
    const work = async () => {
      const made = await changing(volcano, 'create', entries);
      await changing(volcano, 'remove', entries);
      return made;
    };
    return asking.during('CREATE and REMOVE in the large directory', work, rateOf);
  },

  sequential: (volcano, asking) => {
    const calls = ['--seq', '--calls', String(SEQUENTIAL / BLOCK), '--progress'];
    const work = () => volcano.load([...write('sequential', SEQUENTIAL), ...calls, ...TCP, '--window', '16']);
    return asking.during('a sequential WRITE of 2 GiB', work, rateOf);
  },

  readdir: (volcano, asking) =>
    asking.during(
      'READDIR of the large directory',
      () => volcano.load(['--op', 'readdir', '--in', LARGE, ...TCP], SECONDS),
      rateOf,
    ),

  changing: async (volcano, asking, { entries }) => {
    const work = async () => {
      const [listed] = await Promise.all([
        volcano.load(['--op', 'readdir', '--in', LARGE, ...TCP], SECONDS),
        changing(volcano, 'create', entries),
      ]);
      return listed;
    };
    const verdicts = await asking.during('READDIR of it while it grows', work, rateOf);
    await changing(volcano, 'remove', entries);
    return verdicts;
  },

  start: async (volcano, asking, { entries }) => {
    await volcano.stop();
    await volcano.start();
    const all = ['--op', 'lookup', '--in', LARGE, '--files', String(entries), ...TCP, '--window', '4'];
    return asking.during('after a start, LOOKUP of all names', () => volcano.load(all, START_SECONDS), rateOf);
  },
};

const WHAT: Readonly<Record<string, string>> = {
  fill: 'makes the large directory',
  idle: 'nothing else goes on',
  compaction: 'a steady rate of WRITEs over 64 MiB, until compaction has dropped some segments',
  checkpoint: 'a steady rate of CREATEs, then REMOVEs, in the large directory',
  sequential: 'WRITE of 2 GiB at full speed',
  readdir: 'READDIR of the large directory',
  changing: 'the same while names are made in it at a steady rate',
  start: 'the first seconds after a start',
};

/** The benchmark of stalls: how long NULL waits while the volcano has something else to do. */
const BENCH: LongBench = {
  script: 'bench:stalls',
  about:
    'Asks NULL over UDP at a steady rate, from a process of its own, while the volcano does what could make its event loop wait.',
  parts: Object.entries(WHAT).map(([name, what]) => ({ name, what })),
};

const NEED_LARGE: ReadonlySet<string> = new Set(['checkpoint', 'readdir', 'changing', 'start']);

await runLong(BENCH, process.argv.slice(2), async (part, volcano, options, { directory, generator }) => {
  if (NEED_LARGE.has(part)) await needLarge(volcano, options.entries);
  const asking = await Asking.start(volcano, generator, options.cores.generator, directory);
  try {
    return await STALLS[part]!(volcano, asking, options);
  } finally {
    await asking.stop();
  }
});
