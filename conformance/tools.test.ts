import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { captureLoopback, wellFormed } from './lib/capture.ts';
import { inNamespace, makeNamespace } from './lib/namespace.ts';
import { unmet } from './lib/requirements.ts';
import { type Ran, run } from './lib/run.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';
import { Volcano } from './lib/volcano.ts';

const SOURCE = fileURLToPath(new URL('clients/libnfs2-client.c', import.meta.url));

t.test(
  'showmount, rpcinfo and libnfs, none of which we wrote, agree with us (RFC 1094 appendix A, RFC 1833)',
  {
    skip: unmet({
      root: true,
      namespaces: true,
      commands: { showmount: 'nfs-common', rpcinfo: 'rpcbind', gcc: 'gcc', tcpdump: 'tcpdump', tshark: 'tshark' },
      files: { '/usr/include/nfsc/libnfs.h': 'libnfs-dev' },
    }),
    timeout: TEST_TIMEOUT,
  },
  async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'magma-tools-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const binary = join(scratch, 'libnfs2-client');
    const built = await run('gcc', ['-O1', '-o', binary, SOURCE, '-lnfs']);
    t.equal(built.status, 0, built.stderr);

    const namespace = makeNamespace(t, 'tools');
    const start = (): Promise<Volcano> =>
      Volcano.start(t, {
        directory: join(scratch, 'data'),
        namespace,
        nfsPort: 2049,
        mountPort: 20048,
        portmap: 'own',
        shares: ['/ * w no_root_squash', '/pub 10.0.0.0/8 r'],
      });
    const volcano = await start();
    const capture = await captureLoopback(t, namespace, join(scratch, 'capture.pcap'));
    const inside = (command: string, ...args: string[]): Promise<Ran> =>
      run(...inNamespace(namespace, command, ...args));
    const says = async (pattern: RegExp, what: string, command: string, ...args: string[]): Promise<void> => {
      const ran = await inside(command, ...args);
      t.match(ran.stdout, pattern, `${command} ${args.join(' ')}: ${what}`);
      t.equal(ran.status, 0, `${command} ${args.join(' ')} ends well ${ran.stderr}`);
    };

    await says(/ 0 failed|^0 failed/m, 'every NFSv2 procedure over TCP', binary, '127.0.0.1', '/', 'test');
    await says(/^\/ .*\n?/m, 'lists the share', 'showmount', '-e', '127.0.0.1');
    await says(/127\.0\.0\.1:\/$/m, 'who mounted what', 'showmount', '-a', '127.0.0.1');
    await says(/^\/$/m, 'what is mounted', 'showmount', '-d', '127.0.0.1');
    await says(/^ *127\.0\.0\.1$/m, 'who mounted', 'showmount', '127.0.0.1');

    await says(/100003 +2 +udp +2049/, 'portmap v2 DUMP', 'rpcinfo', '-p', '127.0.0.1');
    await says(/100005 +1 +tcp +20048/, 'portmap v2 DUMP', 'rpcinfo', '-p', '127.0.0.1');
    await says(/100003 +2 +tcp6? .*8\.1/, 'rpcbind v4 or v3 DUMP', 'rpcinfo', '127.0.0.1');
    await says(/100003 +2 /, 'the short list', 'rpcinfo', '-s', '127.0.0.1');
    for (const transport of ['udp', 'tcp']) {
      for (const [program, version] of [
        ['100003', '2'],
        ['100005', '1'],
        ['100005', '2'],
        ['100000', '2'],
        ['100000', '3'],
        ['100000', '4'],
      ] as const)
        await says(/ready and waiting/, 'answers NULL', 'rpcinfo', '-T', transport, '127.0.0.1', program, version);
      const other = await inside('rpcinfo', '-T', transport, '127.0.0.1', '100003', '3');
      t.not(other.status, 0, `NFS version 3 over ${transport} is refused`);
      t.match(other.stdout + other.stderr, /low version = 2, high version = 2/, 'with PROG_MISMATCH 2..2');
    }
    await says(/ready and waiting/, 'by address', 'rpcinfo', '-a', '127.0.0.1.8.1', '-T', 'tcp', '100003', '2');

    t.equal(await volcano.stop(), 0);
    const again = await start();
    const remembered = await inside('showmount', '-a', '127.0.0.1');
    t.match(remembered.stdout, /127\.0\.0\.1:\/$/m, 'the mount list survives a restart');
    again.assertAlive();

    await capture.stop();
    await wellFormed(t, join(scratch, 'capture.pcap'), 50);
  },
);
