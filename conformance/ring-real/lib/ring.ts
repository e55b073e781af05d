import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { makeNamespace } from '../../lib/namespace.ts';
import { freePort } from '../../lib/ports.ts';
import { type Ran, run } from '../../lib/run.ts';
import { Volcano, type VolcanoOptions } from '../../lib/volcano.ts';

const MAGMA = fileURLToPath(new URL('../../../bin/magma', import.meta.url));

// Each process and each namespace is let go of when this process ends, whatever ends it.
process.setMaxListeners(64);

export const KEY = 'm4gm4s3cr3t';
/** How long `magma check` may take, in milliseconds: after the long form of a test it reads a hundred thousand files twice. */
const CHECK_MS = 900_000;
export const NICKNAMES = ['wallace', 'gromit', 'penguin'] as const;

/** One magmad process of a ring. */
export interface RingVolcano {
  readonly volcano: Volcano;
  readonly nickname: string;
  readonly address: string;
  readonly flarePort: number;
  readonly nodePort: number;
}

/** A directory that goes at the end of the test, for all that a ring keeps. */
export function scratch(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'magma-ring-'));
  t.teardown(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** How one is started that differs from the others. */
export interface Difference extends Partial<Omit<VolcanoOptions, 'key'>> {
  readonly nickname: string;
  /** Undefined: none. Default `KEY`. */
  readonly key?: string | undefined;
  /** Default 127.0.0.1. */
  readonly address?: string;
  /** Further flags. */
  readonly more?: readonly string[];
}

/** Starts a volcano on loopback, on free ports; through `via`, or, without one, as the first. Resolves when it serves. */
export async function startVolcano(
  t: Test,
  directory: string,
  difference: Difference,
  via?: RingVolcano,
): Promise<RingVolcano> {
  const { nickname, address = '127.0.0.1', key: given, more = [], ...rest } = difference;
  const key = 'key' in difference ? given : KEY;
  const flarePort = await freePort();
  const nodePort = await freePort();
  const entry = via === undefined ? ['-b'] : ['-r', `${bracketed(via.address)}:${via.nodePort}`];
  const flags = ['-i', address, '-p', `${flarePort}`, '--node-port', `${nodePort}`, ...more];
  const volcano = await Volcano.start(t, {
    ...{ directory: join(directory, nickname), nickname, entry, flags, ...(key === undefined ? {} : { key }) },
    ...rest,
  });
  return { volcano, nickname, address, flarePort, nodePort };
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Two volcanos on loopback, with these flags besides. Resolves when every file is on both. */
export async function twoVolcanos(
  t: Test,
  directory: string,
  more: readonly string[] = [],
): Promise<readonly [RingVolcano, RingVolcano]> {
  const first = await startVolcano(t, directory, { nickname: NICKNAMES[0], more });
  const second = await startVolcano(t, directory, { nickname: NICKNAMES[1], more }, first);
  await whole(t, at(first), 2);
  return [first, second];
}

/** Three likewise: resolves when each has its slices, and all have their copies. */
export async function threeVolcanos(
  t: Test,
  directory: string,
  more: readonly string[] = [],
): Promise<readonly [RingVolcano, RingVolcano, RingVolcano]> {
  const first = await startVolcano(t, directory, { nickname: NICKNAMES[0], more });
  const second = await startVolcano(t, directory, { nickname: NICKNAMES[1], more }, first);
  const third = await startVolcano(t, directory, { nickname: NICKNAMES[2], more }, second);
  await whole(t, at(first), 3);
  return [first, second, third];
}

/** `magma`, with the key, in a namespace if one is named. */
export function magma(words: readonly string[], namespace?: string): Promise<Ran> {
  const [command, args] =
    namespace === undefined ? [MAGMA, words] : ['nsenter', [`--net=/run/netns/${namespace}`, MAGMA, ...words]];
  const timeoutMs = words[0] === 'check' ? CHECK_MS : 60_000;
  return run(command, args, { timeoutMs, env: { MAGMA_KEY: KEY } });
}

/** Which volcano `magma` is to ask. */
export function at({ address, nodePort }: Pick<RingVolcano, 'address' | 'nodePort'>): readonly string[] {
  return ['--at', `${bracketed(address)}:${nodePort}`];
}

/** Resolves when `magma ring` says that every volcano answers, serves, and all have their copies. */
export async function whole(t: Test, asked: readonly string[], volcanos: number, namespace?: string): Promise<void> {
  for (;;) {
    const { status, stdout, stderr } = await magma(['ring', '--json', ...asked], namespace);
    const answer = JSON.parse(stdout || '{}') as { volcanos?: readonly { state: string; filling: number }[] };
    const all = answer.volcanos ?? [];
    if (
      status === 0 &&
      all.length === volcanos &&
      all.every(({ state, filling }) => state === 'serving' && filling === 0)
    )
      return;
    t.comment(`not whole yet: ${stdout}${stderr}`.slice(0, 300));
  }
}

/** What a namespace's volcano is reached at by the others. */
export interface Wired {
  readonly namespace: string;
  readonly address: string;
  readonly address6: string;
  /** The other end of its cable: a port of the bridge in that namespace. */
  readonly hub: string;
  readonly port: string;
}

function ip(...words: string[]): void {
  const ran = spawnSync('ip', words, { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`ip ${words.join(' ')}: ${ran.stderr}`);
}

/** Namespaces, each a host of its own, on one Ethernet. They go at the end of the test. */
export function wiredNamespaces(t: Test, hint: string, count: number): readonly Wired[] {
  const hub = makeNamespace(t, `${hint}-hub`);
  ip('-n', hub, 'link', 'add', 'br0', 'type', 'bridge');
  ip('-n', hub, 'link', 'set', 'br0', 'up');
  return Array.from({ length: count }, (_, index) => {
    const namespace = makeNamespace(t, `${hint}-${index}`);
    const port = `port${index}`;
    ip('-n', hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace);
    ip('-n', hub, 'link', 'set', port, 'master', 'br0', 'up');
    const address = `10.78.0.${index + 1}`;
    const address6 = `fd78::${index + 1}`;
    ip('-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'address', 'add', `${address6}/64`, 'dev', 'eth0', 'nodad');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    return { namespace, address, address6, hub, port };
  });
}
