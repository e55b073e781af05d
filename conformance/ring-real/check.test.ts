import t from 'tap';
import { openDisk } from '../../src/base/system-disk.ts';
import { openStore } from '../../src/flare/store/open.ts';
import type { Caller } from '../../src/flare/types.ts';
import { TEST_TIMEOUT } from '../lib/seed.ts';
import { client } from './lib/client.ts';
import { NumberedFiles } from './lib/files.ts';
import { at, magma, scratch, startVolcano, twoVolcanos } from './lib/ring.ts';

const ROOT: Caller = { uid: 0, gid: 0, gids: [] };

/** Changes a file in a data directory behind the ring's back. */
async function changeMode(directory: string, name: string, mode: number): Promise<boolean> {
  const store = await openStore({ disk: await openDisk(directory) });
  try {
    // As if it were alone: what it holds as a mirror as well.
    store.serve(null);
    const file = await store.lookup(ROOT, store.root(), name);
    await store.setattr(ROOT, file, { mode });
    return true;
  } finally {
    await store.close();
  }
}

t.test(
  'magma check of a ring: sound as it was left; a mirror that is behind is said; one that holds something else is a problem',
  { timeout: TEST_TIMEOUT },
  async (t) => {
    const directory = scratch(t);
    const [first, second] = await twoVolcanos(t, directory);
    const { nfs, root } = await client(t, first);
    await new NumberedFiles(nfs, root).make(20);
    const status = await magma(['status', '--json', ...at(first), 'gromit']);
    t.match(JSON.parse(status.stdout), { nickname: 'gromit', state: 'serving', figures: { flares: Number } });
    const online = await magma(['check', '--ring', '--json', ...at(second)]);
    t.match(JSON.parse(online.stdout), { sound: true, volcanos: 2, copies: 256, problems: [] });
    // Without who keeps the maps both stay mirrors of each other, however long the other one is looked at.
    await first.volcano.stop();
    const degraded = await magma(['ring', ...at(second)]);
    t.match(degraded, { status: 1, stdout: /wallace .* no\n.*\nwallace: wallace did not answer: .*ECONNREFUSED/s });
    await second.volcano.stop();

    const directories = [first.volcano.directory, second.volcano.directory];
    const sound = await magma(['check', '--json', ...directories]);
    t.equal(sound.status, 0, sound.stdout + sound.stderr);
    t.match(JSON.parse(sound.stdout), { sound: true, ring: { volcanos: 2, problems: [], faults: [] } });

    const one = await magma(['check', directories[0]!]);
    t.match(one, { status: 0, stdout: /notice: it is of one of 2 volcanos: give all their directories/ });

    await changeMode(directories[0]!, 'f0', 0o600);
    const behind = await magma(['check', ...directories]);
    t.match(behind, { status: 0, stdout: /notice: slice \d+: \w+, a mirror of \w+, is 1 records (behind|ahead)/ });
    await changeMode(directories[1]!, 'f0', 0o640);
    const wrong = await magma(['check', ...directories]);
    t.match(wrong, { status: 1, stdout: /PROBLEM: slice \d+: \w+, a mirror of \w+, does not have the same: / });

    const stranger = await startVolcano(t, directory, {
      nickname: 'stranger',
      key: undefined,
      flags: ['-i', '127.0.0.1'],
    });
    await stranger.volcano.stop();
    const mixed = await magma(['check', directories[0]!, stranger.volcano.directory]);
    t.match(mixed, { status: 1, stderr: /stranger is of a volcano that is alone: check it alone/ });
  },
);
