import { mkdirSync, readdirSync, readFileSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One step of a worker of `clients/guest/faults.py`, once it was answered. */
interface Step {
  /** When it was over, in milliseconds since 1970. */
  readonly at: number;
  readonly tookMs: number;
}

/** What is told by the workers of `clients/guest/faults.py`, in a directory that they and this machine see. */
export class Load {
  readonly directory: string;

  constructor(above: string) {
    this.directory = join(above, 'control');
    mkdirSync(this.directory);
  }

  /** The workers that have begun. */
  workers(): readonly string[] {
    return readdirSync(this.directory)
      .filter((name) => name.startsWith('told-'))
      .map((name) => name.slice('told-'.length))
      .sort();
  }

  /** What a worker has told so far. */
  steps(worker: string): readonly Step[] {
    const lines = readFileSync(join(this.directory, `told-${worker}`), 'latin1')
      .split('\n')
      .slice(0, -1);
    return lines.map((line) => {
      const [at, took] = line.split(' ').map(Number);
      return { at: at! * 1000, tookMs: took! * 1000 };
    });
  }

  /** Resolves when each of these workers has done so many steps more, or `over` is: then rejects. */
  progress(workers: readonly string[], more: number, over: Promise<unknown>): Promise<void> {
    const done = new Map(workers.map((worker) => [worker, this.#count(worker)]));
    return this.#until(() => workers.every((worker) => this.#count(worker) >= done.get(worker)! + more), over);
  }

  /** Resolves when so many workers have each done that many steps. */
  begun(workers: number, steps: number, over: Promise<unknown>): Promise<void> {
    return this.#until(
      () => this.workers().length === workers && this.workers().every((worker) => this.#count(worker) >= steps),
      over,
    );
  }

  /** The longest that a step of the worker took of those that ended since then, in milliseconds. */
  longest(worker: string, since: number): number {
    return Math.max(0, ...this.steps(worker).flatMap(({ at, tookMs }) => (at >= since ? [tookMs] : [])));
  }

  stop(): void {
    writeFileSync(join(this.directory, 'stop'), '');
  }

  #count(worker: string): number {
    try {
      return this.steps(worker).length;
    } catch {
      return 0;
    }
  }

  #until(holds: () => boolean, over: Promise<unknown>): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = (): void => {
        if (!holds()) return;
        watcher.close();
        resolve();
      };
      const watcher = watch(this.directory, look);
      void over.then(() => {
        watcher.close();
        reject(new Error('a client has ended'));
      }, reject);
      look();
    });
  }
}
