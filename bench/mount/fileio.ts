import { join } from 'node:path';
import { output } from '../generator.ts';

/** What is measured: `stat` as the kernel's cache allows, `ask` past it. */
export const OPERATIONS = ['write', 'read', 'stat', 'ask'] as const;
export type FileOperation = (typeof OPERATIONS)[number];

/** What one run cost; CPU in microseconds, user and system, of all threads. */
export interface FileRun {
  /** MiB, or calls of stat. */
  readonly count: number;
  /** By the host's monotonic clock, in microseconds. */
  readonly began: number;
  readonly ended: number;
  /** Of the process that writes, reads or stats. */
  readonly self: number;
  /** Of the mount's process. */
  readonly mount: number;
  readonly server: number;
  /** CPU of all other processes, in per cent of one core. */
  readonly others: number;
}

const FIELDS = ['count', 'began', 'ended', 'self', 'mount', 'server', 'others'] as const;

/** Reads the JSON object that `fileio` prints. Throws when it is none. */
export function parseRun(text: string): FileRun {
  const raw = JSON.parse(text) as Record<string, unknown>;
  for (const name of FIELDS) {
    if (typeof raw[name] !== 'number') throw new Error(`fileio's output has no number ${name}`);
  }
  return raw as unknown as FileRun;
}

/** The compiled program that uses a mount. */
export class FileIo {
  readonly #program: string;
  readonly #core: number;

  private constructor(program: string, core: number) {
    this.#program = program;
    this.#core = core;
  }

  /** Compiles it into a directory; it runs on that core. */
  static async build(directory: string, core: number): Promise<FileIo> {
    const program = join(directory, 'fileio');
    await output('gcc', ['-O2', '-w', '-o', program, join(import.meta.dirname, 'fileio.c')], 60_000);
    return new FileIo(program, core);
  }

  /** `amount`: MiB of a file, or seconds of stat. Rejects after `seconds`. */
  async run(
    operation: FileOperation,
    path: string,
    amount: number,
    pids: { readonly mount: readonly number[]; readonly server: readonly number[] },
    seconds: number,
  ): Promise<FileRun> {
    const list = (all: readonly number[]): string => all.join(',') || '-';
    const words = [operation, path, String(amount), list(pids.mount), list(pids.server)];
    return parseRun(await output('taskset', ['-c', String(this.#core), this.#program, ...words], seconds * 1000));
  }
}
