import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { LONG } from '../src/base/testing/seed.ts';
import { APPLIANCE, ApplianceMachine, diskOf, ETHERNET, makeEthernet } from './lib/appliance.ts';
import { linuxClient, report } from './lib/linux-client.ts';
import { makeNamespace } from './lib/namespace.ts';
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
