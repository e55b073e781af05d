import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { ETCD } from '../clients/etcd.ts';
import { blockOf } from '../lib/recipe.ts';
import { unmet } from '../lib/requirements.ts';
import { run } from '../lib/run.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { Volcano } from '../lib/volcano.ts';
import { KEY, magma, scratch, wiredNamespaces } from './lib/ring.ts';

/*
 * The recipe of docs/high-availability.md, as it stands there: its blocks are read from the page. Two machines with a volcano and an etcd each, and a third one with an etcd (issue 6).
 */

const PAGE = 'high-availability.md';
const skip = unmet({ ...ETCD, root: true, namespaces: true, commands: { ...ETCD.commands, ip: 'iproute2' } });
const FILES = 12;

interface Machine {
  readonly name: string;
  readonly address: string;
  readonly namespace: string;
  readonly directory: string;
  etcd: ChildProcess | null;
  volcano: Volcano | null;
}

/** The etcd of a machine, with what its page says is in /etc/default/etcd; data lie elsewhere. */
function runEtcd(machine: Machine): void {
  const block = blockOf(PAGE, '/etc/default/etcd');
  const first = { name: 'wallace', address: '192.168.1.20' };
  const own = block.split('\n').map((line, at) => {
    if (at >= 5) return line;
    return line.replaceAll(first.address, machine.address).replaceAll(first.name, machine.name);
  });
  const environment: Record<string, string> = {
    ETCD_DATA_DIR: join(machine.directory, 'etcd'),
    ETCD_LOG_LEVEL: 'error',
  };
  for (const line of own) {
    const at = line.indexOf('=');
    if (at > 0) environment[line.slice(0, at)] = line.slice(at + 1);
  }
  machine.etcd = spawn('nsenter', [`--net=/run/netns/${machine.namespace}`, 'etcd'], {
    stdio: 'ignore',
    env: { PATH: process.env.PATH, ETCD_UNSUPPORTED_ARCH: process.arch, ...environment },
  });
}

/** A volcano with what its page says is in magmad.toml; data, key and rules lie elsewhere. */
async function runVolcano(t: Test, machine: Machine): Promise<void> {
  if (machine.volcano !== null) return machine.volcano.start([]);
  const { name, directory, namespace } = machine;
  writeFileSync(join(directory, 'key'), `${KEY}\n`, { mode: 0o600 });
  writeFileSync(join(directory, 'shares'), '/ * w no_root_squash\n');
  const config = join(directory, 'magmad.toml');
  writeFileSync(config, blockOf(PAGE, name));
  machine.volcano = await Volcano.start(t, {
    ...{ directory: join(directory, 'data'), nickname: name, namespace, entry: [], shares: [] },
    flags: ['--config', config],
  });
}

/** What `magma ring` says, asked as the page does; null: nothing. */
async function ringOf({
  directory,
  namespace,
}: Machine): Promise<{ slicesShortOfCopies: number; volcanos: object[] } | null> {
  const { stdout } = await magma(['ring', '--json', '--config', join(directory, 'magmad.toml')], namespace);
  const answer = JSON.parse(stdout || '{}');
  return 'volcanos' in answer ? answer : null;
}

async function until(machine: Machine, holds: (ring: { slicesShortOfCopies: number; volcanos: object[] }) => boolean) {
  for (;;) {
    const ring = await ringOf(machine);
    if (ring !== null && holds(ring)) return;
  }
}

/** Kills a machine: its volcano and its etcd, in one moment. */
async function kill({ etcd, volcano }: Machine): Promise<void> {
  const ended = etcd === null ? null : once(etcd, 'exit');
  etcd?.kill('SIGKILL');
  await volcano?.kill();
  await ended;
}

t.test(
  'issue 6: two volcanos and a witness, as docs/high-availability.md has it: either machine dies, the other goes on, and it comes back; so does the witness',
  { timeout: TEST_TIMEOUT, skip },
  async (t) => {
    const directory = scratch(t);
    const machines = wiredNamespaces(t, 'witness', 3).map(({ namespace }, index): Machine => {
      const name = ['wallace', 'gromit', 'shaun'][index]!;
      const address = `192.168.1.${20 + index}`;
      const { status } = spawnSync('ip', ['-n', namespace, 'address', 'add', `${address}/24`, 'dev', 'eth0']);
      t.equal(status, 0);
      mkdirSync(join(directory, name));
      return { name, address, namespace, directory: join(directory, name), etcd: null, volcano: null };
    });
    const [wallace, gromit, shaun] = machines as [Machine, Machine, Machine];
    t.teardown(() => {
      for (const { etcd } of machines) etcd?.kill('SIGKILL');
    });
    for (const machine of machines) runEtcd(machine);
    await runVolcano(t, wallace);
    await runVolcano(t, gromit);
    await until(gromit, ({ slicesShortOfCopies, volcanos }) => slicesShortOfCopies === 0 && volcanos.length === 2);

    /** A client on the other machine: files are made, and all that were made before are there. */
    const expected = new Map<string, string>();
    const work = async (on: Machine, round: string): Promise<void> => {
      const made = Object.fromEntries(Array.from({ length: FILES }, (_, at) => [`${round}-${at}`, `${round} ${at}`]));
      const { nfsPort, mountPort } = on.volcano!;
      const script = new URL('./lib/witness-client.ts', import.meta.url).pathname;
      const asked = JSON.stringify({
        address: on.address,
        nfsPort,
        mountPort,
        made,
        expected: Object.fromEntries(expected),
      });
      const ran = await run('nsenter', [`--net=/run/netns/${shaun.namespace}`, process.execPath, script], {
        input: asked,
        timeoutMs: 120_000,
      });
      t.equal(ran.status, 0, `${round}: ${ran.stderr}`);
      t.match(ran.stdout, /^all is there/);
      t.comment(`${round}: the longest call took ${ran.stdout.replace(/\D+/g, '')} ms`);
      for (const [name, text] of Object.entries(made)) expected.set(name, text);
    };
    await work(wallace, 'begun');
    for (const [dead, other] of [
      [wallace, gromit],
      [gromit, wallace],
    ] as const) {
      await kill(dead);
      await work(other, `without-${dead.name}`);
      runEtcd(dead);
      await runVolcano(t, dead);
      await until(other, ({ slicesShortOfCopies }) => slicesShortOfCopies === 0);
      await work(dead, `with-${dead.name}`);
    }
    await kill(shaun);
    await work(wallace, 'without-the-witness');
    const { stdout } = await magma(['ring', '--config', join(gromit.directory, 'magmad.toml')], gromit.namespace);
    t.match(stdout, /2 copies of every file/);
    t.notMatch(stdout, /SINGLE COPY/);
    runEtcd(shaun);
    for (const { volcano } of [wallace, gromit]) t.equal(await volcano!.stop(), 0);
  },
);
