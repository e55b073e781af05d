import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { startInNamespace, watchedClient } from './lib/kernel-suite.ts';
import { makeNamespace } from './lib/namespace.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';

t.test(
  'a share with tsize=1024 under a Linux client, which takes it up, or is told to ask for 8192 all the same (FIELD row 18)',
  { skip: unmet(LINUX_CLIENT), timeout: TEST_TIMEOUT },
  async (t) => {
    const scratch = mkdtempSync(join(tmpdir(), 'magma-transfer-'));
    t.teardown(() => rmSync(scratch, { recursive: true, force: true }));
    const namespace = makeNamespace(t, 'transfer');
    await startInNamespace(t, namespace, scratch, ['/ * w no_root_squash,tsize=1024']);
    await watchedClient(t, scratch, [['transfer.py', '1024']], { protocol: 'udp', namespace });
    const options = 'rsize=8192,wsize=8192';
    await watchedClient(t, scratch, [['transfer.py', '8192']], { protocol: 'udp', namespace, options });
    await watchedClient(t, scratch, [['transfer.py', '8192']], { protocol: 'tcp', namespace, options });
  },
);
