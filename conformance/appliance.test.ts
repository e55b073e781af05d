import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { readGrubenv, toTry, writeGrubenv } from '../src/appliance/boot-slots.ts';
import { LONG } from '../src/base/testing/seed.ts';
import { APPLIANCE, ApplianceMachine, diskOf, ETHERNET, makeEthernet } from './lib/appliance.ts';
import { linuxClient, report } from './lib/linux-client.ts';
import { inNamespace, makeNamespace } from './lib/namespace.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';

const BUILD = fileURLToPath(new URL('../appliance/build', import.meta.url));
const UBOOT = fileURLToPath(new URL('clients/uboot-client.py', import.meta.url));
/** A boot in software emulation takes minutes on a busy machine. */
const TIMEOUT = 3_000_000;

const skip = LONG ? unmet(APPLIANCE) || unmet(LINUX_CLIENT) : 'is long: npm run test:long';
const directory = mkdtempSync(join(process.env.TMPDIR ?? tmpdir(), 'magma-appliance-'));
t.teardown(() => rmSync(directory, { recursive: true, force: true }));

/** The image: that of MAGMA_APPLIANCE, a directory in which `appliance/build` was run, or one that is built now. */
let built: Promise<{ readonly disk: string; readonly update: string }> | undefined;
function image(): NonNullable<typeof built> {
  built ??= (async () => {
    const out = process.env.MAGMA_APPLIANCE ?? join(directory, 'out');
    if (process.env.MAGMA_APPLIANCE === undefined) {
      const ran = await run('nice', [BUILD, out], { timeoutMs: 1_800_000 });
      if (ran.status !== 0) throw new Error(`appliance/build: ${ran.stderr}`);
    }
    const find = (end: string) => join(out, readdirSync(out).find((name) => name.endsWith(end))!);
    const disk = join(directory, 'image.raw');
    const unpacked = await run('sh', ['-c', `xz -dc '${find('.raw.xz')}' >'${disk}'`]);
    if (unpacked.status !== 0) throw new Error(unpacked.stderr);
    return { disk, update: find('.update') };
  })();
  return built;
}

const toml = (number: number, more = '') => `
nickname = "vm${number}"
address = "${ETHERNET}.${number}/24"
gateway = "${ETHERNET}.1"
shares = ["/ 10.0.0.0/8 w no_root_squash"]
${more}`;

async function machine(t: Test, namespace: string, number: number, firmware: 'bios' | 'uefi', more = '') {
  const { disk } = await image();
  const made = new ApplianceMachine(t, diskOf(disk, directory, `vm${number}`), namespace, number, firmware);
  made.put('magma.toml', toml(number, more));
  return made;
}

function ethernet(t: Test, hint: string): string {
  const namespace = makeNamespace(t, hint);
  makeEthernet(namespace);
  return namespace;
}

/** The questions of the set-up at the console, answered but for the last one. */
const DIALOG: readonly (readonly [RegExp, string])[] = [
  [/Name of this volcano[^\n]*: /, 'other'],
  [/Address with prefix[^\n]*: /, ''],
  [/Time servers[^\n]*: /, ''],
  [/Join the network[^\n]*: /, ''],
  [/Key of the network[^\n]*: /, ''],
  [/Who may write[^\n]*: /, ''],
  [/ssh key[^\n]*: /, ''],
  [/Write this, and restart\?[^\n]*: /, 'no'],
];

