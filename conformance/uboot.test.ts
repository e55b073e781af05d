import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { seededRandom } from '../src/base/random.ts';
import { captureLoopback, wellFormed } from './lib/capture.ts';
import { makeNamespace } from './lib/namespace.ts';
import { unmet } from './lib/requirements.ts';
import { run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';
import { UdpWire } from './lib/wire.ts';
import { mount, Nfs2Wire } from './lib/wire-nfs2.ts';

const CLIENT = fileURLToPath(new URL('clients/uboot-client.py', import.meta.url));

t.test(
  'U-Boot loads a file by TFTP, and over NFS by its path and through symlinks (FIELD rows 12 to 16: mountd v1 and v2, ISDIR or INVAL, xids from 1, AUTH_NULL verifier)',
  {
    skip: unmet({
      root: true,
      namespaces: true,
      commands: { 'qemu-system-aarch64': 'qemu-system-arm', python3: 'python3', tcpdump: 'tcpdump', tshark: 'tshark' },
      files: { '/usr/lib/u-boot/qemu_arm64/u-boot.bin': 'u-boot-qemu' },
    }),
    timeout: TEST_TIMEOUT,
  },
  async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'magma-uboot-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const image = seededRandom(1).bytes(300_001);
    const copy = join(scratch, 'image');
    writeFileSync(copy, image);

    const directory = join(scratch, 'data');
    const filled = await Volcano.start(t, { directory });
    const mounts = await UdpWire.open(filled.mountPort);
    const wire = await UdpWire.open(filled.nfsPort);
    t.teardown(() => wire.close());
    t.teardown(() => mounts.close());
    const root = await mount(mounts, '/');
    const nfs = new Nfs2Wire(wire);
    const boot = (await nfs.ok('MKDIR', root, 'boot', { mode: 0o755 })).handle!;
    const file = (await nfs.ok('CREATE', boot, 'image', { mode: 0o644 })).handle!;
    for (let at = 0; at < image.length; at += 8192)
      await nfs.ok('WRITE', file, at, image.subarray(at, Math.min(at + 8192, image.length)));
    await nfs.ok('SYMLINK', boot, 'link', 'image');
    await nfs.ok('SYMLINK', root, 'absolute', '/boot/image');
    t.equal(await filled.stop(), 0);

    const namespace = makeNamespace(t, 'uboot');
    const flags = ['--tftp', '/:/boot'];
    const volcano = await Volcano.start(t, {
      directory,
      namespace,
      nfsPort: 2049,
      mountPort: 20048,
      portmap: 'own',
      flags,
    });
    for (const [index, path] of ['/boot/image', '/boot/link', '/absolute'].entries()) {
      // U-Boot counts its xids from 1 again at each boot: in one capture they would be retransmissions of each other.
      const file = join(scratch, `capture${index}.pcap`);
      const capture = await captureLoopback(t, namespace, file);
      const flags = ['--netns', namespace, '--timeout', '25', path, copy];
      const ran = await run('python3', [CLIENT, ...flags], { timeoutMs: 60_000 });
      t.match(ran.stdout, 'nfs EQUAL', `${path} arrives whole`);
      t.equal(ran.status, 0, ran.stderr);
      await capture.stop();
      await wellFormed(t, file, 290);
    }
    // TFTP to the address by which QEMU's guests see 127.0.0.1 is answered by QEMU itself.
    await run('ip', ['-n', namespace, 'addr', 'add', '10.77.0.1/32', 'dev', 'lo']);
    const both = [
      '--netns',
      namespace,
      '--timeout',
      '25',
      '--host',
      '10.77.0.1',
      '--tftp',
      'image',
      '/boot/link',
      copy,
    ];
    const ran = await run('python3', [CLIENT, ...both], { timeoutMs: 60_000 });
    t.match(ran.stdout, 'tftp EQUAL', 'by TFTP, and then by NFS in the same boot');
    t.match(ran.stdout, 'nfs EQUAL');
    t.equal(ran.status, 0, ran.stdout + ran.stderr);
    await volcano.says(/"path":"image","bytes":300001.*Sent by TFTP/);
    volcano.assertAlive();
  },
);
