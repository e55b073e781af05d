import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { LONG } from '../../src/base/testing/seed.ts';
import { MOUNT_MAGMA } from '../lib/magma-mounts.ts';
import { run } from '../lib/run.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { NumberedFiles } from './lib/files.ts';
import { at, magma, scratch, threeVolcanos } from './lib/ring.ts';

/* Real processes: a client's key is revoked, and the network's key is changed, under load (docs/operating.md, "Keys"). */

t.test(
  'A client is let in no more while others go on; the network gets another key while a client writes, and the old one is shown, and then refused',
  // Minutes on a busy machine: what it shows of processes is shown on virtual time in src/dht/keys.
  { skip: LONG ? false : 'only in test:long', timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const [first, second, third] = await threeVolcanos(t, directory);
    const { nfs, root } = await client(t, first);
    const files = new NumberedFiles(nfs, root).begin();

    const target = join(directory, 'mnt');
    mkdirSync(target);
    /** What `mount.magma` says of a path that is not there: whoever is let in hears that it is not. */
    const mounting = (key: string) => {
      const words = ['--foreground', '127.0.0.1:/nothing', target, '-o', `plain,port=${second.flarePort}`];
      return run(MOUNT_MAGMA, words, { env: { PATH: process.env.PATH ?? '', MAGMA_KEY: key } });
    };
    const letIn = { status: 32, stderr: /nothing cannot be mounted/ };
    const printed = async (...more: string[]): Promise<string> => (await magma(['key', 'client', ...more])).stdout;
    const [laptop, desktop] = [await printed(...at(first), 'laptop'), await printed(...at(second), 'desktop')];
    const revoked = await magma(['key', 'revoke', '--json', ...at(third), 'laptop']);
    t.match(revoked, { status: 0 }, revoked.stderr);
    t.same(JSON.parse(revoked.stdout), { name: 'laptop', number: 1, problems: [] });
    t.match(await mounting(laptop), {
      status: 1,
      stderr:
        /does not let this client in: the key of laptop \(number 1\) was revoked\. Cure: `magma key client laptop`/,
    });

    const file = join(directory, 'new-key');
    const rotate = ['key', 'rotate', '--json', '--yes', '--new-key-file', file];
    const rotated = await magma([...rotate, ...at(first)]);
    t.match(rotated, { status: 0 }, rotated.stdout + rotated.stderr);
    t.match(JSON.parse(rotated.stdout), { number: 2, away: [] });
    t.equal(statSync(file).mode & 0o777, 0o600);
    t.match(
      await mounting(desktop),
      letIn,
      'who has another key than the revoked one, and the old one is still let in',
    );
    t.match(await magma(['ring', ...at(third)]), {
      stdout: /the old key of the network is let in until 20[0-9-]+T[0-9:]+Z; a client calls with it/,
    });
    const withNew = await printed(...at(first), '--key-file', file, 'desktop');
    t.match(await mounting(withNew), letIn);
    const list = await magma(['key', 'list', ...at(first)]);
    t.match(list, { status: 0 }, list.stderr);
    t.match(list.stdout, /^desktop \(number 1\) +127\.0\.0\.1 .*with the old key$/m);
    t.match(list.stdout, /^desktop \(number 1\) +127\.0\.0\.1 .*let in$/m);
    t.match(list.stdout, /^laptop \(number 1\) +20[0-9-]+T[0-9:]+Z$/m);

    t.match(await magma(['key', 'rotate', '--end', '--yes', ...at(second)]), { status: 0 });
    for (let told = await magma(['ring', ...at(second)]); told.status === 0; )
      told = await magma(['ring', ...at(second)]);
    t.match(await mounting(desktop), {
      status: 1,
      stderr: /does not take this key \(desktop \(number 1\).*it knows none of that name, or lets it in no more/,
    });
    t.match(await mounting(withNew), letIn);
    // Its configuration says the old key still; its data directory has the new one, and that no other is let in.
    await third.volcano.says(/a key of the network is let in no more/);
    await third.volcano.stop();
    await third.volcano.start();
    t.ok((await files.end()) > 0, 'no call has failed meanwhile');
    await files.check(t, { nfs, root });
    await second.volcano.stop();
    t.match(second.volcano.log, /a client was refused: the key of laptop \(number 1\) was revoked/);
    t.match(second.volcano.log, /desktop \(number 1\) has an old key of the network, which is let in no more/);
    t.match(third.volcano.log, /given is an old one of the network/);
    const secret = readFileSync(file, 'utf8').trim();
    for (const { volcano } of [first, second, third]) t.notOk(volcano.log.includes(secret), 'no key is in a log');
  },
);