/** Sends a file to whoever connects to port 8080 of the namespace. */
async function serveFile(t: Test, namespace: string, file: string): Promise<void> {
  const program = `
import socket, sys
server = socket.create_server(('${ETHERNET}.1', 8080))
print('listens', flush=True)
client, _ = server.accept()
client.sendfile(open(sys.argv[1], 'rb'))
client.close()`;
  const child = spawn(...inNamespace(namespace, 'python3', '-c', program, file), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
}

/** Waits until the system that runs has been told to GRUB as the good one. */
async function good(vm: ApplianceMachine, after: number): Promise<void> {
  vm.type('c');
  vm.type('until [ -e /run/magma-good ]; do sleep 1; done; echo good-$((1+1)); exit');
  await vm.says(/good-2/, after);
}

/** Has GRUB try system a at the next start, as an update does. */
function tryA(vm: ApplianceMachine): void {
  vm.put('grub/grubenv', writeGrubenv(toTry(readGrubenv(vm.get('grub/grubenv')), 'a')));
}

async function kept(t: Test, namespace: string, number: number, what: 'write' | 'read', round: string): Promise<void> {
  const host = `${ETHERNET}.${number}`;
  report(t, await linuxClient(directory, [['kept.py', what, round]], { protocol: 'udp', namespace, host }));
}

const SERVES = /state +serves NFS/;

for (const firmware of ['bios', 'uefi'] as const) {
  t.test(
    `issue 8: the image boots by ${firmware}, serves a Linux kernel client, keeps its data over a power cut, and grows its data partition`,
    { skip, timeout: TIMEOUT },
    async (t) => {
      const namespace = ethernet(t, firmware);
      const number = firmware === 'bios' ? 20 : 21;
      const vm = await machine(t, namespace, number, firmware);
      vm.start();
      await vm.says(SERVES);
      t.match(vm.said, `mount -t nfs -o nfsvers=2,proto=tcp ${ETHERNET}.${number}:/ /mnt`);
      await kept(t, namespace, number, 'write', '1');

      if (firmware === 'bios') {
        const fetched = await run('python3', [
          UBOOT,
          '--netns',
          namespace,
          '--host',
          `${ETHERNET}.${number}`,
          '/kept-1-3',
        ]);
        t.equal(fetched.status, 0, `U-Boot loads a file: ${fetched.stdout}`);
      }

      await vm.cut();
      vm.start();
      const at = await vm.says(SERVES);
      await kept(t, namespace, number, 'read', '1');
      vm.type('c');
      vm.type('df -m --output=size /var | tail -1; echo done-$((1+1))');
      await vm.says(/done-2/, at);
      const [, mib] = /\n *(\d+)\ndone-2/.exec(vm.said.slice(at)) ?? [];
      t.ok(Number(mib) > 500, `the data file system has ${mib} MiB on a disk of 1 GiB`);
    },
  );
}

t.test(
  'issue 8: an update is tried and kept; one that is broken is rolled back, and data are kept by both',
  { skip, timeout: TIMEOUT },
  async (t) => {
    const namespace = ethernet(t, 'update');
    const key = join(directory, 'ssh-key');
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'somebody', '-f', key]);
    const vm = await machine(
      t,
      namespace,
      22,
      'bios',
      `ssh-keys = [${JSON.stringify(readFileSync(`${key}.pub`, 'utf8').trim())}]`,
    );
    vm.start();
    let at = await vm.says(SERVES);
    await kept(t, namespace, 22, 'write', '1');
    const asked = await run(
      ...inNamespace(
        namespace,
        'ssh',
        ...['-i', key, '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null'],
        ...['-o', 'ConnectTimeout=60', `root@${ETHERNET}.22`, 'id -u; nft list chain inet magma input'],
      ),
      { timeoutMs: 300_000 },
    );
    t.match(asked.stdout, /^0\n/, `who has the key is let in: ${asked.stderr}`);
    t.match(asked.stdout, 'policy drop', 'the firewall is there');

    vm.type('s');
    for (const [question, answer] of DIALOG) {
      at = await vm.says(question, at);
      vm.type(answer);
    }
    at = await vm.says(/Nothing is changed/, at);
    const { update } = await image();

    await serveFile(t, namespace, update);
    vm.type('c');
    vm.type('free -m | grep Mem; systemd-analyze; systemctl --failed --no-legend; echo figures-$((1+1))');
    at = await vm.says(/figures-2/, at);
    t.comment(vm.said.slice(-1200));
    vm.type(`exec 3<>/dev/tcp/${ETHERNET}.1/8080; cat <&3 >/var/tmp/update; magma-appliance update /var/tmp/update`);
    at = await vm.says(/is tried at the next start/, at);
    vm.type('systemctl reboot');
    at = await vm.says(/volcano vm22, system b/, at);
    at = await vm.says(SERVES, at);
    await kept(t, namespace, 22, 'read', '1');
    await good(vm, at);
    await vm.cut();
    t.match(vm.get('grub/grubenv').toString(), /^slot=b\ntry=\n/m, 'what serves is the good one');

    // A kernel that is none, and a system without a program that it needs: neither may keep the volcano away.
    tryA(vm);
    const kernel = vm.get('a/vmlinuz');
    vm.put('a/vmlinuz', 'this is no kernel\n');
    vm.start();
    at = await vm.says(/volcano vm22, system b/);
    at = await vm.says(SERVES, at);
    await kept(t, namespace, 22, 'read', '1');
    await good(vm, at);
    await vm.cut();
    t.match(
      vm.get('grub/grubenv').toString(),
      /^slot=b\ntry=\n/m,
      'a kernel that does not start is not tried for ever',
    );

    vm.put('a/vmlinuz', kernel);
    tryA(vm);
    vm.wipe();
    vm.start();
    at = await vm.says(/volcano vm22, system b/);
    await vm.says(SERVES, at);
    await kept(t, namespace, 22, 'read', '1');
    t.ok(vm.said.split(/Kernel panic|Rebooting|reboot: Restarting/).length > 1, 'the system that is not one was tried');
  },
);

t.test('issue 8: two images join into a network, and show one tree', { skip, timeout: TIMEOUT }, async (t) => {
  const namespace = ethernet(t, 'join');
  const key = 'key = "m4gm4s3cr3t"\n';
  const first = await machine(t, namespace, 23, 'bios', key);
  const second = await machine(t, namespace, 24, 'bios', `${key}join = ["${ETHERNET}.23"]\n`);
  first.start();
  second.start();
  await Promise.all([first.says(SERVES), second.says(SERVES)]);
  await kept(t, namespace, 24, 'write', '1');
  await kept(t, namespace, 23, 'read', '1');
});
