import t from 'tap';
import type { Disk } from '../../base/disk.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import type { IndexHost } from '../index/types.ts';
import type { Key } from '../types.ts';
import { KEYS_LEARNED, LEARN_MS } from './known-keys.ts';
import { checkSound, DIRECTORY, FILE, ROOT, testStore } from './testing/harness.ts';

t.test(
  'The index is not asked for what cannot be there: keys of newborns, names of a directory that is in memory',
  async (t) => {
    let asked = 0;
    const indexHost = async ({ disk }: { disk: Disk }): Promise<IndexHost> => {
      const host = await inlineIndexHost({ disk });
      const { reader } = host;
      const flare = reader.flare.bind(reader);
      const entry = reader.entry.bind(reader);
      reader.flare = (key: Key) => {
        asked++;
        return flare(key);
      };
      reader.entry = (directory, name) => {
        asked++;
        return entry(directory, name);
      };
      return host;
    };
    const options = { indexHost, limits: { cacheBytes: 10_000_000 }, segmentBytes: 1024 * 1024 };
    const { store, disk, clock } = await testStore(options);
    const root = store.root();
    const before = asked;
    const directory = await store.create(ROOT, root, 'd', DIRECTORY);
    for (let at = 0; at < KEYS_LEARNED * 2; at++) await store.create(ROOT, directory, `f${at}`, FILE);
    t.equal(asked, before);
    const moved = await store.lookup(ROOT, directory, 'f7');
    await store.rename(ROOT, directory, 'f7', root, 'elsewhere');
    await store.close();

    const again = await testStore({ ...options, disk, clock });
    asked = 0;
    await again.store.create(ROOT, directory, 'one', FILE);
    t.ok(asked > 0, 'what was there before the start is not known yet');
    clock.advance(LEARN_MS * 4);
    const other = await again.store.create(ROOT, root, 'e', DIRECTORY);
    asked = 0;
    for (let at = 0; at < 100; at++) await again.store.create(ROOT, other, `g${at}`, FILE);
    t.equal(asked, 0, 'now it is');
    const reborn = await again.store.create(ROOT, directory, 'f7', FILE);
    t.not(reborn.key, moved.key, 'a key that is held is found, and salted');
    await again.store.close();
    await checkSound(t, disk, 'sound');
  },
);
