import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { appears } from './lib/appears.ts';
import { volcanoInNamespace, watchedClient } from './lib/kernel-suite.ts';
import { linuxClient, report } from './lib/linux-client.ts';
import { inNamespace } from './lib/namespace.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';
import { long, TEST_TIMEOUT } from './lib/seed.ts';

/* Two Linux kernels that mount without `nolock`, one over TCP and one over UDP, and exclude each other (docs/locks.md). */

/** How often each of four processes locks one file, and adds to what it says. */
const ROUNDS = long ? 500 : 15;

/** SIMU_CRASH of the status monitor, from its own machine: what a loss of records does. */
const SIMU_CRASH = `import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(10)
s.sendto(struct.pack('>10I', 7, 0, 2, 100024, 1, 5, 0, 0, 0, 0), ('127.0.0.1', 20048))
assert struct.unpack('>6I', s.recv(100))[5] == 0`;

t.test(
  'two Linux kernels exclude each other by flock and fcntl; a server that is killed loses no lock',
  { skip: unmet(LINUX_CLIENT), timeout: TEST_TIMEOUT },
  async (t) => {
    const { volcano, namespace, scratch } = await volcanoInNamespace(t, 'locks');
    const control = join(scratch, 'control');
    mkdirSync(control);
    const common = { namespace, control, lock: true, options: 'timeo=10,retrans=5', timeoutSeconds: 150 };
    const clients = Promise.all([
      watchedClient(t, scratch, [['locks.py', 'first', `${ROUNDS}`]], { ...common, protocol: 'tcp' }),
      linuxClient(scratch, [['locks.py', 'second', `${ROUNDS}`]], {
        ...{ ...common, protocol: 'udp', subnet: '10.77.1' },
      }).then((ran) => report(t, ran)),
    ]);
    if (await appears(control, 'first-kept', clients)) {
      await volcano.kill();
      await volcano.start();
      writeFileSync(join(control, 'server-restarted'), '');
    }
    if (await appears(control, 'second-crash', clients)) {
      const sent = spawnSync(...inNamespace(namespace, 'python3', '-c', SIMU_CRASH), { encoding: 'utf8' });
      t.equal(sent.status, 0, sent.stderr);
      await volcano.says(/"client":"10\.77\.0\.2".*a client was told that locks were lost/);
      await volcano.says(/"client":"10\.77\.1\.2".*a client was told that locks were lost/);
      writeFileSync(join(control, 'server-told'), '');
    }
    await clients;
  },
);
