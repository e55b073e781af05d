import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, cpSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { inNamespace } from '../../lib/namespace.ts';
import type { Requirements } from '../../lib/requirements.ts';
import { Volcano } from '../../lib/volcano.ts';
import { KEY, NICKNAMES, type Wired, wiredNamespaces } from './ring.ts';

/** What machines with a floating address and partitions need. */
export const MACHINES: Requirements = {
  root: true,
  namespaces: true,
  commands: { ip: 'iproute2', nsenter: 'util-linux', etcd: 'etcd-server', keepalived: 'keepalived', nft: 'nftables' },
};

/** The address that moves. */
export const FLOATING = '10.78.0.100';
/** The first bytes of what a client's guest has on its own cable. */
export const guestSubnet = (client: number): string => `10.77.${client + 1}`;

/** Where keepalived's multicast goes (RFC 9568 §5.1.1.2). */
const VRRP_GROUP = '224.0.0.18';
const [ETCD_CLIENT, ETCD_PEER] = [2379, 2380];
/** keepalived's priorities, in the order of the volcanos. */
const PRIORITIES = [150, 100, 50];
const POLL_MS = 50;

const file = (name: string): string => fileURLToPath(new URL(`../../../${name}`, import.meta.url));

/** Runs a command in a namespace; throws what it says when it fails. */
function inside(namespace: string, name: string, args: readonly string[], input = ''): string {
  const ran = spawnSync(...inNamespace(namespace, name, ...args), { encoding: 'utf8', input });
  if (ran.status !== 0) throw new Error(`${name} ${args.join(' ')}: ${ran.stderr}`);
  return ran.stdout;
}

/** A program of a machine besides the volcano, which may be killed and run again. What it says goes to a file. */
class Daemon {
  readonly #words: [string, string[]];
  readonly #log: string;
  #child: ChildProcess | undefined;

  constructor(t: Test, log: string, words: [string, string[]]) {
    this.#log = log;
    this.#words = words;
    t.teardown(() => this.kill());
  }

