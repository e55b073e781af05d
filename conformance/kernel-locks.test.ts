import { existsSync, mkdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { volcanoInNamespace, watchedClient } from './lib/kernel-suite.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';
import { long, TEST_TIMEOUT } from './lib/seed.ts';

/* Two Linux kernels that mount without `nolock`, one over TCP and one over UDP, and exclude each other (docs/locks.md). */

/** How often each of four processes locks one file, and adds to what it says. */
const ROUNDS = long ? 500 : 25;

/** Resolves when the file is there; with false when the client has ended before. */
function appears(directory: string, name: string, over: Promise<unknown>): Promise<boolean> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!existsSync(join(directory, name))) return;
      watcher.close();
      resolve(true);
    };
    const watcher = watch(directory, look);
    look();
    void over.then(() => {
      watcher.close();
      resolve(existsSync(join(directory, name)));
    });
  });
}

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
      watchedClient(t, scratch, [['locks.py', 'second', `${ROUNDS}`]], {
        ...{ ...common, protocol: 'udp', subnet: '10.77.1' },
      }),
    ]);
    if (await appears(control, 'first-kept', clients)) {
      await volcano.kill();
      await volcano.start();
      writeFileSync(join(control, 'server-restarted'), '');
    }
    await clients;
  },
);
