import { existsSync, mkdirSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { linuxClient, report } from '../lib/linux-client.ts';
import { LINUX_CLIENT, unmet } from '../lib/requirements.ts';
import { long, TEST_TIMEOUT } from '../lib/seed.ts';
import { Volcano } from '../lib/volcano.ts';
import { KEY, magma, NICKNAMES, scratch, whole, wiredNamespaces } from './lib/ring.ts';

/** The clients' attribute timeout, in seconds. */
const TIMEOUT = 2;

/** Resolves when all these files are there. */
function appear(directory: string, names: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    const look = (): void => {
      if (!names.every((name) => existsSync(join(directory, name)))) return;
      watcher.close();
      resolve();
    };
    const watcher = watch(directory, look);
    look();
  });
}

t.test(
  'Linux clients on two volcanos have one tree, over UDP and TCP; a third volcano joins meanwhile, and no call fails; mirrors equal primaries, and the ring is sound',
  { skip: unmet(LINUX_CLIENT), timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const control = join(directory, 'control');
    mkdirSync(control);
    const hosts = wiredNamespaces(t, 'ring', 3);
    const start = (index: number, entry: readonly string[]): Promise<Volcano> => {
      const nickname = NICKNAMES[index]!;
      const { namespace } = hosts[index]!;
      const ports = { nfsPort: 2049, mountPort: 20048, portmap: 'own' } as const;
      return Volcano.start(t, { directory: join(directory, nickname), nickname, namespace, entry, key: KEY, ...ports });
    };
    const wallace = await start(0, ['-b']);
    const gromit = await start(1, ['-r', hosts[0]!.address]);

    const options = { control, options: `actimeo=${TIMEOUT}`, timeoutSeconds: long ? 900 : 150 };
    const files = long ? '2000' : '120';
    const work = (protocol: 'udp' | 'tcp', side: string, other: string, namespace: string) =>
      linuxClient(
        directory,
        [
          ['shared.py', side, other, `${TIMEOUT}`, ...NICKNAMES],
          ['tree.py', files, `tree-${side}`],
        ],
        { ...options, protocol, namespace },
      );
    const clients = [work('udp', 'a', 'b', hosts[0]!.namespace), work('tcp', 'b', 'a', hosts[1]!.namespace)];
    await Promise.race([appear(control, ['began-a', 'began-b']), ...clients]);

    const penguin = await start(2, ['-r', `[${hosts[1]!.address6}]`]);
    const asked = ['--at', hosts[2]!.address];
    await whole(t, asked, 3, hosts[2]!.namespace);
    writeFileSync(join(control, 'joined'), '');
    for (const client of clients) report(t, await client);

    const online = await magma(['check', '--ring', ...asked], hosts[2]!.namespace);
    t.match(
      online,
      { status: 0, stdout: /^3 volcanos, epoch \d+, 256 copies of slices compared\nsound\n$/ },
      online.stderr,
    );
    for (const volcano of [wallace, gromit, penguin]) t.equal(await volcano.stop(), 0, 'SIGTERM ends it with status 0');
    const offline = await magma(['check', ...NICKNAMES.map((nickname) => join(directory, nickname))]);
    t.equal(offline.status, 0, offline.stdout + offline.stderr);
    t.comment(offline.stdout);
  },
);
