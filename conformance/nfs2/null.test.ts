import t from 'tap';
import { makeWorld } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.1, §2.2.4, §2.2.8: NULL, ROOT and WRITECACHE answer with nothing', async (t) => {
  const { root } = await makeWorld();
  for (const answer of [await root.null(), await root.root(), await root.writecache()]) t.equal(answer.length, 0);
});
