import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { ServerChoice } from './options.ts';
import { accepts, freePort } from './ports.ts';

/** How long a server may take until it serves, and until it has ended. */
const START_MS = 30_000;
const STOP_MS = 30_000;
const POLL_MS = 50;
/** How much of a failed server's output is shown. */
const LINES_SHOWN = 15;

/** A server to be started. */
export interface Start {
  readonly name: string;
  /** A shell command, filled in. */
  readonly command: string;
  readonly core: number;
  /** The TCP ports that it is to serve. */
  readonly ports: readonly number[];
  /** Where its output goes. */
  readonly log: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** How long it may take until it serves, in milliseconds; 30 s. */
  readonly within?: number;
}

const running = new Set<Server>();

/** Ends all servers at once, for when the benchmark itself is ended. */
export function killAll(): void {
  for (const server of running) server.kill();
}

/** A process that serves, and its children. */
export class Server {
  readonly #start: Start;
  readonly #process: ChildProcess;
  readonly #began = performance.now();
  #failure: Error | undefined;
  /** How long it took until it served, in milliseconds. */
  startedIn = 0;

  private constructor(start: Start) {
    this.#start = start;
    const log = openSync(start.log, 'w');
    this.#process = spawn('taskset', ['-c', String(start.core), 'sh', '-c', start.command], {
      cwd: dirname(import.meta.dirname),
      // A group of its own, so that it can be ended together with what it starts.
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...start.environment },
    });
    closeSync(log);
    this.#process.once('error', (error) => {
      this.#failure = error;
    });
    running.add(this);
  }

  /** Starts a server and waits until it takes connections. Rejects with the end of its output when it does not come up. */
  static async start(start: Start): Promise<Server> {
    const server = new Server(start);
    try {
      await server.#untilReady();
      server.startedIn = performance.now() - server.#began;
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Its process and all below that. */
  get pids(): number[] {
    const pids = this.#process.pid === undefined ? [] : [this.#process.pid];
    for (const pid of pids) pids.push(...childrenOf(pid));
    return pids;
  }

  /** Begins a new peak of resident memory; where the host does not allow it, the old one goes on. */
  resetPeak(): void {
    for (const pid of this.pids) {
      try {
        writeFileSync(`/proc/${pid}/clear_refs`, '5');
      } catch {}
    }
  }

  /** Asks it and all that it started to end, and makes them, after a while. Resolves when they have. */
  async stop(): Promise<void> {
    this.#signal('SIGTERM');
    const end = performance.now() + STOP_MS;
    // The shell may be gone long before what it runs: the whole group counts.
    while (this.#signal(0)) {
      if (performance.now() > end) this.#signal('SIGKILL');
      await pause(POLL_MS);
    }
    running.delete(this);
  }

  /** Ends it without asking. */
  kill(): void {
    this.#signal('SIGKILL');
  }

  /** Ends it as a crash does, and resolves when nothing of it is left. */
  async crash(): Promise<void> {
    this.kill();
    while (this.#signal(0)) await pause(POLL_MS);
    running.delete(this);
  }

  #isRunning(): boolean {
    return this.#process.pid !== undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** Signals the whole group; false when nothing of it is left. */
  #signal(signal: NodeJS.Signals | 0): boolean {
    if (this.#process.pid === undefined) return false;
    try {
      return process.kill(-this.#process.pid, signal);
    } catch {
      return false;
    }
  }

  async #untilReady(): Promise<void> {
    const { name, ports, log, within = START_MS } = this.#start;
    const end = performance.now() + within;
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure;
      if (!this.#isRunning()) throw new Error(`${name} ended before it served:\n${lastLines(log)}`);
      if ((await Promise.all(ports.map(accepts))).every(Boolean)) return;
      if (performance.now() > end) {
        throw new Error(
          `${name} does not take connections on ports ${ports.join(', ')} after ${within / 1000} s:\n${lastLines(log)}`,
        );
      }
      await pause(POLL_MS);
    }
  }
}

function lastLines(file: string): string {
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
  return lines
    .slice(-LINES_SHOWN)
    .map((line) => `  ${line}`)
    .join('\n');
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Fills `{port}`, `{mountport}` and `{dir}` in. A directory is quoted for the shell by the caller. */
export function fillIn(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(port|mountport|dir)\}/g, (_, name: string) => values[name] ?? '');
}

/** An NFS server that runs. */
export interface NfsServer {
  readonly choice: ServerChoice;
  readonly process: Server;
  /** Options by which the load generator finds it. */
  readonly where: readonly string[];
}

/** Starts an NFS server with a new, empty data directory in `directory`. */
export function startNfsServer(
  choice: ServerChoice,
  directory: string,
  core: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<NfsServer> {
  const dir = join(directory, choice.name);
  mkdirSync(dir);
  return serveDirectory(choice, dir, core, { environment });
}

/** Starts an NFS server on a data directory, which may have been used before. Its output goes to `DIR.log`. */
export async function serveDirectory(
  choice: ServerChoice,
  dir: string,
  core: number,
  rest: Pick<Start, 'environment' | 'within'> = {},
): Promise<NfsServer> {
  const [port, mountport] = [await freePort(), await freePort()];
  const values = { port: String(port), mountport: String(mountport), dir };
  const process = await Server.start({
    name: choice.name,
    command: fillIn(choice.command, { ...values, dir: `'${dir.replaceAll("'", "'\\''")}'` }),
    core,
    ports: [port, mountport],
    log: `${dir}.log`,
    ...rest,
  });
  const path = fillIn(choice.path, values);
  const at = ['--port', values.port, '--mountport', values.mountport];
  return { choice, process, where: [...at, '--path', path, '--vers', String(choice.version)] };
}
