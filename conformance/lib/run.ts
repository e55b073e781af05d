import { spawn } from 'node:child_process';

/** How a command ended, and what it said. */
export interface Ran {
  /** The exit status; 128 when a signal ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Output kept of one stream of one command, in bytes, unless its caller wants more: the end is what matters. */
const OUTPUT_MAX = 4 * 1024 * 1024;

/** The end of what a stream says. */
class Tail {
  readonly #max: number;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(max: number) {
    this.#max = max;
  }

  add(data: Buffer): void {
    this.#chunks.push(data);
    this.#bytes += data.length;
    while (this.#bytes - this.#chunks[0]!.length >= this.#max) this.#bytes -= this.#chunks.shift()!.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).subarray(-this.#max).toString('latin1');
  }
}

/** Runs a command to its end. After `timeoutMs` it and its whole process group are killed. Rejects only when it cannot be started. */
export function run(
  command: string,
  args: readonly string[],
  options: { timeoutMs?: number; outputMax?: number; input?: string; cwd?: string; env?: NodeJS.ProcessEnv } = {},
): Promise<Ran> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...process.env, ...options.env },
    });
    const stdout = new Tail(options.outputMax ?? OUTPUT_MAX);
    const stderr = new Tail(OUTPUT_MAX);
    child.stdout.on('data', (data: Buffer) => stdout.add(data));
    child.stderr.on('data', (data: Buffer) => stderr.add(data));
    const killGroup = (): void => {
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    };
    const timer = setTimeout(killGroup, options.timeoutMs ?? 60_000);
    process.once('exit', killGroup);
    const over = (): void => {
      clearTimeout(timer);
      process.removeListener('exit', killGroup);
    };
    child.on('error', (error) => {
      over();
      reject(error);
    });
    child.on('close', (code) => {
      over();
      resolve({ status: code ?? 128, stdout: stdout.text(), stderr: stderr.text() });
    });
    child.stdin.on('error', () => {});
    child.stdin.end(options.input ?? '');
  });
}
