import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { freePort } from './ports.ts';

const MAGMAD = fileURLToPath(new URL('../../bin/magmad', import.meta.url));
/** Milliseconds until `ready` is given up. A recovery of a large log is part of it. */
const READY_TIMEOUT = 30_000;
/** Milliseconds for SIGTERM to take effect. */
const STOP_TIMEOUT = 15_000;
/** Characters of log kept. */
const LOG_MAX = 1024 * 1024;

export interface VolcanoOptions {
  readonly directory: string;
  /** Rules, as `--share` takes them. Default: everybody may read and write everything, as root too. */
  readonly shares?: readonly string[];
  /** Default: a free one, kept over restarts. */
  readonly nfsPort?: number;
  readonly mountPort?: number;
  /** `--portmap`, default `off`. */
  readonly portmap?: 'own' | 'system' | 'auto' | 'off';
  readonly portmapPort?: number;
  /** The network namespace (`ip netns`) it runs in; none: this process's. */
  readonly namespace?: string;
  /** Default `test`. */
  readonly nickname?: string;
  /** How it comes to its network; default `-b`. */
  readonly entry?: readonly string[];
  /** The network's key, which it is given in the environment; default none. */
  readonly key?: string;
  /** `--console-port`; default: no console. */
  readonly consolePort?: number;
  /** `--web-port`; default: no web page. */
  readonly webPort?: number;
  /** More flags. */
  readonly flags?: readonly string[];
  /** Another version's `bin/magmad`; default: this one's. */
  readonly program?: string;
}

/** All that is let go of at the end of a test. tap's `t` is one. */
export interface Teardown {
  teardown(undo: () => unknown): unknown;
}

/** A magmad process, and the process that follows it when it is started again. */
export class Volcano {
  readonly nfsPort: number;
  readonly mountPort: number;
  readonly directory: string;
  /** What it has written, standard output and error together; the last of it. */
  log = '';
  readonly #options: VolcanoOptions;
  #child: ChildProcess | undefined;
  #ended: Promise<number> = Promise.resolve(0);
  #listeners: { readonly what: RegExp; readonly resolve: () => void }[] = [];

  private constructor(options: VolcanoOptions, nfsPort: number, mountPort: number) {
    this.#options = options;
    this.directory = options.directory;
    this.nfsPort = nfsPort;
    this.mountPort = mountPort;
  }

  /** Starts one and resolves when it serves. It is killed when the test ends, however that ends. */
  static async start(t: Teardown, options: VolcanoOptions): Promise<Volcano> {
    const volcano = new Volcano(
      options,
      options.nfsPort ?? (await freePort()),
      options.mountPort ?? (await freePort()),
    );
    t.teardown(() => volcano.kill());
    await volcano.start();
    return volcano;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error('the volcano does not run');
    return pid;
  }

  get running(): boolean {
    return this.#child !== undefined;
  }

  /** Starts it again, on the same ports and directory; with the same `entry` unless another is given. */
  async start(entry?: readonly string[]): Promise<void> {
    if (this.#child !== undefined) throw new Error('the volcano runs already');
    const o = this.#options;
    const flags = [...(entry ?? o.entry ?? ['-b']), '-n', o.nickname ?? 'test', '-d', o.directory];
    flags.push('--nfs-port', `${this.nfsPort}`);
    flags.push('--mount-port', `${this.mountPort}`, '--portmap', o.portmap ?? 'off');
    flags.push(...(o.consolePort === undefined ? ['--console', 'off'] : ['--console-port', `${o.consolePort}`]));
    flags.push(...(o.webPort === undefined ? ['--web', 'off'] : ['--web-port', `${o.webPort}`]));
    if (o.portmapPort !== undefined) flags.push('--portmap-port', `${o.portmapPort}`);
    for (const share of o.shares ?? ['/ * w no_root_squash']) flags.push('--share', share);
    flags.push(...(o.flags ?? []));
    const { program = MAGMAD } = o;
    const [command, args] =
      o.namespace === undefined
        ? [program, flags]
        : ['nsenter', [`--net=/run/netns/${o.namespace}`, program, ...flags]];
    // A group of its own: a launcher that forks instead of becoming magmad is killed together with it.
    const env = o.key === undefined ? process.env : { ...process.env, MAGMA_KEY: o.key };
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true, env });
    this.#child = child;
    const killAtExit = (): void => this.#signal('SIGKILL');
    process.once('exit', killAtExit);
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        process.removeListener('exit', killAtExit);
        this.#child = undefined;
        resolve(code ?? (signal === null ? -1 : 128));
      });
    });
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        this.#signal('SIGKILL');
        reject(new Error(`magmad did not say ready within ${READY_TIMEOUT} ms:\n${this.log}`));
      }, READY_TIMEOUT);
      let unfinished = '';
      const onData = (data: Buffer): void => {
        const text = data.toString('latin1');
        this.log = (this.log + text).slice(-LOG_MAX);
        for (const { what, resolve } of this.#listeners) if (what.test(this.log)) resolve();
        this.#listeners = this.#listeners.filter(({ what }) => !what.test(this.log));
        const lines = (unfinished + text).split('\n');
        unfinished = lines.pop()!;
        if (lines.some((line) => /\bready\b/.test(line))) {
          clearTimeout(late);
          resolve();
        }
      };
      child.stdout!.on('data', onData);
      child.stderr!.on('data', onData);
      child.once('error', (error) => {
        clearTimeout(late);
        this.#child = undefined;
        reject(error);
      });
      child.once('close', (code) => {
        clearTimeout(late);
        reject(new Error(`magmad ended with status ${code} before it was ready:\n${this.log}`));
      });
    });
  }

  /** Resolves when it has logged that; at once when it has. */
  says(what: RegExp): Promise<void> {
    if (what.test(this.log)) return Promise.resolve();
    return new Promise((resolve) => this.#listeners.push({ what, resolve }));
  }

  /** Ends it in order (SIGTERM) and resolves with its exit status. */
  async stop(): Promise<number> {
    if (this.#child === undefined) throw new Error(`the volcano does not run:\n${this.log}`);
    this.#signal('SIGTERM');
    const late = setTimeout(() => this.#signal('SIGKILL'), STOP_TIMEOUT);
    const status = await this.#ended;
    clearTimeout(late);
    return status;
  }

  /** Ends it as a crash does (SIGKILL); resolves when the process is gone. Harmless when it does not run. */
  async kill(): Promise<void> {
    this.#signal('SIGKILL');
    await this.#ended;
  }

  /** Resolves with its exit status when it has ended by itself. */
  ended(): Promise<number> {
    return this.#ended;
  }

  /** Has it read its rules again. */
  reload(): void {
    this.#signal('SIGHUP', false);
  }

  /** Resident memory in bytes. */
  residentBytes(): number {
    const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${this.pid}/status`, 'latin1'));
    return Number(line![1]) * 1024;
  }

  /** Throws, with the log, unless the process that was started last still runs. */
  assertAlive(): void {
    if (this.#child === undefined || this.#child.exitCode !== null)
      throw new Error(`the volcano has ended:\n${this.log.slice(-4000)}`);
  }

  /** Stops it where it is, as long as `resume` is not called: it answers nothing, and its host's kernel goes on. */
  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  #signal(signal: NodeJS.Signals, group = true): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      process.kill(group && signal === 'SIGKILL' ? -pid : pid, signal);
    } catch {
      // It has ended by itself.
    }
  }
}
