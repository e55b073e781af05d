import t from 'tap';
import { ETCD, EtcdCluster } from '../clients/etcd.ts';
import { unmet } from '../lib/requirements.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { at, magma, scratch, startVolcano, whole } from './lib/ring.ts';

const skip = unmet(ETCD);

t.test(
  'issue 6, Projection stores: the maps lie in etcd; whoever is told otherwise is refused; etcd may restart',
  { timeout: TEST_TIMEOUT, skip },
  async (t) => {
    const etcd = await EtcdCluster.start();
    t.teardown(() => etcd.stop());
    const directory = scratch(t);
    const told = ['--etcd', etcd.endpoints[0]!.origin];
    const first = await startVolcano(t, directory, { nickname: 'wallace', more: told });
    const second = await startVolcano(t, directory, { nickname: 'gromit', more: told }, first);
    await whole(t, at(first), 2);

    const refusal = await startVolcano(t, directory, { nickname: 'penguin' }, second).catch((error: Error) => error);
    t.match(refusal, /the maps of network \w{32} lie in etcd: say where that is \(--etcd\)/);

    await etcd.kill(0);
    const { status, stdout } = await magma(['ring', '--json', ...at(second)]);
    t.equal(status, 0, 'service goes on while etcd is away');
    t.equal(JSON.parse(stdout).volcanos.length, 2);
    etcd.run(0);
    await etcd.ready();

    const again = { nickname: 'penguin', directory: `${directory}/third`, more: told };
    const third = await startVolcano(t, directory, again, second);
    await whole(t, at(third), 3);
    t.equal(await third.volcano.stop(), 0);
  },
);
