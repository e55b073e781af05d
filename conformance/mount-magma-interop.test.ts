import { join } from 'node:path';
import t from 'tap';
import { encrypted, gocryptfs, init, PASSPHRASE, TREES, trees, unmount } from './lib/magma-trees.ts';
import { unmet } from './lib/requirements.ts';
import { checkSampleTree, writeSampleTree } from './lib/sample-tree.ts';
import { TEST_TIMEOUT } from './lib/seed.ts';

/* Debian's gocryptfs over a plain mount, and an encrypted mount of the same ciphertext: all that the format has cases for, both ways. */

const options = { skip: unmet(TREES), timeout: TEST_TIMEOUT };

for (const longNameMax of [255, 62]) {
  t.test(`LongNameMax ${longNameMax}: gocryptfs and mount.magma show the same tree`, options, async (t) => {
    const made = await trees(t, 'ours', 'theirs');
    await init(t, made, 'ours', `--longnamemax=${longNameMax}`);
    const ours = await encrypted(t, made, 'ours');
    writeSampleTree(ours.target);
    checkSampleTree(t, ours.target);
    await unmount(t, ours);
    // Over a plain mount, and of a copy.
    await gocryptfs(t, join(made.plain, 'ours')).mounted(PASSPHRASE, (path) => checkSampleTree(t, path));
    t.equal(gocryptfs(t, join(made.plain, 'ours')).fsckCopy(PASSPHRASE), 0);

    const theirs = gocryptfs(t, join(made.plain, 'theirs'));
    theirs.init(PASSPHRASE, ...(longNameMax === 255 ? [] : ['-longnamemax', `${longNameMax}`]));
    await theirs.mounted(PASSPHRASE, (path) => writeSampleTree(path));
    const read = await encrypted(t, made, 'theirs');
    checkSampleTree(t, read.target);
    await unmount(t, read);
  });
}
