import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { readGrubenv, toTry, writeGrubenv } from '../../src/appliance/boot-slots.ts';
import { ApplianceMachine, diskOf, ETHERNET, makeEthernet } from './appliance.ts';
import { linuxClient, report } from './linux-client.ts';
import { inNamespace, makeNamespace } from './namespace.ts';
import { run } from './run.ts';

const BUILD = fileURLToPath(new URL('../../appliance/build', import.meta.url));
/** What the banner says of a volcano that answers. */
export const SERVES = /state +serves NFS/;

/** What `appliance/build` makes. */
export interface Built {
  readonly out: string;
  /** The raw disk, unpacked. */
  readonly disk: string;
  readonly update: string;
}

/** Builds an image into a directory. */
export async function build(out: string): Promise<void> {
  const ran = await run('nice', [BUILD, out], { timeoutMs: 1_800_000 });
  if (ran.status !== 0) throw new Error(`appliance/build: ${ran.stderr}`);
}

/** Appliances, their disks, and what is on one Ethernet with them. */
export class Site {
  readonly directory: string;
  #built: Promise<Built> | undefined;

  constructor(t: Test) {
    this.directory = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'magma-appliance-'));
    t.teardown(() => rmSync(this.directory, { recursive: true, force: true }));
  }

  /** The image: that of MAGMA_APPLIANCE, a directory in which `appliance/build` was run, or one that is built now. */
  image(): Promise<Built> {
    this.#built ??= (async () => {
      const given = process.env.MAGMA_APPLIANCE;
      const out = given ?? join(this.directory, 'out');
      if (given === undefined) await build(out);
      const find = (end: string) => join(out, readdirSync(out).find((name) => name.endsWith(end))!);
      const disk = join(this.directory, 'image.raw');
      const unpacked = await run('sh', ['-c', `xz -dc '${find('.raw.xz')}' >'${disk}'`]);
      if (unpacked.status !== 0) throw new Error(unpacked.stderr);
      return { out, disk, update: find('.update') };
    })();
    return this.#built;
  }

  /** A machine with the image, as it was made: its address is `ETHERNET.number` once it is told. */
  async bare(t: Test, namespace: string, number: number, firmware: 'bios' | 'uefi' = 'bios') {
    const { disk } = await this.image();
    return new ApplianceMachine(t, diskOf(disk, this.directory, `vm${number}`), namespace, number, firmware);
  }

  /** The same with a magma.toml, of which `more` is the end. */
  async machine(t: Test, namespace: string, number: number, more = '', firmware: 'bios' | 'uefi' = 'bios') {
    const made = await this.bare(t, namespace, number, firmware);
    made.put('magma.toml', toml(number, more));
    return made;
  }

  /** A Linux client writes files of this round durably, or finds them as they were written. */
  async kept(t: Test, namespace: string, number: number, what: 'write' | 'read', round: string): Promise<void> {
    const reached = { protocol: 'udp', namespace, host: `${ETHERNET}.${number}`, timeoutSeconds: 600 } as const;
    report(t, await linuxClient(this.directory, [['kept.py', what, round]], reached));
  }
}

/** The magma.toml of a machine. */
export const toml = (number: number, more = ''): string => `
nickname = "vm${number}"
address = "${ETHERNET}.${number}/24"
gateway = "${ETHERNET}.1"
shares = ["/ 10.0.0.0/8 w no_root_squash"]
${more}`;

/** An Ethernet for machines, in a namespace of its own. */
export function ethernet(t: Test, hint: string): string {
  const namespace = makeNamespace(t, hint);
  makeEthernet(namespace);
  return namespace;
}

/** Answers questions at the console, each once it is asked; returns how much was said then. */
export async function answer(vm: ApplianceMachine, dialog: readonly (readonly [RegExp, string])[], after: number) {
  let at = after;
  for (const [question, answer] of dialog) {
    at = await vm.says(question, at);
    vm.type(answer);
  }
  return at;
}

/** Sends a file to each who connects to port 8080 of the namespace. */
export async function serveFile(t: Test, namespace: string, file: string): Promise<void> {
  const program = `
import socket, sys
server = socket.create_server(('${ETHERNET}.1', 8080))
print('listens', flush=True)
while True:
    client, _ = server.accept()
    with client:
        try: client.sendfile(open(sys.argv[1], 'rb'))
        except OSError: pass`;
  const child = spawn(...inNamespace(namespace, 'python3', '-c', program, file), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
}

/** What becomes of a TCP connection from outside to each of these ports within five seconds: `open`, `refused`, or `silent`. */
export async function knock(namespace: string, host: string, ports: readonly number[]): Promise<string[]> {
  const program = `
import socket, sys
for port in sys.argv[2:]:
    try:
        socket.create_connection((sys.argv[1], int(port)), 5).close()
        print('open')
    except TimeoutError: print('silent')
    except ConnectionRefusedError: print('refused')`;
  const ran = await run(...inNamespace(namespace, 'python3', '-c', program, host, ...ports.map(String)), {
    timeoutMs: 300_000,
  });
  return ran.stdout.trim().split('\n');
}

/** Waits until the system that runs has been told to GRUB as the good one. */
export async function good(vm: ApplianceMachine, after: number): Promise<void> {
  await command(vm, 'until [ -e /run/magma-good ]; do sleep 1; done', after);
}

let commands = 0;
/** Runs a shell command at the console, and returns what it printed, and how much was said then. */
export async function command(vm: ApplianceMachine, line: string, after: number): Promise<{ out: string; at: number }> {
  const mark = ++commands;
  vm.type('c');
  vm.type(`${line}; echo over-$((${mark}+0))-over; exit`);
  const at = await vm.says(new RegExp(`over-${mark}-over`), after);
  return { out: vm.said.slice(after, at), at };
}

/** Has GRUB try system a at the next start, as an update does. */
export function tryA(vm: ApplianceMachine): void {
  vm.put('grub/grubenv', writeGrubenv(toTry(readGrubenv(vm.get('grub/grubenv')), 'a')));
}

/** Resolves when the disk of a machine that runs holds other bytes at `offset` than it does now; rejects when `over` is first. */
export function changes(disk: string, offset: number, bytes: number, over: Promise<unknown>): Promise<void> {
  const now = (): string => {
    const file = openSync(disk, 'r');
    const piece = Buffer.alloc(bytes);
    readSync(file, piece, 0, bytes, offset);
    closeSync(file);
    return piece.toString('hex');
  };
  const before = now();
  return new Promise((resolve, reject) => {
    const looking = setInterval(() => {
      if (now() === before) return;
      clearInterval(looking);
      resolve();
    }, 20);
    const ended = (): void => {
      clearInterval(looking);
      reject(new Error(`nothing was written to ${disk} at ${offset}`));
    };
    over.then(ended, ended);
  });
}
