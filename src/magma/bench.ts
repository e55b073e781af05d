import { systemRandom } from '../base/random.ts';
import { tableOf } from '../base/table.ts';
import { FlareError } from '../flare/errors.ts';
import type { FlareService } from '../flare/service.ts';
import { type FlareId, FlareType } from '../flare/types.ts';
import { ROOT } from '../operator/paths.ts';
import {
  type BenchResult,
  BLOCK_BYTES,
  benchSteps,
  SMALL_BYTES,
  STREAM_BLOCK_BYTES,
  STREAM_CALLS,
} from './bench-steps.ts';
import type { CommandSpec } from './command.ts';
import { need, pathText, remotePath } from './files/paths.ts';
import { FileProblem, Interrupted } from './files/problem.ts';
import { reach } from './files/reach.ts';
import { until } from './files/run.ts';
import { interruptible } from './files/signals.ts';
import { rawWords } from './files/words.ts';
import { keyOf, readAsking, usageError } from './options.ts';
import { bytesText } from './progress.ts';
import { failed } from './ring.ts';
import { secondsOf } from './seconds.ts';

/** How long a step takes at most, in seconds. */
const SECONDS = 2;
const SECONDS_MIN = 0.1;
const SECONDS_MAX = 60;
/** Bytes that are in the tree at a time, at most, in MiB. */
const SIZE = 64;
const SIZE_MIN = 1;
const SIZE_MAX = 4096;
const MIB = 1024 * 1024;
/** Entries that are removed in one go. */
const PAGE = 128;

/** What `magma bench` is. */
export const BENCH: CommandSpec = {
  name: 'bench',
  brief: 'how fast the network is from here',
  title: 'how fast a network is, as this machine sees it',
  usage: ['[--seconds N] [--size MIB] [DIRECTORY]'],
  text: [
    'Makes a directory of its own in DIRECTORY of the tree (/ unless another is named), works in it, and removes it. Everything goes over the flare program, as with mount.magma, but without a kernel and without encryption between.',
    `create: a file of ${SMALL_BYTES} bytes is made and written, two durable calls. getattr: attributes of these files. write: ${BLOCK_BYTES / 1024} KiB into one file, durable on all copies when it is answered. read: ${BLOCK_BYTES / 1024} KiB of what was just written, so from memory where that is large enough. One call is under way at a time: the median and the 99th of 100 tell what one process waits for. write stream and read stream: one file from its beginning on, ${STREAM_CALLS} calls of ${STREAM_BLOCK_BYTES / 1024} KiB under way.`,
    'What others do at the same time counts, and they feel it. Figures of two networks can be compared from the same machine only.',
  ],
  flags: {
    json: {
      help: 'one JSON object: results (step, and calls, callsPerSecond, medianMs, p99Ms, maxMs, or bytes, bytesPerSecond)',
    },
    seconds: {
      value: 'N',
      help: `how long each of the six steps takes at most, ${SECONDS_MIN} to ${SECONDS_MAX}; else ${SECONDS}`,
    },
    size: { value: 'MIB', help: `how much is written at a time at most, ${SIZE_MIN} to ${SIZE_MAX}; else ${SIZE}` },
  },
  asks: true,
  status:
    '0 measured; 1 not measured, or what it made is still there, and why; 2 the command line is wrong; 130 broken off with ^C',
};

/** A result as a row: what, how many, rate, median, p99, longest. */
function rowOf(result: BenchResult): string[] {
  if (result.kind === 'throughput')
    return [result.step, bytesText(result.bytes), `${bytesText(result.bytesPerSecond)}/s`, '-', '-', '-'];
  const { step, calls, callsPerSecond, medianMs, p99Ms, maxMs } = result;
  const times = [medianMs, p99Ms, maxMs].map((ms) => ms.toFixed(2));
  return [step, `${calls} calls`, `${Math.round(callsPerSecond)} calls/s`, ...times];
}

/** What `magma bench` prints at its end. */
export function benchText(results: readonly BenchResult[]): string {
  const head = ['step', 'done', 'rate', 'median ms', 'p99 ms', 'longest ms'];
  return `${tableOf(head, results.map(rowOf)).join('\n')}\n`;
}

