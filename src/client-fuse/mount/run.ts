import { spawn } from 'node:child_process';

/** Bytes of what a program says that are kept. */
const SAID_MAX = 4096;

/** How a program ended. */
export interface Ran {
  /** Its exit status; null when it could not be started or was ended by a signal. */
  readonly status: number | null;
  /** The beginning of what it wrote to standard error. */
  readonly said: string;
  /** Why it could not be started. */
  readonly failed: NodeJS.ErrnoException | null;
}

/** Runs a program of the host and waits for its end; `fd` becomes its descriptor 3. Never rejects. */
export function run(
  command: string,
  args: readonly string[],
  options: { readonly fd?: number; readonly environment?: Readonly<Record<string, string>> } = {},
): Promise<Ran> {
  const { fd, environment } = options;
  return new Promise((resolve) => {
    const stdio = ['ignore', 'ignore', 'pipe', ...(fd === undefined ? [] : [fd])] as ('ignore' | 'pipe' | number)[];
    // Messages are looked at: in English.
    const child = spawn(command, args, { stdio, cwd: '/', env: { ...process.env, LC_ALL: 'C', ...environment } });
    let said = '';
    child.stderr?.on('data', (bytes: Buffer) => {
      said = (said + bytes.toString()).slice(0, SAID_MAX);
    });
    child.on('error', (failed) => resolve({ status: null, said, failed }));
    child.on('close', (status) => resolve({ status, said: said.trim(), failed: null }));
  });
}
