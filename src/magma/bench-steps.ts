import type { FlareService } from '../flare/service.ts';
import { type Caller, type FlareId, FlareType } from '../flare/types.ts';

/** What a bench works with. */
export interface BenchParts {
  readonly service: FlareService;
  readonly caller: Caller;
  /** A directory of its own. */
  readonly directory: FlareId;
  /** Milliseconds, as `Clock.monotonic`. */
  readonly monotonic: () => number;
  /** How long a step may take, in milliseconds. */
  readonly stepMs: number;
  /** Bytes that are in the tree at a time, at most. */
  readonly bytesMax: number;
  /** Broken off: no further call is made. */
  readonly signal: AbortSignal;
}

/** Calls one after the other: how long each took, in milliseconds. */
export interface LatencyResult {
  readonly kind: 'latency';
  readonly step: string;
  readonly calls: number;
  readonly callsPerSecond: number;
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Bytes in one stream, several calls under way. */
export interface ThroughputResult {
  readonly kind: 'throughput';
  readonly step: string;
  readonly bytes: number;
  readonly bytesPerSecond: number;
}

export type BenchResult = LatencyResult | ThroughputResult;

/** Calls that a step makes at most. */
export const CALLS_MAX = 5_000;
/** Bytes of a small file, and of a call of the durable writes and of the reads. */
export const SMALL_BYTES = 1024;
export const BLOCK_BYTES = 8192;
/** Bytes of a call of a stream, and how many calls of it are under way. */
export const STREAM_BLOCK_BYTES = 65_536;
export const STREAM_CALLS = 8;
/** Bytes of the file that single blocks are written to and read from. */
export const BLOCKS_FILE_BYTES = 4 * 1024 * 1024;

const FILE = { type: FlareType.file, mode: 0o600 } as const;

/** The time that this share of the calls took at most, of times in ascending order: of 100 calls the 99th is the 0.99 one. */
export function quantileOf(ascending: readonly number[], share: number): number {
  return ascending[Math.min(ascending.length - 1, Math.ceil(share * ascending.length) - 1)] ?? Number.NaN;
}

/** Thrown when a step could not make a single call before its time was over. */
function noneMade(step: string): Error {
  return new Error(`${step}: not one call was answered in the time that there is`);
}

async function timed(
  { monotonic, stepMs, signal }: BenchParts,
  step: string,
  most: number,
  call: (at: number) => Promise<unknown>,
): Promise<LatencyResult> {
  const times: number[] = [];
  const began = monotonic();
  let now = began;
  while (times.length < most && now - began < stepMs && !signal.aborted) {
    await call(times.length);
    const after = monotonic();
    times.push(after - now);
    now = after;
  }
  signal.throwIfAborted();
  if (times.length === 0) throw noneMade(step);
  const ascending = times.toSorted((one, other) => one - other);
  return {
    ...{ kind: 'latency', step, calls: times.length, callsPerSecond: (times.length * 1000) / (now - began) },
    ...{ medianMs: quantileOf(ascending, 0.5), p99Ms: quantileOf(ascending, 0.99), maxMs: ascending.at(-1)! },
  };
}

/** Blocks of a file from its beginning on, `STREAM_CALLS` under way, until the time or the bytes are over. */
async function streamed(
  { monotonic, stepMs, signal }: BenchParts,
  step: string,
  most: number,
  call: (offset: number) => Promise<unknown>,
): Promise<ThroughputResult> {
  const began = monotonic();
  let next = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    while (next + STREAM_BLOCK_BYTES <= most && monotonic() - began < stepMs && !signal.aborted) {
      const offset = next;
      next += STREAM_BLOCK_BYTES;
      await call(offset);
      done += STREAM_BLOCK_BYTES;
    }
  };
  await Promise.all(Array.from({ length: STREAM_CALLS }, work));
  signal.throwIfAborted();
  if (done === 0) throw noneMade(step);
  return { kind: 'throughput', step, bytes: done, bytesPerSecond: (done * 1000) / (monotonic() - began) };
}

/** Names of the files of a bench: what is to be removed at its end. */
export const BLOCKS_FILE = 'blocks';
export const STREAM_FILE = 'stream';
export function smallName(at: number): string {
  return `small-${at}`;
}

/** Runs the steps one after the other, and tells each result. Rejects when a call is refused, and when it is broken off. */
export async function benchSteps(parts: BenchParts, tell: (result: BenchResult) => void): Promise<void> {
  const { service, caller, directory, bytesMax } = parts;
  // Half is left to the streams.
  const smallMost = Math.min(CALLS_MAX, Math.floor(bytesMax / 4 / SMALL_BYTES));
  const blocks = Math.floor(Math.min(BLOCKS_FILE_BYTES, bytesMax / 4) / BLOCK_BYTES);
  const small = Buffer.alloc(SMALL_BYTES, 'magma bench ');
  const block = Buffer.alloc(BLOCK_BYTES, 'magma bench ');
  const made: FlareId[] = [];
  tell(
    await timed(parts, 'create', smallMost, async (at) => {
      const file = await service.create(caller, directory, smallName(at), FILE);
      await service.write(caller, file, 0, small);
      made.push(file);
    }),
  );
  tell(await timed(parts, 'getattr', CALLS_MAX, async (at) => service.getattr(made[at % made.length]!)));
  const file = await service.create(caller, directory, BLOCKS_FILE, FILE);
  // The number of blocks is a power of two: with an odd stride each comes before one comes again.
  const offsetOf = (at: number): number => ((at * 37) % blocks) * BLOCK_BYTES;
  tell(
    await timed(parts, 'write', CALLS_MAX, async (at) =>
      service.write(caller, file, (at % blocks) * BLOCK_BYTES, block),
    ),
  );
  const { size } = await service.getattr(file);
  const held = Math.floor(size / BLOCK_BYTES);
  tell(
    await timed(parts, 'read', CALLS_MAX, async (at) => {
      const offset = offsetOf(at) % (held * BLOCK_BYTES);
      const { data } = await service.read(caller, file, offset, BLOCK_BYTES);
      if (data.length !== BLOCK_BYTES) throw new Error(`${data.length} bytes were read of ${BLOCK_BYTES} written`);
    }),
  );
  const stream = await service.create(caller, directory, STREAM_FILE, FILE);
  const long = Buffer.alloc(STREAM_BLOCK_BYTES, 'magma bench ');
  const written = await streamed(parts, 'write stream', bytesMax / 2, async (offset) =>
    service.write(caller, stream, offset, long, { lasting: true }),
  );
  tell(written);
  tell(
    await streamed(parts, 'read stream', written.bytes, async (offset) => {
      const { data } = await service.read(caller, stream, offset, STREAM_BLOCK_BYTES);
      if (data.length === 0) throw new Error('what was written cannot be read');
    }),
  );
}
