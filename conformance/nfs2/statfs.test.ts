import t from 'tap';
import { BLOCKS_END, blockFigures } from '../../src/nfs2/statfs.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.18: STATFS tells the room', async (t) => {
  const { root, top } = await makeWorld({ store: { totalBytes: 1_000_000 } });
  const { handle } = must(await root.create(top, 'f', {}));
  must(await root.write(handle, 0, Buffer.alloc(8192)));
  t.same(must(await root.statfs(handle)), { tsize: 8192, bsize: 4096, blocks: 244, bfree: 242, bavail: 242 });
});

t.test('quirk 21: the block size grows until the number of blocks is below 2^31', async (t) => {
  for (const totalBytes of [2 ** 43 - 1, 2 ** 43, 2 ** 50, 2 ** 60]) {
    const figures = blockFigures({ totalBytes, freeBytes: totalBytes, availableBytes: totalBytes, flares: 1 }, null);
    t.ok(figures.blocks < BLOCKS_END && figures.bfree < BLOCKS_END);
    t.ok(figures.blocks * figures.bsize > totalBytes * 0.999);
  }
});

t.test('quirk 21: a rule can pretend a size', async (t) => {
  const { root, top } = await makeWorld({ rules: ['/ * w no_root_squash,size=1900M'] });
  const { bsize, blocks, bfree } = must(await root.statfs(top));
  t.same([bsize * blocks, bsize * bfree], [1900 * 2 ** 20, 1900 * 2 ** 20]);
});
