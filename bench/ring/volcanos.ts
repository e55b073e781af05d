import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../ports.ts';
import { Server } from '../server.ts';
import { BatchCounter } from './batches.ts';

/** The key of all rings. */
export const KEY = 'm4gm4s3cr3t';
/** How long a ring may take until every file has its copies. */
const WHOLE_MS = 120_000;
const POLL_MS = 500;

/** Where the first volcano of a ring takes what is not NFS. */
export interface RingPorts {
  readonly flare: number;
  readonly node: number;
}

/** Volcanos that serve one tree, as the load generator sees them. */
export class Volcanos {
  /** What the tables call them. */
  readonly name: string;
  readonly #servers: readonly Server[];
  readonly #counters: readonly BatchCounter[];
  /** Options by which the load generator finds the first. */
  readonly where: readonly string[];
  /** The slices of the first. */
  readonly own: (slice: number) => boolean;
  /** Of the first. */
  readonly ports: RingPorts;

  private constructor(
    name: string,
    servers: readonly Server[],
    directories: readonly string[],
    where: readonly string[],
    own: (slice: number) => boolean,
    ports: RingPorts,
  ) {
    this.name = name;
    this.#servers = servers;
    this.#counters = directories.map((directory) => new BatchCounter(directory));
    this.where = where;
    this.own = own;
    this.ports = ports;
  }

  /** Starts `count` volcanos in new directories below `above`, all on one core; 0: one without a key. Resolves when all serve, and every file has its copies. */
  static async start(count: number, above: string, core: number): Promise<Volcanos> {
    const name = count === 0 ? 'alone' : `ring of ${count}`;
    const servers: Server[] = [];
    const directories: string[] = [];
    let where: readonly string[] = [];
    let ports: RingPorts = { flare: 0, node: 0 };
    try {
      for (let index = 0; index < Math.max(1, count); index++) {
        const directory = join(above, `${name.replaceAll(' ', '-')}-${index}`);
        mkdirSync(directory);
        directories.push(directory);
        const [nfs, mount, flare, node] = [await freePort(), await freePort(), await freePort(), await freePort()];
        const entry = index === 0 ? '-b' : `-r 127.0.0.1:${ports.node}`;
        if (index === 0) {
          ports = { flare, node };
          where = ['--port', `${nfs}`, '--mountport', `${mount}`, '--path', '/', '--vers', '2'];
        }
        const ring = count === 0 ? '' : `-p ${flare} --node-port ${node}`;
        const command =
          `exec ./bin/magmad ${entry} -n v${index} -d '${directory}' -i 127.0.0.1 --nfs-port ${nfs} --mount-port ${mount} --portmap off ` +
          `--share '/ 127.0.0.1 w no_root_squash' ${ring}`;
        const environment = count === 0 ? {} : { MAGMA_KEY: KEY };
        const log = `${directory}.log`;
        servers.push(
          await Server.start({ name: `${name}, ${index}`, command, core, ports: [nfs, mount], log, environment }),
        );
      }
      const own = count === 0 ? () => true : await whole(ports.node, count);
      return new Volcanos(name, servers, directories, where, own, ports);
    } catch (error) {
      await Promise.all(servers.map((server) => server.stop()));
      throw error;
    }
  }

  get pids(): number[] {
    return this.#servers.flatMap(({ pids }) => pids);
  }

  /** Batches that all of them have made durable so far. */
  batches(): number {
    return this.#counters.reduce((sum, counter) => sum + counter.count(), 0);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server.stop()));
  }
}

function magma(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync('./bin/magma', words, {
    cwd: join(import.meta.dirname, '../..'),
    env: { ...process.env, MAGMA_KEY: KEY },
    encoding: 'utf8',
  });
}

/** Resolves, with the slices of the first volcano, when the ring has all its volcanos and copies. */
async function whole(port: number, count: number): Promise<(slice: number) => boolean> {
  const at = ['--json', '--at', `127.0.0.1:${port}`];
  const end = performance.now() + WHOLE_MS;
  for (;;) {
    const { status, stdout, stderr } = magma('ring', ...at);
    const { volcanos = [] } = JSON.parse(stdout || '{}') as {
      volcanos?: readonly { state: string; filling: number }[];
    };
    const done = volcanos.every(({ state, filling }) => state === 'serving' && filling === 0);
    if (status === 0 && volcanos.length === count && done) break;
    if (performance.now() > end) throw new Error(`a ring of ${count} is not whole: ${stdout}${stderr}`);
    await pause(POLL_MS);
  }
  const { slices } = JSON.parse(magma('status', ...at).stdout) as { slices: string };
  const ranges = slices.split(' ').map((range) => range.split('-').map(Number));
  return (slice) => ranges.some(([first, last = first]) => slice >= first! && slice <= last!);
}
