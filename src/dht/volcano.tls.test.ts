import t from 'tap';
import { systemClock } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { createTlsNet } from '../base/net/tls.ts';
import { systemRandom } from '../base/random.ts';
import { SimulatedDisk } from '../base/simulated-disk.ts';
import { systemNet } from '../base/system-net.ts';
import { inlineIndexHost } from '../flare/index/inline-host.ts';
import { openStore } from '../flare/store/open.ts';
import { ROOT } from '../flare/store/testing/harness.ts';
import { FlareType } from '../flare/types.ts';
import { keyringOf } from './secrets.ts';
import { NoReplication } from './volcano/no-replication.ts';
import { openRing, type RingOptions } from './volcano.ts';

/** A volcano on this host: real time, TLS, stretched keys. */
function options(nickname: string, more: Partial<RingOptions>): RingOptions {
  const disk = new SimulatedDisk();
  return {
    disk,
    open: (how) => openStore({ disk, indexHost: ({ disk }) => inlineIndexHost({ disk }), ...how }),
    clock: systemClock,
    random: systemRandom,
    logger: silentLogger,
    secure: (secure) => createTlsNet(systemNet, secure),
    keyring: keyringOf('m4gm4s3cr3t'),
    boot: false,
    seeds: [],
    nickname,
    hostNickname: 'host',
    serverName: '',
    addresses: [],
    listen: ['127.0.0.1', '::1'],
    flarePort: 0,
    nodePort: 0,
    version: '0.1.0',
    networkName: null,
    replicas: 1,
    gate: ({ caller }) => caller,
    load: () => 0,
    replication: (parts) => new NoReplication(parts),
    ...more,
  };
}

t.test('The same over TLS 1.3: one begins, one joins, over IPv4 and IPv6; who has another key does not', async (t) => {
  const first = await openRing(options('wallace', { boot: true, addresses: ['127.0.0.1', '::1'] }));
  t.teardown(() => first.close());
  const { nodePort: port } = first.self;
  await t.rejects(
    openRing(options('thief', { seeds: [{ address: '127.0.0.1', port }], keyring: keyringOf('guess') })),
    { name: 'JoinError', message: /does not have the same key/ },
  );
  const second = await openRing(options('gromit', { seeds: [{ address: '::1', port }] }));
  t.teardown(() => second.close());
  t.same(second.self.addresses, ['::1'], 'it is reached where it came from');
  const root = second.tree.root();
  const made = await second.tree.create(ROOT, root, 'f', { type: FlareType.file, mode: 0o644 });
  await second.tree.write(ROOT, made, 0, Buffer.from('cheese'));
  const seen = await first.tree.lookup(ROOT, root, 'f');
  t.equal((await first.tree.read(ROOT, seen, 0, 100)).data.toString(), 'cheese');
});
