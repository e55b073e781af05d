import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { LONG } from '../src/base/testing/seed.ts';
import { captureRun } from './lib/captured-run.ts';
import { type Requirements, unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { UdpWire } from './lib/wire.ts';
import { mount, Nfs2Wire } from './lib/wire-nfs2.ts';

const BUILD = fileURLToPath(new URL('clients/nfsroot-kernel.sh', import.meta.url));
const PAGE = new URL('../docs/diskless.md', import.meta.url);
const CLIENT = fileURLToPath(new URL('clients/diskless-linux.sh', import.meta.url));

const ROOT = '/export/root/crate';
const captured = await captureRun(t, 'diskless');

/** The first program of the machine. It says what it finds into a file of its root directory, and turns it off. */
const INIT = `#!/bin/sh
export PATH=/bin
busybox mount -t proc proc /proc
busybox mknod /dev/null c 1 3
busybox mkfifo /tmp/fifo
{
  busybox grep ' / nfs ' /proc/mounts
  busybox cp /bin/busybox /tmp/copy && busybox cmp /bin/busybox /tmp/copy && echo copied
  echo gone >/dev/null && echo "null holds $(busybox stat -c %F,%t,%T /dev/null)"
  busybox mv /tmp/copy /bin/moved && busybox rm /bin/moved && echo moved
  (echo through >/tmp/fifo &) ; busybox cat /tmp/fifo
  busybox id -u
} >/tmp/report 2>&1
busybox mv /tmp/report /booted
busybox sync
busybox poweroff -f
`;

const BOOTS = {
  root: true,
  namespaces: true,
  commands: { ip: 'iproute2', python3: 'python3', busybox: 'busybox-static' },
  files: { '/dev/net/tun': 'the tun driver' },
} satisfies Requirements;

/** What is booted: the words for `diskless-linux.sh`, where the machine sees the server, and with which options it is to have its root directory. */
interface Booted {
  readonly words: readonly string[];
  readonly host: string;
  readonly mounted: RegExp;
}

/** Boots a machine with its root directory on a volcano of its own. */
async function boots(t: Test, { words, host, mounted }: Booted): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'magma-diskless-'));
  t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
  const shares = [`${ROOT} * w no_root_squash`];
  const ports = { nfsPort: 2049, mountPort: 20048, portmap: 'own' } as const;
  const volcano = await Volcano.start(t, { directory: join(scratch, 'data'), shares, ...ports });
  const [mounts, wire] = [await UdpWire.open(20048), await UdpWire.open(2049)];
  t.teardown(() => [mounts.close(), wire.close()]);
  const nfs = new Nfs2Wire(wire);
  const root = await mount(mounts, ROOT);
  const file = async (where: Buffer, name: string, data: Uint8Array): Promise<void> => {
    const made = (await nfs.ok('CREATE', where, name, { mode: 0o755 })).handle!;
    for (let from = 0; from < data.length; from += 16 * 8192) {
      const some = Array.from({ length: 16 }, (_, block) => from + block * 8192).filter((at) => at < data.length);
      await Promise.all(some.map((at) => nfs.ok('WRITE', made, at, data.subarray(at, at + 8192))));
    }
  };
  const made = new Map<string, Buffer>();
  for (const name of ['bin', 'sbin', 'dev', 'proc', 'tmp'])
    made.set(name, (await nfs.ok('MKDIR', root, name, { mode: 0o755 })).handle!);
  await file(made.get('bin')!, 'busybox', readFileSync('/bin/busybox'));
  await nfs.ok('SYMLINK', made.get('bin')!, 'sh', 'busybox');
  await file(made.get('sbin')!, 'init', Buffer.from(INIT));

  const booted = await run(CLIENT, [...words, '--host', host, '--timeout', '60'], { timeoutMs: 75_000 });
  t.equal(booted.status, 0, booted.stdout + booted.stderr);
  const report = (await nfs.ok('LOOKUP', root, 'booted')).handle!;
  const [line, ...lines] = (await nfs.ok('READ', report, 0, 4096)).data!.toString().trim().split('\n');
  const [source, , , options] = line!.split(' ');
  t.equal(source, `${host}:${ROOT}`);
  t.match(options, mounted);
  t.same(lines, ['copied', 'null holds character special file,1,3', 'moved', 'through', '0']);
  const machine = host.replace(/\d+$/, '2').replaceAll('.', '\\.');
  await volcano.says(new RegExp(`"client":"${machine}".*"path":"${ROOT}".*Mounted`));
}

t.test(
  'a diskless Linux boots with its root directory on us, over NFSv2, that an initramfs mounts (docs/diskless.md)',
  {
    skip: unmet({ ...BOOTS, commands: { ...BOOTS.commands, 'linux.uml': 'user-mode-linux', modprobe: 'kmod' } }),
    timeout: TEST_TIMEOUT,
  },
  (t) => boots(t, { words: ['--root', ROOT], host: '10.77.0.1', mounted: /^rw,.*vers=2,.*proto=tcp,/ }),
);

/** A kernel that has been built already. Otherwise one is, which takes minutes: not in CI. */
const KERNEL = process.env.MAGMA_NFSROOT_KERNEL;
const BUILDS: Requirements = {
  commands: { gcc: 'gcc', make: 'make', flex: 'flex', bison: 'bison', bc: 'bc', xz: 'xz-utils' },
  files: { '/usr/include/stdio.h': 'libc6-dev', '/usr/src/linux-source-6.1.tar.xz': 'linux-source-6.1' },
};

t.test(
  'a kernel mounts its root directory by itself, by the words of docs/diskless.md, over TCP and UDP',
  {
    skip:
      KERNEL === undefined && !LONG
        ? 'is long: npm run test:long'
        : unmet(BOOTS) || (KERNEL === undefined && unmet(BUILDS)),
    timeout: TEST_TIMEOUT,
  },
  async (t) => {
    let kernel = KERNEL;
    if (kernel === undefined) {
      const directory = mkdtempSync(join(process.env.TMPDIR ?? '/var/tmp', 'magma-nfsroot-'));
      t.teardown(() => rmSync(directory, { recursive: true, force: true }));
      const built = await run('nice', [BUILD, directory], { timeoutMs: 1_800_000 });
      t.equal(built.status, 0, built.stderr);
      kernel = built.stdout.trim();
    }
    const [, recipe] = /^ {4}(root=\/dev\/nfs .*,proto=tcp.*)$/m.exec(readFileSync(PAGE, 'utf8'))!;
    const [, host] = /nfsroot=([\d.]+):/.exec(recipe!)!;
    for (const proto of ['tcp', 'udp'] as const) {
      const words = ['--kernel', kernel, '--boot', recipe!.replace('proto=tcp', `proto=${proto}`)];
      const mounted = new RegExp(`^rw,.*vers=2,rsize=4096,wsize=4096,.*proto=${proto},`);
      await t.test(`over ${proto}`, (t) => boots(t, { words, host: host!, mounted }));
    }
  },
);

captured.judge(250);
