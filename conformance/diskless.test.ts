import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { captureRun } from './lib/captured-run.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { UdpWire } from './lib/wire.ts';
import { mount, Nfs2Wire } from './lib/wire-nfs2.ts';

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

t.test(
  'a diskless Linux boots with its root directory on us, over NFSv2 (docs/diskless.md)',
  {
    skip: unmet({
      root: true,
      namespaces: true,
      commands: {
        ip: 'iproute2',
        'linux.uml': 'user-mode-linux',
        modprobe: 'kmod',
        python3: 'python3',
        busybox: 'busybox-static',
      },
      files: { '/dev/net/tun': 'the tun driver' },
    }),
    timeout: TEST_TIMEOUT,
  },
  async (t) => {
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

    const booted = await run(CLIENT, ['--root', ROOT, '--timeout', '60'], { timeoutMs: 75_000 });
    t.equal(booted.status, 0, booted.stdout + booted.stderr);
    await volcano.says(/"client":"10\.77\.0\.2".*"path":"\/export\/root\/crate".*Mounted/);
    const report = (await nfs.ok('LOOKUP', root, 'booted')).handle!;
    const [mounted, ...lines] = (await nfs.ok('READ', report, 0, 4096)).data!.toString().trim().split('\n');
    t.match(mounted, /^10\.77\.0\.1:\/export\/root\/crate \/ nfs rw,.*vers=2,.*proto=tcp/);
    t.same(lines, ['copied', 'null holds character special file,1,3', 'moved', 'through', '0']);
  },
);

captured.judge(250);
