import { readFileSync } from 'node:fs';
import type { Asker, Generator, LoadResult } from './generator.ts';
import type { ServerChoice } from './options.ts';
import { type NfsServer, serveDirectory } from './server.ts';

/** How long a start may take before the benchmark gives up, in milliseconds: far above any target, so that a miss has a figure. */
const START_MS = 300_000;
/** How long a load may take, in seconds. */
const LOAD_SECONDS = 3600;

/** Resident memory, in bytes. */
export interface Memory {
  readonly now: number;
  /** Since the start of the process. */
  readonly peak: number;
}

/** One data directory, and the server on it, which may be ended and started again. */
export class Volcano {
  readonly directory: string;
  readonly #choice: ServerChoice;
  readonly #generator: Generator;
  readonly #core: number;
  #server: NfsServer | null = null;

  constructor(choice: ServerChoice, directory: string, core: number, generator: Generator) {
    this.#choice = choice;
    this.directory = directory;
    this.#core = core;
    this.#generator = generator;
  }

  /** Starts it; how long it took until it served, in seconds. */
  async start(): Promise<number> {
    this.#server = await serveDirectory(this.#choice, this.directory, this.#core, { within: START_MS });
    return this.#server.process.startedIn / 1000;
  }

  /** Starts it unless it runs. */
  async run(): Promise<void> {
    if (this.#server === null) await this.start();
  }

  /** Ends it in order; how long that took, in seconds. */
  async stop(): Promise<number> {
    const began = performance.now();
    await this.#server?.process.stop();
    this.#server = null;
    return (performance.now() - began) / 1000;
  }

  /** Ends it as a crash does. */
  async crash(): Promise<void> {
    await this.#running.process.crash();
    this.#server = null;
  }

  /** Runs a load against it, to the end of its calls or for that many seconds; nothing of it is warm-up. */
  load(args: readonly string[], seconds = LOAD_SECONDS): Promise<LoadResult> {
    return this.#generator.load([...args, '--warmup', '0', ...this.#where], seconds);
  }

  /** Begins to ask it NULL over UDP at a steady rate. */
  ask(rate: number): Asker {
    const args = ['--op', 'null', '--proto', 'udp', '--rate', String(rate), '--window', '4096', '--warmup', '0'];
    return this.#generator.ask([...args, ...this.#where], LOAD_SECONDS);
  }

  memory(): Memory {
    const sum = (field: string): number => {
      let kib = 0;
      for (const pid of this.#running.process.pids) {
        const status = readFileSync(`/proc/${pid}/status`, 'latin1');
        kib += Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
      }
      return kib * 1024;
    };
    return { now: sum('VmRSS'), peak: sum('VmHWM') };
  }

  get #running(): NfsServer {
    if (this.#server === null) throw new Error('the server does not run');
    return this.#server;
  }

  get #where(): string[] {
    const { where, process } = this.#running;
    return [...where, '--server-pid', process.pids.join(',')];
  }
}
