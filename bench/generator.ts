import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { UsageError } from './usage-error.ts';

/** What one run of the load generator found; times in microseconds. */
export interface LoadResult {
  readonly ops: number;
  readonly opsPerSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
  /** CPU of the server's processes, all threads, for each call; null when no process was named. */
  readonly serverCpu: number | null;
  /** Peak resident memory of the server since it was last reset, in bytes; null as above. */
  readonly peakBytes: number | null;
  /** CPU that neither server nor generator used, in per cent of one core: above a few, the run is worth little. */
  readonly otherCpuPercent: number;
  /** When the measurement began and ended, by the host's monotonic clock. */
  readonly began: number;
  readonly ended: number;
  /** What went wrong in calls, by name: statuses, `retransmitted`, `lost`, `reconnects`. */
  readonly troubles: ReadonlyMap<string, number>;
  /** CPU that the server's event loop used between a call and its reply; only of calls at a steady rate. */
  readonly work: { readonly p99: number; readonly max: number } | null;
  /** Where a READDIR stands in the end; null for other operations. */
  readonly walk: { readonly cookie: number; readonly end: boolean; readonly entries: number } | null;
}

/** What the disk allows without any server: appends of 8 KiB, `group` of them to a sync. */
export interface DiskResult {
  readonly group: number;
  readonly writesPerSecond: number;
  /** Of one group and its sync, in microseconds. */
  readonly p50: number;
}

const OUTPUT_BYTES_MAX = 1 << 20;

/** Runs a program to its end; its standard output. Rejects with what it said on standard error. `started` gets the process. */
export function output(
  file: string,
  args: readonly string[],
  milliseconds: number,
  started: (child: ChildProcess) => void = () => {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      file,
      args,
      { timeout: milliseconds, maxBuffer: OUTPUT_BYTES_MAX },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else if ((error as NodeJS.ErrnoException).code === 'ENOENT')
          reject(new UsageError(`${file} is not installed. Cure: install it`));
        else if (error.killed) reject(new Error(`${file} did not end within ${milliseconds / 1000} s and was stopped`));
        else reject(new Error(stderr.trim() || error.message));
      },
    );
    started(child);
  });
}

/** Compiles the load generator into that directory; its path. */
export async function buildGenerator(directory: string): Promise<string> {
  const program = join(directory, 'nfsbench');
  await output('gcc', ['-O2', '-w', '-o', program, join(import.meta.dirname, 'nfsbench.c')], 60_000);
  return program;
}

const TROUBLES = {
  retrans: 'retransmitted',
  lost: 'lost',
  reconnects: 'reconnects',
  late: 'later than 5 ms',
  unsent: 'not sent',
} as const;

/** Reads the JSON object that the generator prints for a load. Throws when it is none. */
export function parseLoad(text: string): LoadResult {
  const raw = JSON.parse(text) as Record<string, unknown> & { errors: Record<string, number> };
  const number = (name: string): number => {
    const value = raw[name];
    if (typeof value !== 'number') throw new Error(`the load generator's output has no number ${name}`);
    return value;
  };
  const troubles = new Map(Object.entries(raw.errors));
  for (const [name, shown] of Object.entries(TROUBLES)) {
    if (raw[name] !== undefined && number(name) > 0) troubles.set(shown, number(name));
  }
  const measured = raw.server_cpu_us_op !== undefined;
  return {
    ops: number('ops'),
    opsPerSecond: number('ops_s'),
    p50: number('p50_us'),
    p99: number('p99_us'),
    max: number('max_us'),
    serverCpu: measured ? number('server_cpu_us_op') : null,
    peakBytes: measured ? number('server_hwm_kb') * 1024 : null,
    otherCpuPercent: number('other_cpu_pct'),
    began: number('start_us'),
    ended: number('stop_us'),
    troubles,
    work: raw.work_p99_us === undefined ? null : { p99: number('work_p99_us'), max: number('work_max_us') },
    walk:
      raw.cookie === undefined
        ? null
        : { cookie: number('cookie'), end: number('eof') === 1, entries: number('entries') },
  };
}

/** Reads the lines that the generator prints of the disk; the appends among them. */
export function parseDisk(text: string): DiskResult[] {
  const rows = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  return rows
    .filter(({ disk }) => disk === 'append')
    .map(({ group, writes_s, p50_us }) => ({
      group: Number(group),
      writesPerSecond: Number(writes_s),
      p50: Number(p50_us),
    }));
}

/** The load generator, on its core. */
export class Generator {
  readonly #program: string;
  readonly #core: number;

  constructor(program: string, core: number) {
    this.#program = program;
    this.#core = core;
  }

  /** Runs a load of that many seconds, set-up and warm-up included in `spare` more. */
  async load(args: readonly string[], seconds: number, spare = 120): Promise<LoadResult> {
    const all = [...args, '--seconds', String(seconds), '--json', '--no-clean'];
    const shown = args.includes('--progress') ? (child: ChildProcess) => child.stderr?.pipe(process.stderr) : undefined;
    return parseLoad(await this.#run(all, seconds + spare, shown));
  }

  /** Begins to send calls at a steady rate, whether they are answered or not, in a process of its own, until it is stopped. */
  ask(args: readonly string[], seconds: number): Asker {
    let child: ChildProcess | undefined;
    const all = [...args, '--seconds', String(seconds), '--json', '--no-clean'];
    const text = this.#run(all, seconds + 60, (started) => {
      child = started;
    });
    return new Asker(child!, text);
  }

  /** Measures the disk under a directory, `seconds` for each of eight ways. */
  async disk(directory: string, seconds: number): Promise<DiskResult[]> {
    return parseDisk(await this.#run(['--disk', directory, '--seconds', String(seconds), '--json'], seconds * 8 + 60));
  }

  /** The command that runs the echo server on a port, without a core. */
  echoCommand(port: number): string {
    return `'${this.#program}' --echo ${port}`;
  }

  #run(args: readonly string[], seconds: number, started?: (child: ChildProcess) => void): Promise<string> {
    return output('taskset', ['-c', String(this.#core), this.#program, ...args], seconds * 1000, started);
  }
}

/** A process that asks at a steady rate. */
export class Asker {
  readonly #child: ChildProcess;
  readonly #text: Promise<string>;

  constructor(child: ChildProcess, text: Promise<string>) {
    this.#child = child;
    this.#text = text;
    // It is told when it is stopped.
    text.catch(() => {});
  }

  /** Ends it; what it found. */
  async stop(): Promise<LoadResult> {
    if (this.#child.pid === undefined) await once(this.#child, 'spawn');
    this.#child.kill('SIGTERM');
    return parseLoad(await this.#text);
  }
}
