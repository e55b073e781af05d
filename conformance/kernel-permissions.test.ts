import t from 'tap';
import { volcanoInNamespace } from './lib/kernel-suite.ts';
import { linuxClient, report } from './lib/linux-client.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';

t.test(
  'a Linux client mounts a subdirectory: as user 1000 with permissions enforced, as root squashed (RFC 1094 §3.3, FIELD rows 13, 24)',
  { skip: unmet(LINUX_CLIENT) },
  async (t) => {
    const { namespace, scratch } = await volcanoInNamespace(t, 'users', [
      '/ * w no_root_squash',
      '/squashed * w root_squash',
    ]);
    report(t, await linuxClient(scratch, [['prepare.py']], { protocol: 'tcp', namespace }));
    const path = '/squashed';
    report(
      t,
      await linuxClient(scratch, [['permissions.py']], { protocol: 'udp', namespace, path, user: '1000:1000' }),
    );
    report(t, await linuxClient(scratch, [['squashed.py']], { protocol: 'tcp', namespace, path }));
    report(
      t,
      await linuxClient(scratch, [['inside.py']], {
        protocol: 'tcp',
        namespace,
        path: '/squashed/home',
        user: '1000:1000',
      }),
    );
  },
);
