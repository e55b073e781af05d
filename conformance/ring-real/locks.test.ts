import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { appears } from '../lib/appears.ts';
import { linuxClient, report } from '../lib/linux-client.ts';
import { LINUX_CLIENT, unmet } from '../lib/requirements.ts';
import { long } from '../lib/seed.ts';
import { FLOATING, guestSubnet, holder, MACHINES, startSite } from './lib/machines.ts';
import { scratch, whole } from './lib/ring.ts';

/* Locks of two Linux kernels in a ring of three machines, one of which dies with the floating address (docs/locks.md). In the virtual ring: src/lockd/ring.test.ts. */

const TIMEOUT = 400_000;
const requirements = { ...LINUX_CLIENT, commands: { ...LINUX_CLIENT.commands, ...MACHINES.commands } };

t.test(
  'locks that were taken through a floating address outlive the volcano that had it, and exclude whoever is mounted on another one',
  { skip: unmet(requirements) || (!long && 'only in test:long'), timeout: TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const { machines, clients } = await startSite(t, directory, 'nlm', ['--failover', '4'], 2);
    await whole(t, ['--at', '127.0.0.1'], machines.length, machines[0]!.wired.namespace);
    const victim = await holder(machines);
    const other = machines.find((machine) => machine !== victim)!;
    const control = join(directory, 'control');
    mkdirSync(control);
    const common = {
      control,
      lock: true,
      protocol: 'udp',
      options: 'timeo=10,retrans=5',
      timeoutSeconds: 200,
    } as const;
    const working = [
      linuxClient(directory, [['held.py', 'first']], {
        ...{ ...common, namespace: clients[0]!, host: FLOATING, subnet: guestSubnet(0) },
      }),
      linuxClient(directory, [['held.py', 'second']], {
        ...{ ...common, namespace: clients[1]!, host: other.wired.address, subnet: guestSubnet(1) },
      }),
    ];
    if (await appears(control, 'second-refused', Promise.race(working))) {
      await victim.die();
      await holder(machines.filter((machine) => machine !== victim));
      writeFileSync(join(control, 'server-dead'), '');
    }
    for (const client of working) report(t, await client);
  },
);
