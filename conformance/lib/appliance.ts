import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inNamespace } from './namespace.ts';
import type { Requirements } from './requirements.ts';
import type { Teardown } from './volcano.ts';

/** What runs an appliance and lays files into its disk; what builds it, `appliance/build` says itself. */
export const APPLIANCE: Requirements = {
  root: true,
  namespaces: true,
  commands: {
    'qemu-system-x86_64': 'qemu-system-x86',
    mcopy: 'mtools',
    ip: 'iproute2',
    ssh: 'openssh-client',
    xz: 'xz-utils',
  },
  files: { '/usr/share/OVMF/OVMF_CODE.fd': 'ovmf' },
};

/** Where the FAT partition begins in the disk: 2 MiB. */
const CONFIG = '@@2M';
/** The first three bytes of the addresses in the appliances' Ethernet; the namespace has `.1`. */
export const ETHERNET = '10.88.0';

function must(command: string, ...args: string[]): string {
  const ran = spawnSync(command, args, { encoding: 'utf8' });
  if (ran.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${ran.stderr || ran.error?.message}`);
  return ran.stdout;
}

/** An Ethernet in a namespace, to which appliances are plugged; what is in the namespace is `ETHERNET.1` there. */
export function makeEthernet(namespace: string): void {
  must('ip', '-n', namespace, 'link', 'add', 'ether', 'type', 'bridge');
  must('ip', '-n', namespace, 'addr', 'add', `${ETHERNET}.1/24`, 'dev', 'ether');
  must('ip', '-n', namespace, 'link', 'set', 'ether', 'up');
  must(...flat(inNamespace(namespace, 'sysctl', '-qw', 'net.ipv4.ip_forward=1')));
}

function flat([command, args]: [string, string[]]): [string, ...string[]] {
  return [command, ...args];
}

/** How long a machine in software emulation is waited for. The longest wait on an idle machine is that for a new system to be given up: ten minutes and two starts. */
const WAIT_MS = 2_400_000;

/** A machine that runs the image, in QEMU. Its disk is a file that outlives it; beside it lies what its serial line says, in `DISK.console`. */
export class ApplianceMachine {
  readonly disk: string;
  readonly #namespace: string;
  readonly #number: number;
  readonly #firmware: 'bios' | 'uefi';
  #process: ChildProcess | null = null;
  #said = '';
  #look: () => void = () => {};

  /** `disk` is grown to `mib`; `number` tells machines in one namespace apart. */
  constructor(t: Teardown, disk: string, namespace: string, number: number, firmware: 'bios' | 'uefi', mib = 1024) {
    this.disk = disk;
    this.#namespace = namespace;
    this.#number = number;
    this.#firmware = firmware;
    truncateSync(disk, mib * 1024 * 1024);
    t.teardown(() => this.cut());
  }

  /** Writes a file of the FAT partition, while the machine is off. */
  put(name: string, text: string | Buffer): void {
    const directory = mkdtempSync(join(tmpdir(), 'magma-put-'));
    try {
      writeFileSync(join(directory, 'file'), text);
      must('mcopy', '-o', '-i', `${this.disk}${CONFIG}`, join(directory, 'file'), `::${name}`);
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  /** A file of the FAT partition, while the machine is off. */
  get(name: string): Buffer {
    const ran = spawnSync('mcopy', ['-i', `${this.disk}${CONFIG}`, `::${name}`, '-'], { maxBuffer: 64 * 1024 * 1024 });
    if (ran.status !== 0) throw new Error(`mcopy ${name}: ${ran.stderr}`);
    return ran.stdout;
  }

  /** Zeros at the beginning of system a, while the machine is off: there is no system then. */
  wipe(): void {
    must('dd', 'if=/dev/zero', `of=${this.disk}`, 'bs=1M', 'seek=64', 'count=1', 'conv=notrunc', 'status=none');
  }

  /** Turns it on. */
  start(): void {
    this.#said = '';
    const tap = `vm${this.#number}`;
    spawnSync('ip', ['-n', this.#namespace, 'link', 'del', tap]);
    must('ip', '-n', this.#namespace, 'tuntap', 'add', 'dev', tap, 'mode', 'tap');
    must('ip', '-n', this.#namespace, 'link', 'set', tap, 'master', 'ether', 'up');
    // A kernel with /dev/kvm may still be unable to run a machine with it, where it is a virtual machine itself.
    const accelerator = process.env.MAGMA_KVM === undefined ? 'tcg,thread=multi' : 'kvm';
    const flags = ['-machine', 'q35', '-cpu', 'max', '-accel', accelerator, '-m', '768', '-display', 'none'];
    flags.push('-serial', 'stdio', '-monitor', 'none', '-device', 'i6300esb', '-action', 'watchdog=reset');
    if (this.#firmware === 'uefi') flags.push('-bios', '/usr/share/ovmf/OVMF.fd');
    flags.push('-drive', `file=${this.disk},format=raw,if=virtio,cache=writeback`);
    flags.push('-netdev', `tap,id=n,ifname=${tap},script=no,downscript=no`);
    flags.push('-device', `virtio-net-pci,netdev=n,mac=52:54:00:88:00:${this.#number.toString(16).padStart(2, '0')}`);
    const child = spawn(...inNamespace(this.#namespace, 'qemu-system-x86_64', ...flags), {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const hear = (data: Buffer): void => {
      this.#said += data.toString('latin1');
      appendFileSync(`${this.disk}.console`, data);
      this.#look();
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('exit', () => this.#look());
    child.stdin.on('error', () => {});
    this.#process = child;
  }

  /** All that the serial line has said since `start`, without what moves a cursor. */
  get said(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those of a terminal are what it is about.
    return this.#said.replaceAll(/\x1b(\[[0-9;?]*[A-Za-z]|c)/g, '').replaceAll('\r', '');
  }

  /** Waits until the serial line has said that, from `after` characters on; returns how much it has said then. Rejects when the machine ends, and after `WAIT_MS`. */
  says(pattern: RegExp, after = 0): Promise<number> {
    return new Promise((resolve, reject) => {
      const never = (what: string): void =>
        reject(new Error(`the machine ${what}, and never said ${pattern}; its last words: ${this.said.slice(-2000)}`));
      const late = setTimeout(() => {
        this.#look = () => {};
        never('was waited for');
      }, WAIT_MS);
      this.#look = () => {
        const found = pattern.exec(this.said.slice(after));
        if (found !== null) resolve(after + found.index + found[0].length);
        else if (this.#process?.exitCode !== null || this.#process === null) never('has ended');
        else return;
        clearTimeout(late);
        this.#look = () => {};
      };
      this.#look();
    });
  }

  /** Types a line at the console. */
  type(line: string): void {
    this.#process!.stdin!.write(`${line}\r`);
  }

  /** The power goes. */
  async cut(): Promise<void> {
    const child = this.#process;
    this.#process = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }

  /** Waits until it has turned itself off. */
  async off(): Promise<void> {
    const child = this.#process!;
    if (child.exitCode === null) await once(child, 'exit');
    this.#process = null;
  }
}

/** A copy of the built disk for one machine. */
export function diskOf(image: string, directory: string, name: string): string {
  const disk = join(directory, `${name}.raw`);
  must('cp', '--sparse=always', image, disk);
  return disk;
}
