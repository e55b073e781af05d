import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import tap, { type Test } from 'tap';
import type { Requirements } from './requirements.ts';
import { run } from './run.ts';

/** What tests on a real mount need. */
export const FUSE: Requirements = {
  root: true,
  commands: { fusermount3: 'fuse3', gcc: 'gcc', mount: 'mount' },
  files: { '/dev/fuse': 'fuse3' },
};

const SERVER = fileURLToPath(new URL('../../src/client-fuse/testing/serve.ts', import.meta.url));
const SOURCES = fileURLToPath(new URL('../clients/fuse/', import.meta.url));

/** How a store is mounted in tests that are of both: as it is, or as an encrypted tree that it holds. */
const KINDS = ['plain', 'encrypted'] as const;
export type Kind = (typeof KINDS)[number];

/** A test of both kinds of mounts. */
export function both(
  name: string,
  options: { readonly skip: string | boolean; readonly timeout: number },
  work: (t: Test, kind: Kind) => Promise<void>,
): void {
  for (const kind of KINDS) tap.test(`${kind}: ${name}`, options, (t) => work(t, kind));
}

/** One store, mounted once or more often, in a process of its own. */
export interface FuseMounts {
  /** Where. */
  readonly at: readonly string[];
  readonly server: ChildProcess;
  /** What it said so far, warnings and errors included. */
  readonly said: () => string;
  /** Resolves with its exit status when it has ended. */
  readonly exited: Promise<number | null>;
}

/** The mount points below a directory, as the kernel lists them. */
export function mountsBelow(directory: string): string[] {
  const points = readFileSync('/proc/self/mounts', 'latin1')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '');
  return points.filter((point) => point.startsWith(`${directory}/`));
}

/** Mounts; everything is unmounted and removed at the end of the test, however that comes about. */
export async function fuseMounts(
  t: Test,
  options: {
    readonly count?: number;
    readonly kind?: Kind;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<FuseMounts> {
  const scratch = mkdtempSync(join(tmpdir(), 'magma-fuse-'));
  const at = Array.from({ length: options.count ?? 1 }, (_, number) => join(scratch, `mount-${number}`));
  for (const directory of [...at, join(scratch, 'data')]) mkdirSync(directory);
  // Nothing of what tap adds to the environment.
  const kind = options.kind === 'encrypted' ? { ENCRYPTED: '1' } : {};
  const env = { PATH: process.env.PATH, ...kind, ...options.environment };
  const server = spawn(process.execPath, [SERVER, join(scratch, 'data'), ...at], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  let said = '';
  const exited = once(server, 'close').then(([status]) => status as number | null);
  t.teardown(async () => {
    kill();
    process.removeListener('exit', kill);
    await exited;
    for (const point of mountsBelow(scratch)) await run('umount', ['-l', point]);
    // Never what a mount shows: a mount point that is still one cannot be removed so.
    for (const point of at) rmdirSync(point);
    rmSync(scratch, { recursive: true });
  });
  await new Promise<void>((resolve, reject) => {
    const hear = (bytes: Buffer): void => {
      said += bytes.toString();
      if (said.startsWith('ready') || said.includes('\nready')) resolve();
    };
    server.stdout.on('data', hear);
    server.stderr.on('data', hear);
    void exited.then((status) => reject(new Error(`the server ended with ${status}: ${said}`)));
  });
  return { at, server, said: () => said, exited };
}

/** Compiles a program of `clients/fuse`; its path. */
export async function compiled(t: Test, name: string): Promise<string> {
  const directory = t.testdir();
  const { status, stderr } = await run('gcc', [
    '-O1',
    '-Wall',
    '-o',
    join(directory, name),
    join(SOURCES, `${name}.c`),
  ]);
  if (status !== 0) throw new Error(`gcc: ${stderr}`);
  return join(directory, name);
}
