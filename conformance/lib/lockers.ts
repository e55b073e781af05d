import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Test } from 'tap';

/** A process of `clients/fuse/locker.c`: it has one file open, and locks it as it is told. */
export class Locker {
  readonly child: ChildProcess;
  readonly #waiting: ((line: string) => void)[] = [];

  private constructor(child: ChildProcess) {
    this.child = child;
    createInterface({ input: child.stdout! }).on('line', (line) => this.#waiting.shift()?.(line));
    child.stdin!.on('error', () => {});
  }

  /** Resolves when it has the file open. It is killed at the end of the test. */
  static async open(t: Test, program: string, path: string): Promise<Locker> {
    const locker = new Locker(spawn(program, [path], { stdio: ['pipe', 'pipe', 'inherit'] }));
    const kill = (): void => void locker.child.kill('SIGKILL');
    process.once('exit', kill);
    t.teardown(async () => {
      process.removeListener('exit', kill);
      await locker.end();
    });
    const said = await locker.#line();
    if (said !== 'open') throw new Error(`${path} cannot be opened: ${said}`);
    return locker;
  }

  #line(): Promise<string> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Tells it something; resolves with its answer. */
  tell(words: string): Promise<string> {
    const answer = this.#line();
    this.child.stdin!.write(`${words}\n`);
    return answer;
  }

  /** As `tell`; resolves when the process waits in the kernel for what it was told. */
  async begin(words: string, waits: (pid: number) => boolean): Promise<{ readonly answer: Promise<string> }> {
    const answer = this.tell(words);
    while (!waits(this.child.pid!)) await new Promise(setImmediate);
    return { answer };
  }

  signal(): void {
    this.child.kill('SIGUSR1');
  }

  /** Kills it. */
  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const closed = once(this.child, 'close');
    this.child.kill('SIGKILL');
    await closed;
  }
}