/** Removes all files of a directory, and the directory. What is gone already does not matter. */
export async function clear(tree: FlareService, parent: FlareId, name: string, directory: FlareId): Promise<void> {
  for (;;) {
    const { entries } = await tree.readdir(ROOT, directory, 0, PAGE);
    if (entries.length === 0) break;
    await Promise.all(
      entries.map((entry) =>
        Promise.resolve(tree.remove(ROOT, directory, entry.name)).catch((error: unknown) => {
          if (!(error instanceof FlareError && error.status === 'NOENT')) throw error;
        }),
      ),
    );
  }
  await tree.rmdir(ROOT, parent, name);
}

/** Runs the bench in a directory of its own, which is gone afterwards whatever happens; rejects with what it could not remove. */
export async function benchIn(
  tree: FlareService,
  parent: FlareId,
  where: string,
  limits: { readonly stepMs: number; readonly bytesMax: number; readonly signal: AbortSignal },
  tell: (result: BenchResult) => void,
): Promise<void> {
  const name = `.magma-bench-${systemRandom.bytes(6).toString('hex')}`;
  const own = `${where === '/' ? '' : where}/${name}`;
  const { availableBytes } = await tree.statfs();
  // Old versions of what is written over are in the log for a while.
  if (availableBytes < 2 * limits.bytesMax)
    throw new FileProblem(
      where,
      `${bytesText(availableBytes)} are free, and twice what is written (${bytesText(limits.bytesMax)}) must be. Cure: a smaller --size`,
    );
  const directory = await tree.create(ROOT, parent, name, { type: FlareType.directory, mode: 0o700 });
  const failed: unknown[] = [];
  try {
    const parts = { service: tree, caller: ROOT, directory, monotonic: () => performance.now(), ...limits };
    await benchSteps(parts, tell);
  } catch (error) {
    failed.push(limits.signal.aborted ? new Interrupted() : FileProblem.of(own, error));
  }
  try {
    await clear(tree, parent, name, directory);
  } catch (error) {
    const { message } = FileProblem.of(own, error);
    throw new FileProblem(own, `what was made there is not removed: ${message}. Cure: magma rm -r ${own}`, {
      cause: error,
    });
  }
  if (failed.length > 0) throw failed[0];
}

/** `magma bench`. Resolves with the exit status. */
export function benchCommand(argv: readonly string[]): Promise<number> {
  const asked = readAsking(BENCH, rawWords(argv));
  const { json, config, words, flags } = asked;
  if (words.length > 1) throw usageError(BENCH, `"${words[1]}" is too much`);
  const { seconds, size } = limitsOf(flags);
  const key = keyOf(BENCH, config);
  const results: BenchResult[] = [];
  const tell = (result: BenchResult): void => {
    results.push(result);
    if (!json && process.stderr.isTTY === true) process.stderr.write(`${result.step} is measured\n`);
  };
  return interruptible(async (signal) => {
    try {
      const { tree, close } = await until(signal, reach(asked, key));
      try {
        const { names } = remotePath(words[0] ?? '/');
        const parent = await need(tree, names);
        await benchIn(tree, parent, pathText(names), { stepMs: seconds * 1000, bytesMax: size * MIB, signal }, tell);
      } finally {
        void close();
      }
    } catch (error) {
      const place = error instanceof FileProblem ? `${error.place}: ` : '';
      return failed(json, `${place}${(error as Error).message}`);
    }
    process.stdout.write(json ? `${JSON.stringify({ results })}\n` : benchText(results));
    return 0;
  });
}

function limitsOf(flags: Readonly<Record<string, string | boolean | undefined>>): { seconds: number; size: number } {
  try {
    const seconds =
      typeof flags.seconds === 'string' ? secondsOf('seconds', flags.seconds, SECONDS_MIN, SECONDS_MAX) : SECONDS;
    const size = flags.size ?? `${SIZE}`;
    if (typeof size !== 'string' || !/^\d{1,4}$/.test(size) || Number(size) < SIZE_MIN || Number(size) > SIZE_MAX)
      throw new Error(`--size: "${size}" is no number of MiB from ${SIZE_MIN} to ${SIZE_MAX}`);
    return { seconds, size: Number(size) };
  } catch (error) {
    throw usageError(BENCH, (error as Error).message);
  }
}
