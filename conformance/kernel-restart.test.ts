import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { appears } from './lib/appears.ts';
import { volcanoInNamespace, watchedClient } from './lib/kernel-suite.ts';
import { LINUX_CLIENT, unmet } from './lib/requirements.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';

const ROUNDS = 4;

async function restarts(t: Test, protocol: 'udp' | 'tcp'): Promise<void> {
  const { volcano, namespace, scratch } = await volcanoInNamespace(t, `restart-${protocol}`);
  const control = join(scratch, 'control');
  mkdirSync(control);
  const client = watchedClient(t, scratch, [['restarts.py', `${ROUNDS}`]], {
    protocol,
    namespace,
    control,
    options: 'timeo=10,retrans=5,acregmax=3',
  });
  for (let round = 0; round < ROUNDS; round++) {
    if (!(await appears(control, `asked-${round}`, client))) break;
    if (round % 2 === 0) await volcano.kill();
    else t.equal(await volcano.stop(), 0, 'SIGTERM ends it with status 0');
    await volcano.start();
    writeFileSync(join(control, `done-${round}`), '');
  }
  await client;
}

for (const protocol of ['udp', 'tcp'] as const) {
  t.test(
    `over ${protocol}, kill -9 and restarts under a Linux client: no call fails, open files go on, no ESTALE (RFC 1094 §2.1: the server is stateless)`,
    { skip: unmet(LINUX_CLIENT), timeout: TEST_TIMEOUT },
    (t) => restarts(t, protocol),
  );
}
