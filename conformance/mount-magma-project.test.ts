import t from 'tap';
import { encrypted, init, TREES, treesOf, unmount } from './lib/magma-trees.ts';
import { cloneAndBuild } from './lib/mount-work.ts';
import { unmet } from './lib/requirements.ts';
import { long, TEST_TIMEOUT } from './lib/seed.ts';
import { scratch, threeVolcanos } from './ring-real/lib/ring.ts';
import { soundRing } from './ring-real/lib/sound.ts';

t.test(
  'a ring of three: a project is cloned, built, committed to and packed on an encrypted mount; the copies are equal afterwards',
  { timeout: TEST_TIMEOUT, skip: unmet(TREES) || (!long && 'only in test:long') },
  async (t) => {
    const ring = await threeVolcanos(t, scratch(t));
    const made = await treesOf(t, ring[0], 'tree');
    await init(t, made, 'tree');
    const client = await encrypted(t, made, 'tree', ring);
    await cloneAndBuild(t, client.target);
    await unmount(t, client);
    await soundRing(t, ring);
  },
);
