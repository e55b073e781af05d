import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from '../ports.ts';
import { KEY } from '../ring/volcanos.ts';
import { Server } from '../server.ts';
import { timesOf } from './distribution.ts';

const VOLCANOS = 3;
/** How long a ring may take until every file has its copies, in milliseconds. */
const WHOLE_MS = 120_000;
const POLL_MS = 500;

/** One volcano, and where it is. */
export interface RingMember {
  readonly name: string;
  readonly nfs: number;
  readonly mount: number;
  readonly node: number;
  readonly log: string;
  readonly server: Server;
}

/** Debian's etcd, one node, and the flags by which volcanos find it. */
export async function startEtcd(directory: string, core: number): Promise<{ server: Server; flags: string }> {
  const [client, peer] = [await freePort(), await freePort()];
  const [url, own] = [`http://127.0.0.1:${client}`, `http://127.0.0.1:${peer}`];
  const server = await Server.start({
    ...{ name: 'etcd', core, ports: [client], log: join(directory, 'etcd.log') },
    command:
      `exec etcd --name n0 --data-dir '${join(directory, 'etcd')}' --listen-client-urls ${url} --advertise-client-urls ${url} ` +
      `--listen-peer-urls ${own} --initial-advertise-peer-urls ${own} --initial-cluster n0=${own} --log-level warn --logger zap`,
  });
  return { server, flags: `--etcd ${url}` };
}

/** Starts a ring of three in new directories below `above`, all on one core. Resolves when all files would have their copies. */
export async function startRing(above: string, core: number, flags: string): Promise<RingMember[]> {
  const ring: RingMember[] = [];
  try {
    for (let index = 0; index < VOLCANOS; index++) {
      const directory = join(above, `v${index}`);
      mkdirSync(directory, { recursive: true });
      const [nfs, mount, flare, node] = [await freePort(), await freePort(), await freePort(), await freePort()];
      const entry = index === 0 ? '-b' : `-r 127.0.0.1:${ring[0]!.node}`;
      const command =
        `exec ./bin/magmad ${entry} -n v${index} -d '${directory}' -i 127.0.0.1 --nfs-port ${nfs} --mount-port ${mount} --portmap off -p ${flare} --node-port ${node} ` +
        `--share '/ 127.0.0.1 w no_root_squash' --log-format json ${flags}`;
      const log = `${directory}.log`;
      const name = `v${index}`;
      const environment = { MAGMA_KEY: KEY };
      const server = await Server.start({ name, command, core, ports: [nfs, mount], log, environment });
      ring.push({ name, nfs, mount, node, log, server });
    }
    await whole(ring);
    return ring;
  } catch (error) {
    await Promise.all(ring.map(({ server }) => server.crash()));
    throw error;
  }
}

function magma(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  const cwd = join(import.meta.dirname, '../..');
  return spawnSync('./bin/magma', words, { cwd, env: { ...process.env, MAGMA_KEY: KEY }, encoding: 'utf8' });
}

async function whole(ring: readonly RingMember[]): Promise<void> {
  const end = performance.now() + WHOLE_MS;
  for (;;) {
    const { status, stdout, stderr } = magma('ring', '--json', '--at', `127.0.0.1:${ring[0]!.node}`);
    const { volcanos = [] } = JSON.parse(stdout || '{}') as {
      volcanos?: readonly { state: string; filling: number }[];
    };
    const done = volcanos.every(({ state, filling }) => state === 'serving' && filling === 0);
    if (status === 0 && volcanos.length === VOLCANOS && done) return;
    if (performance.now() > end) throw new Error(`the ring is not whole: ${stdout}${stderr}`);
    await pause(POLL_MS);
  }
}

/** Whether a slice is a volcano's own. */
export function ownedBy({ name, node }: RingMember): (slice: number) => boolean {
  const { stdout } = magma('status', '--json', '--at', `127.0.0.1:${node}`, name);
  const { slices } = JSON.parse(stdout) as { slices: string };
  const ranges = slices.split(' ').map((range) => range.split('-').map(Number));
  return (slice) => ranges.some(([first, last = first]) => slice >= first! && slice <= last!);
}

/** When somebody logged that, after that moment, in milliseconds since 1970: the first and the last time; null when nobody did. */
export function logged(ring: readonly RingMember[], what: string, after: number): readonly [number, number] | null {
  const times = ring.flatMap(({ log }) => timesOf(readFileSync(log, 'utf8'), what)).filter((time) => time >= after);
  return times.length === 0 ? null : [Math.min(...times), Math.max(...times)];
}
