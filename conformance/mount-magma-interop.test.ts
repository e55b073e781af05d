import { lstatSync, mkdirSync, readdirSync, readlinkSync, rmdirSync, symlinkSync, unlinkSync } from 'node:fs';
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

t.test('the longest targets, and names that one makes while the other looks on', options, async (t) => {
  const made = await trees(t, 'both');
  await init(t, made, 'both');
  const ours = await encrypted(t, made, 'both');
  const longest = `${'d/'.repeat(1519)}e`;
  await gocryptfs(t, join(made.plain, 'both')).mounted(PASSPHRASE, (theirs) => {
    for (const [from, to] of [
      [ours.target, theirs],
      [theirs, ours.target],
    ] as const) {
      symlinkSync(longest, join(from, 'link'));
      t.equal(readlinkSync(join(to, 'link')), longest);
      t.equal(lstatSync(join(to, 'link')).size, longest.length);
      const name = 'n'.repeat(240);
      mkdirSync(join(from, 'empty'));
      mkdirSync(join(from, name));
      t.same(readdirSync(join(to, name)), []);
      t.same(readdirSync(to).sort(), ['empty', 'link', name].sort());
      rmdirSync(join(to, name));
      rmdirSync(join(to, 'empty'));
      unlinkSync(join(to, 'link'));
      t.same(readdirSync(join(made.plain, 'both')).sort(), ['gocryptfs.conf', 'gocryptfs.diriv'], 'nothing is left');
    }
  });
  t.throws(() => symlinkSync(`${longest}f`, join(ours.target, 'link')), { code: 'ENAMETOOLONG' });
  await unmount(t, ours);
});
