import { existsSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { NumberedFiles } from './lib/files.ts';
import { at, magma, scratch, startVolcano, twoVolcanos, whole } from './lib/ring.ts';
import { soundOnline } from './lib/sound.ts';

/* Real processes: a volcano's disk is gone for good, and an empty one takes its place (issue 6). */

const FILES = 20;

t.test(
  'A volcano comes back with an empty disk: refused with the cure; magma dead; it joins under the same nickname and is filled anew; its old disk is of no use (issue 6, Away for good)',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const more = ['--failover', '3'];
    const [first, second] = await twoVolcanos(t, directory, more);
    const { nfs, root } = await client(t, first);
    const files = new NumberedFiles(nfs, root);
    await files.make(FILES);
    const alive = await magma(['dead', '--yes', ...at(first), 'gromit']);
    t.match(alive, { status: 1, stderr: /gromit answers: it is not dead. Cure: stop it first/ });
    const keeper = await magma(['dead', '--yes', ...at(second), 'wallace']);
    t.match(keeper, { status: 1, stderr: /wallace keeps the register of the maps/ });
    t.match(await magma(['dead', ...at(first), 'gromit']), { status: 2, stderr: /Cure: --yes/ });
    t.match(await magma(['dead', '--yes', ...at(first), 'shaun']), { status: 1, stderr: /no volcano shaun/ });

    await second.volcano.kill();
    const old = join(directory, 'old');
    renameSync(second.volcano.directory, old);
    const again = { nickname: 'gromit', more };
    const refused = await startVolcano(t, directory, again, first).catch((error: Error) => error.message);
    t.match(
      refused,
      /the nickname gromit is in use by another volcano: .*If that one is gone for good, and this one is to take its place: magma dead gromit/,
    );
    t.notOk(existsSync(join(second.volcano.directory, 'network')));
    const dead = await magma(['dead', '--yes', ...at(first), 'gromit']);
    t.match(dead, { status: 0, stdout: /gromit is none of the network any more/ }, dead.stderr);
    const ring = await magma(['ring', '--json', ...at(first)]);
    t.equal(JSON.parse(ring.stdout).volcanos.length, 1);

    const third = await startVolcano(t, directory, again, first);
    await whole(t, at(first), 2);
    await files.check(t, await client(t, third));
    await soundOnline(t, at(first));

    const { flarePort, nodePort } = second;
    const flags = ['-i', '127.0.0.1', '-p', `${flarePort}`, '--node-port', `${nodePort}`];
    const returned = { ...again, directory: old, entry: [], flags };
    t.match(
      await startVolcano(t, directory, returned, first).catch((error: Error) => error.message),
      /ended with status 1[\s\S]*gromit is no volcano of network \w+ any more: it has left, or was declared dead.*start with an empty one/,
    );
    for (const { volcano } of [third, first]) t.equal(await volcano.stop(), 0);
  },
);
