import { existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Cores } from './cores.ts';
import { buildGenerator, Generator } from './generator.ts';
import { killAll } from './server.ts';
import { UsageError } from './usage-error.ts';

/** statfs(2): a file system in memory, where "on stable storage" costs nothing. */
const TMPFS_MAGIC = 0x01021994;

/** Tells the person at the terminal. */
export const say = (text: string): void => void process.stderr.write(`${text}\n`);
/** Prints a result. */
export const print = (text: string): void => void process.stdout.write(`${text}\n`);

/** What was measured on. */
export function machine(): string {
  return `${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown kind'}, Linux ${release()}, Node ${process.version}`;
}

/** Bytes that may still be written below a directory. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

function makeDirectory(above: string): string {
  if (!existsSync(above)) throw new UsageError(`--dir ${above}: there is no such directory. Cure: make it`);
  if (statfsSync(above).type === TMPFS_MAGIC) {
    say(`${above} is in memory, so what is said of stable storage here means nothing. Cure: --dir on a disk`);
  }
  return mkdtempSync(join(above, 'magma-bench-'));
}

/**
 * Does the work in a new directory, with the load generator built, and removes the directory and all servers in the end, also when it is interrupted.
 * `above`: where the directory is made; null: among the temporary files.
 */
export async function inWorkplace(
  above: string | null,
  cores: Cores,
  work: (directory: string, generator: Generator) => Promise<void>,
): Promise<void> {
  if (cores.server === cores.generator) say('server and generator share one core: the figures say little');
  const directory = makeDirectory(above ?? tmpdir());
  const cleanUp = () => {
    killAll();
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 });
  };
  const end = (status: number) => {
    cleanUp();
    process.exit(status);
  };
  process.once('SIGINT', () => end(130));
  process.once('SIGTERM', () => end(143));
  try {
    await work(directory, new Generator(await buildGenerator(directory), cores.generator));
  } finally {
    cleanUp();
  }
}

/** Runs a command of the benchmark: says what went wrong, with status 2 for what the user can cure, 1 for the rest. */
export async function command(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    say(`${name}: ${(error as Error).message}`);
    process.exitCode = error instanceof UsageError ? 2 : 1;
  }
}
