import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { at, magma, type RingVolcano, scratch } from '../ring-real/lib/ring.ts';
import { mountsBelow } from './fuse-mounts.ts';
import { run } from './run.ts';

/** The directory of magma itself. */
export const PROGRAM = fileURLToPath(new URL('../../', import.meta.url));
export const MOUNT_MAGMA = join(PROGRAM, 'bin/mount.magma');

/** A mount point, and what is needed to mount there. */
export interface Place {
  readonly directory: string;
  readonly target: string;
  /** What `magma key client` prints, in a file. */
  readonly keyFile: string;
}

/** A directory with a mount point and a key; unmounted and removed at the end of the test. */
export async function place(t: Test, first: RingVolcano): Promise<Place> {
  const directory = scratch(t);
  const target = join(directory, 'mnt');
  fs.mkdirSync(target);
  t.teardown(async () => {
    for (const point of mountsBelow(directory)) await run('umount', ['-l', point]);
    fs.rmdirSync(target);
  });
  const { stdout } = await magma(['key', 'client', ...at(first)]);
  const keyFile = join(directory, 'key');
  fs.writeFileSync(keyFile, stdout, { mode: 0o600 });
  return { directory, target, keyFile };
}

/** A `mount.magma` in the foreground. */
export interface Client {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  readonly said: () => string;
}

/** Mounts in the foreground, with `more` words and what it reads from standard input, of `spec` or the root; resolves when it is mounted. */
export async function mounted(
  t: Test,
  place: Place,
  volcanos: readonly RingVolcano[],
  more: readonly string[],
  input = '',
  spec?: string,
): Promise<Client> {
  const hosts = volcanos.map(({ address }) => address).join(',');
  const tree = spec === undefined ? [`--host=${hosts}`] : [spec];
  const words = ['--foreground', ...tree, `--port=${volcanos[0]!.flarePort}`];
  const child = spawn(MOUNT_MAGMA, [...words, `--keyfile=${place.keyFile}`, ...more, place.target], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: { PATH: process.env.PATH },
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  const exited = once(child, 'close').then(([status]) => status as number | null);
  t.teardown(async () => {
    kill();
    process.removeListener('exit', kill);
    await exited;
  });
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (bytes: Buffer) => {
      said += bytes.toString();
      if (said.includes('fuse: mounted')) resolve();
    });
    void exited.then((status) => reject(new Error(`mount.magma ended with ${status}: ${said}`)));
  });
  return { child, exited, said: () => said };
}
