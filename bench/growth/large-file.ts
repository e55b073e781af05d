import { MIB } from '../long-options.ts';
import { median } from '../ratios.ts';
import { UsageError } from '../usage-error.ts';
import type { Verdict } from '../verdict.ts';
import type { Volcano } from '../volcano.ts';
import { freeBytes } from '../workplace.ts';
import { allWell } from './directories.ts';

const DIRECTORY = 'files';
const BLOCK = 8192;
/** NFS version 2 ends at offset 2^32 - 1: the last block is a byte short. */
const SIZE = 2 ** 32 - 1;
/** The pieces at the start and at the end that are compared. */
const SPAN = 64 * MIB;
const END = 2 ** 32 - SPAN;
const ROUNDS = 5;
const WRITES = 1024;
const READS = 8192;
/** How much dearer the end may be than the start, to be called the same. */
const SAME = 1.5;
/** Free room that a dense file needs: the log may be 2.2 times what is live, and the index stands beside it. */
const ROOM_DENSE = 11 * 1024 * MIB;

const WINDOW = ['--proto', 'tcp', '--conns', '1', '--window', '16'];

function at(op: string, file: string, from: number, span: number, calls: number): string[] {
  const where = ['--in', DIRECTORY, '--file', file, '--from', String(from), '--span', String(span)];
  return ['--op', op, ...where, '--calls', String(calls), ...WINDOW];
}

/** Writes the last block of the largest file that there can be. */
async function writeLast(volcano: Volcano, file: string): Promise<void> {
  const short = BLOCK - 1;
  const args = at('write', file, SIZE - short, short, 32);
  allWell(await volcano.load([...args, '--size', String(short)]), `WRITE at the end of ${file}`);
}

async function compare(volcano: Volcano, file: string, op: 'write' | 'read', calls: number): Promise<Verdict[]> {
  const costs = { start: [] as number[], end: [] as number[] };
  for (let round = 0; round < ROUNDS; round++) {
    for (const [place, from] of [
      ['start', 0],
      ['end', END],
    ] as const) {
      const { serverCpu } = allWell(await volcano.load(at(op, file, from, SPAN - BLOCK, calls)), `${op} of ${file}`);
      costs[place].push(serverCpu ?? Number.NaN);
    }
  }
  const [start, end] = [median(costs.start), median(costs.end)];
  const what = `${op.toUpperCase()} of a ${file} file of 4 GiB - 1`;
  return [
    { what: `${what}, at its start`, figure: start, unit: 'CPU us' },
    { what: `${what}, at its end`, figure: end, unit: 'CPU us' },
    { what, figure: end / start, unit: "of the start's CPU", target: { most: SAME } },
  ];
}

/** A file with nothing between its start and its end. */
export async function sparseFile(volcano: Volcano): Promise<Verdict[]> {
  await writeLast(volcano, 'sparse');
  return [...(await compare(volcano, 'sparse', 'write', WRITES)), ...(await compare(volcano, 'sparse', 'read', READS))];
}

/** A file that is all written, from its start to its end. */
export async function denseFile(volcano: Volcano): Promise<Verdict[]> {
  const free = freeBytes(volcano.directory);
  if (free < ROOM_DENSE)
    throw new UsageError(
      `${volcano.directory} has ${Math.floor(free / MIB)} MiB free, and a file of 4 GiB needs ${ROOM_DENSE / MIB}. Cure: another --dir`,
    );
  const blocks = Math.floor(SIZE / BLOCK);
  const args = [...at('write', 'dense', 0, blocks * BLOCK, blocks), '--seq', '--progress'];
  const { serverCpu, opsPerSecond } = allWell(await volcano.load(args), 'WRITE of 4 GiB');
  await writeLast(volcano, 'dense');
  return [
    { what: 'WRITE of 4 GiB, from start to end', figure: serverCpu ?? Number.NaN, unit: 'CPU us' },
    { what: 'WRITE of 4 GiB, from start to end', figure: (opsPerSecond * BLOCK) / MIB, unit: 'MiB/s' },
    ...(await compare(volcano, 'dense', 'write', WRITES)),
    ...(await compare(volcano, 'dense', 'read', READS)),
  ];
}
