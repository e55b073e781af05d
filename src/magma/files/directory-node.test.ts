import t from 'tap';
import { DirectoryNode } from './directory-node.ts';

t.test('a directory is finished once, after all that is in it, and before the one above it', async (t) => {
  const finished: string[] = [];
  const node = (name: string, parent: DirectoryNode | null) =>
    new DirectoryNode(parent, async () => {
      finished.push(name);
      if (name === 'broken') throw new Error('it is gone');
    });
  const top = node('top', null);
  const inner = node('inner', top);
  const broken = node('broken', top);
  inner.begin();
  inner.begin();
  await top.end();
  await inner.end();
  await inner.end();
  t.same(finished, []);
  await inner.end();
  t.same(finished, ['inner']);
  await t.rejects(broken.end(), /it is gone/);
  t.same(finished, ['inner', 'broken', 'top'], 'one that cannot be finished holds nobody up');
});
