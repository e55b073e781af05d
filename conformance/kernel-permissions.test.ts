import t from 'tap';
import { startInNamespace, volcanoInNamespace, watchedClient } from './lib/kernel-suite.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';

t.test(
  'a Linux client mounts a subdirectory: as user 1000 with permissions enforced, as root squashed (RFC 1094 §3.3, FIELD rows 13, 24)',
  { skip: unmet(LINUX_CLIENT), timeout: TEST_TIMEOUT },
  async (t) => {
    // Who prepares is root, on a volcano whose rules squash nobody; the rules of the test come with its next start.
    const prepared = await volcanoInNamespace(t, 'users');
    const { namespace, scratch } = prepared;
    await watchedClient(t, scratch, [['prepare.py']], { protocol: 'tcp', namespace });
    t.equal(await prepared.volcano.stop(), 0);
    await startInNamespace(t, namespace, scratch, ['/ * w no_root_squash', '/squashed * w root_squash']);
    const path = '/squashed';
    const user = '1000:1000';
    await watchedClient(t, scratch, [['permissions.py']], { protocol: 'udp', namespace, path, user });
    await watchedClient(t, scratch, [['squashed.py']], { protocol: 'tcp', namespace, path });
    const inside = { protocol: 'tcp', namespace, path: '/squashed/home', user } as const;
    await watchedClient(t, scratch, [['inside.py'], ['tree.py', '300']], inside);
  },
);