  run(): void {
    const log = openSync(this.#log, 'a');
    const child = spawn(...this.#words, { stdio: ['ignore', log, log], detached: true });
    closeSync(log);
    this.#child = child;
    const atExit = (): void => this.#signal();
    process.once('exit', atExit);
    child.once('close', () => process.removeListener('exit', atExit));
  }

  /** kill -9, with all that it has started. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = child.exitCode !== null || child.signalCode !== null ? null : once(child, 'close');
    this.#signal();
    this.#child = undefined;
    await ended;
  }

  #signal(): void {
    try {
      if (this.#child?.pid !== undefined) process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
}

/** One of the hosts of a ring: a volcano, a member of etcd, and keepalived. */
export class Machine {
  readonly index: number;
  readonly wired: Wired;
  readonly volcano: Volcano;
  readonly #etcd: Daemon;
  readonly #keepalived: Daemon;

  constructor(index: number, wired: Wired, volcano: Volcano, etcd: Daemon, keepalived: Daemon) {
    this.index = index;
    this.wired = wired;
    this.volcano = volcano;
    this.#etcd = etcd;
    this.#keepalived = keepalived;
  }

  /** Whether the floating address is here. */
  get holds(): boolean {
    return inside(this.wired.namespace, 'ip', ['-4', 'address', 'show', 'dev', 'eth0']).includes(` ${FLOATING}/`);
  }

  /** The cable is pulled: the link is down on both sides. */
  unplug(): void {
    inside(this.wired.hub, 'ip', ['link', 'set', this.wired.port, 'down']);
  }

  plug(): void {
    inside(this.wired.hub, 'ip', ['link', 'set', this.wired.port, 'up']);
  }

  /** Its power goes: nothing of what runs there says anything any more. */
  async die(): Promise<void> {
    this.unplug();
    await Promise.all([this.volcano.kill(), this.#etcd.kill(), this.#keepalived.kill()]);
    // The kernel goes as well: it would try for minutes to end the connections of those processes, and answer for them when the address is here again.
    inside(this.wired.namespace, 'ss', ['--kill', '--tcp', 'state', 'all']);
  }

  /** As after a start of the host: it has no address but its own. */
  async boot(): Promise<void> {
    if (this.holds) inside(this.wired.namespace, 'ip', ['address', 'del', `${FLOATING}/24`, 'dev', 'eth0']);
    this.plug();
    this.#etcd.run();
    this.#keepalived.run();
    await this.volcano.start([]);
  }

  /** Drops packets between this machine and the others; clients still reach it. `deaf`: those that come; `mute`: those that go. */
  part(others: readonly Machine[], how: { readonly deaf: boolean; readonly mute: boolean }): void {
    const four = others.map(({ wired }) => wired.address).join(', ');
    const six = others.map(({ wired }) => wired.address6).join(', ');
    const chain = (hook: 'input' | 'output', side: 'saddr' | 'daddr', more = ''): string =>
      `chain ${hook} {\n type filter hook ${hook} priority 0;\n ip ${side} { ${four}${more} } drop\n ip6 ${side} { ${six} } drop\n }\n`;
    const rules = [
      ...(how.deaf ? [chain('input', 'saddr')] : []),
      ...(how.mute ? [chain('output', 'daddr', `, ${VRRP_GROUP}`)] : []),
    ];
    inside(this.wired.namespace, 'nft', ['-f', '-'], `table inet faults {\n${rules.join('')}}\n`);
  }

  join(): void {
    inside(this.wired.namespace, 'nft', ['flush', 'ruleset']);
  }

  /** Begins to take part in who has the floating address. */
  keep(): void {
    this.#keepalived.run();
  }
}

/** Machines on one Ethernet, and clients' hosts without anything on them. */
export interface Site {
  readonly machines: readonly Machine[];
  /** Namespaces in which clients run. */
  readonly clients: readonly string[];
}

/** The recipe as it is shipped, with this machine's names in it, and times that go with `--failover 4`; what it calls lies in `directory` too. */
function keepalivedConf(directory: string, index: number, hosts: readonly Wired[]): string {
  const bin = join(directory, `bin-${index}`);
  mkdirSync(bin);
  for (const name of ['magma-answers', 'magma-reaches']) cpSync(file(`systemd/${name}`), join(bin, name));
  const ready = `${file('bin/magma')} ready --at 127.0.0.1 --key-file '${join(directory, 'key')}'`;
  // A clone would be compiled each time.
  const magma = `#!/bin/sh\nNODE_COMPILE_CACHE='${join(directory, 'compiled')}' exec ${ready}\n`;
  writeFileSync(join(bin, 'magma'), magma, { mode: 0o755 });
  const others = hosts.flatMap(({ address }, at) => (at === index ? [] : [address]));
  const changes: readonly [string, string][] = [
    // The directories above a clone may be writable for others.
    ['    enable_script_security\n', ''],
    ['/usr/local/bin/magma-answers', join(bin, 'magma-answers')],
    ['/usr/local/bin/magma-reaches 192.168.1.21 192.168.1.22', [join(bin, 'magma-reaches'), ...others].join(' ')],
    [
      '/usr/local/bin/magma-reaches --unless 192.168.1.100 192.168.1.21 192.168.1.22',
      [join(bin, 'magma-reaches'), '--unless', FLOATING, ...others].join(' '),
    ],
    ['    fall 4\n', '    fall 2\n'],
    ['priority 150', `priority ${PRIORITIES[index]}`],
    ['192.168.1.100/24', `${FLOATING}/24`],
  ];
  return changes.reduce(
    (text, [from, to]) => {
      if (!text.includes(from)) throw new Error(`the recipe has no ${from} any more`);
      return text.replace(from, to);
    },
    readFileSync(file('systemd/keepalived.conf'), 'utf8'),
  );
}

function etcdWords(directory: string, index: number, hosts: readonly Wired[]): [string, string[]] {
  const { namespace, address } = hosts[index]!;
  const cluster = hosts.map((host, at) => `n${at}=http://${host.address}:${ETCD_PEER}`).join(',');
  const [client, peer] = [`http://${address}:${ETCD_CLIENT}`, `http://${address}:${ETCD_PEER}`];
  return inNamespace(
    namespace,
    'etcd',
    ...['--name', `n${index}`, '--data-dir', join(directory, `etcd-${index}`)],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', cluster],
    ...['--log-level', 'warn', '--logger', 'zap'],
  );
}

/** Three machines with a volcano, etcd and keepalived each, and so many clients' hosts. All of it goes at the end of the test. */
export async function startSite(
  t: Test,
  directory: string,
  hint: string,
  flags: readonly string[],
  clients: number,
): Promise<Site> {
  const wired = wiredNamespaces(t, hint, NICKNAMES.length + clients);
  const hosts = wired.slice(0, NICKNAMES.length);
  for (const [client, { namespace, address }] of wired.slice(NICKNAMES.length).entries()) {
    inside(namespace, 'sysctl', ['-qw', 'net.ipv4.ip_forward=1']);
    for (const host of hosts)
      inside(host.namespace, 'ip', ['route', 'add', `${guestSubnet(client)}.0/24`, 'via', address]);
  }
  writeFileSync(join(directory, 'key'), `${KEY}\n`, { mode: 0o600 });
  const etcd = hosts.map(
    (_, index) => new Daemon(t, join(directory, `etcd-${index}.log`), etcdWords(directory, index, hosts)),
  );
  for (const one of etcd) one.run();
  const urls = hosts.flatMap(({ address }) => ['--etcd', `http://${address}:${ETCD_CLIENT}`]);
  const machines: Machine[] = [];
  for (const [index, host] of hosts.entries()) {
    const entry = index === 0 ? ['-b'] : ['-r', hosts[index - 1]!.address];
    const volcano = await Volcano.start(t, {
      ...{
        directory: join(directory, NICKNAMES[index]!),
        nickname: NICKNAMES[index]!,
        namespace: host.namespace,
        entry,
        key: KEY,
      },
      ...{ nfsPort: 2049, mountPort: 20048, portmap: 'own', flags: [...urls, ...flags] },
    });
    const conf = join(directory, `keepalived-${index}.conf`);
    writeFileSync(conf, keepalivedConf(directory, index, hosts));
    const files = ['-p', '-r', '-c'].flatMap((flag) => [flag, join(directory, `keepalived-${index}${flag}.pid`)]);
    const held = `RUNTIME_DIRECTORY=${directory}`;
    const words = inNamespace(host.namespace, 'env', held, 'keepalived', '-n', '-l', '-D', '-f', conf, ...files);
    machines.push(
      new Machine(index, host, volcano, etcd[index]!, new Daemon(t, join(directory, `keepalived-${index}.log`), words)),
    );
    machines[index]!.keep();
  }
  return { machines, clients: wired.slice(NICKNAMES.length).map(({ namespace }) => namespace) };
}

/** Resolves with the machine that has the floating address, alone, when one has. */
export async function holder(machines: readonly Machine[]): Promise<Machine> {
  for (;;) {
    const found = machines.filter(({ holds }) => holds);
    if (found.length === 1) return found[0]!;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
