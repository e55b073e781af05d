import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { KEY, type Volcanos } from '../ring/volcanos.ts';
import { Server } from '../server.ts';
import { UsageError } from '../usage-error.ts';
import type { Kind } from './options.ts';

const PROGRAM = join(import.meta.dirname, '../..');
const PASSPHRASE = 'cheese from the moon';
/** log2 of the cost of the passphrase, which is not measured. */
const SCRYPT_N = '10';
const MOUNT_MS = 30_000;
const POLL_MS = 50;

/** One mounted tree, and a directory in it to work in. */
export interface MountedTree {
  readonly kind: Kind;
  readonly directory: string;
  /** Of the mount's process; none for NFS, which is in the kernel. */
  readonly pids: readonly number[];
  /** Whether what is written goes to the volcano. */
  readonly remote: boolean;
}

const points = new Map<string, Server | null>();

/** Detaches all mounts at once, for when the benchmark itself is ended. */
export function detachAll(): void {
  for (const point of points.keys()) spawnSync('umount', ['-l', point]);
  points.clear();
}

/** Unmounts all, and waits until their processes have ended. */
export async function unmountAll(): Promise<void> {
  for (const [point, server] of points) {
    await unmount(point, server);
    rmdirSync(point);
  }
}

async function unmount(point: string, server: Server | null): Promise<void> {
  spawnSync('umount', [point]);
  const end = performance.now() + MOUNT_MS;
  // It ends by itself then, and a signal on the way would keep it from writing its profile.
  for (const pid of server?.pids ?? []) {
    while (existsSync(`/proc/${pid}/exe`) && performance.now() < end) await pause(POLL_MS);
  }
  await server?.stop();
  points.delete(point);
}

function ran(what: string, command: string, words: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command, words, {
    cwd: PROGRAM,
    env: { ...process.env, MAGMA_KEY: KEY },
    encoding: 'utf8',
  });
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    throw new UsageError(`${command} is not installed. Cure: install it, or choose from the others with --mounts`);
  if (status !== 0) throw new Error(`${what}: ${stderr.trim() || stdout.trim() || error?.message}`);
  return stdout;
}

function secret(path: string, text: string): string {
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** Runs what mounts, in the foreground, and waits until it is mounted. */
async function served(
  name: string,
  point: string,
  command: string,
  core: number,
  environment: Readonly<Record<string, string>>,
): Promise<Server> {
  mkdirSync(point);
  const log = `${point}.log`;
  const server = await Server.start({ name, command: `exec ${command}`, core, ports: [], log, environment });
  points.set(point, server);
  const end = performance.now() + MOUNT_MS;
  while (statSync(point).dev === statSync(dirname(point)).dev) {
    if (performance.now() > end || server.pids.length === 0)
      throw new Error(`${name} is not mounted: ${readFileSync(log, 'utf8').trim()}`);
    await pause(POLL_MS);
  }
  return server;
}

/** What the mounts of a run have in common. */
interface Place {
  readonly directory: string;
  readonly core: number;
  readonly volcanos: Volcanos;
  /** Of the processes that run mount.magma. */
  readonly environment: Readonly<Record<string, string>>;
}

const inTree = (point: string): string => {
  const directory = join(point, 'work');
  mkdirSync(directory);
  return directory;
};

async function magma(kind: 'encrypted' | 'plain', place: Place): Promise<MountedTree> {
  const { directory, core, volcanos, environment } = place;
  const { flare, node } = volcanos.ports;
  const key = secret(
    join(directory, `${kind}.key`),
    ran('magma key', './bin/magma', ['key', 'client', '--at', `127.0.0.1:${node}`]),
  );
  const pass = secret(join(directory, `${kind}.pass`), `${PASSPHRASE}\n`);
  const options = [`--port=${flare}`, `--keyfile=${key}`];
  const point = join(directory, kind);
  const mount = (tree: string, more: string, target: string): Promise<Server> => {
    const command = `./bin/mount.magma --foreground ${tree} ${options.join(' ')} ${more} '${target}'`;
    return served(`mount.magma (${kind})`, target, command, core, environment);
  };
  if (kind === 'plain') {
    const server = await mount('127.0.0.1:/', '--plain', point);
    return { kind, directory: inTree(point), pids: server.pids, remote: true };
  }
  const above = `${point}-above`;
  const below = await mount('127.0.0.1:/', '--plain', above);
  mkdirSync(join(above, 'home'));
  await unmount(above, below);
  const made = ['--init', '127.0.0.1:/home', ...options, `--passfile=${pass}`, `--scryptn=${SCRYPT_N}`];
  ran('mount.magma --init', './bin/mount.magma', made);
  const server = await mount('127.0.0.1:/home', `--passfile=${pass}`, point);
  return { kind, directory: inTree(point), pids: server.pids, remote: true };
}

async function gocryptfs({ directory, core }: Place): Promise<MountedTree> {
  const cipher = join(directory, 'cipher');
  const point = join(directory, 'gocryptfs');
  mkdirSync(cipher);
  const pass = secret(join(directory, 'gocryptfs.pass'), `${PASSPHRASE}\n`);
  ran('gocryptfs -init', 'gocryptfs', ['-init', '-q', '-scryptn', SCRYPT_N, '-passfile', pass, cipher]);
  const command = `gocryptfs -fg -q -passfile '${pass}' '${cipher}' '${point}'`;
  const server = await served('gocryptfs', point, command, core, {});
  return { kind: 'gocryptfs', directory: inTree(point), pids: server.pids, remote: false };
}

async function nfs({ directory, volcanos }: Place): Promise<MountedTree> {
  const [, port, , mountPort] = volcanos.where;
  const point = join(directory, 'nfs');
  mkdirSync(point);
  const options = `vers=2,proto=tcp,mountproto=tcp,nolock,port=${port},mountport=${mountPort}`;
  try {
    ran('mount -t nfs', 'mount', ['-t', 'nfs', '-o', options, '127.0.0.1:/', point]);
  } catch (error) {
    rmdirSync(point);
    throw error;
  }
  points.set(point, null);
  return { kind: 'nfs', directory: inTree(point), pids: [], remote: true };
}

const STARTS: Readonly<Record<Kind, (place: Place) => Promise<MountedTree>>> = {
  encrypted: (place) => magma('encrypted', place),
  plain: (place) => magma('plain', place),
  gocryptfs,
  nfs,
};

/** Mounts one of them. Rejects when it cannot be had. */
export function mountTree(kind: Kind, place: Place): Promise<MountedTree> {
  return STARTS[kind](place);
}
