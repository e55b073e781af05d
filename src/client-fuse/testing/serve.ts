import { systemClock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { systemRandom } from '../../base/random.ts';
import { openDisk } from '../../base/system-disk.ts';
import { threadedIndexHost } from '../../flare/index/threaded-host.ts';
import type { FlareService } from '../../flare/service.ts';
import { openStore } from '../../flare/store/open.ts';
import { cipherTree } from '../crypto/tree.ts';
import { createConf } from '../crypto/vault.ts';
import { makeTree } from '../encrypted/new-tree.ts';
import { EncryptedService } from '../encrypted/service.ts';
import { mount } from '../mount.ts';

/*
 * A store with one mount or several, as a process of its own: `serve.ts DATA MOUNTPOINT...`. Says `ready` when all are mounted, and ends when it is told to (SIGTERM), or
 * when all are unmounted. FUSERMOUNT=1 mounts as users do; TIMEOUT_MS sets how long the kernel believes what it was told; ENCRYPTED=1 makes an encrypted tree of the store, and
 * mounts that, each time as another client.
 */

function line(level: string) {
  return (fields: object, message: string): void => {
    const text = Object.entries(fields).map(
      ([name, value]) => `${name}=${value instanceof Error ? value.stack : value}`,
    );
    process.stderr.write(`${level}: ${message} ${text.join(' ')}\n`);
  };
}

const logger: Logger = {
  debug: () => {},
  info: () => {},
  warn: line('warn'),
  error: line('error'),
  fatal: line('fatal'),
  child: () => logger,
};

async function encryptedClients(service: FlareService): Promise<() => FlareService> {
  const root = service.root();
  const options = { creator: 'magma test', stretchLogN: 10 };
  const { conf, master } = await createConf(Buffer.from('test'), options, systemRandom);
  await makeTree({ service, caller: { uid: 0, gid: 0, gids: [] }, top: root, random: systemRandom, ignored: [] }, conf);
  return () => {
    const tree = cipherTree(master, conf, systemRandom);
    return new EncryptedService({ service, root, tree, random: systemRandom, logger });
  };
}

const [data, ...targets] = process.argv.slice(2);
const disk = await openDisk(data!);
const store = await openStore({
  disk,
  clock: systemClock,
  random: systemRandom,
  logger,
  boot: true,
  root: { mode: 0o777 },
  indexHost: (options) => threadedIndexHost({ ...options, logger }),
});
const { ENCRYPTED, FUSERMOUNT, TIMEOUT_MS } = process.env;
const timeout = TIMEOUT_MS === undefined ? 1000 : Number(TIMEOUT_MS);
const parts = {
  clock: systemClock,
  random: systemRandom,
  logger,
  source: 'test:/',
  root: FUSERMOUNT === undefined,
  timeouts: { attributes: timeout, entries: timeout, negative: timeout },
  allowOther: true,
};
const client = ENCRYPTED === undefined ? () => store : await encryptedClients(store);
const mounts = await Promise.all(targets.map((target) => mount({ ...parts, service: client(), target })));
process.on('SIGTERM', () => void Promise.all(mounts.map((mounted) => mounted.close())));
process.stdout.write('ready\n');
for (const error of await Promise.all(mounts.map(({ ended }) => ended))) {
  if (error !== null) line('error')({ err: error }, 'a mount ended');
}
await store.close();
process.stdout.write('ended\n');
