import * as fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { encrypted, init, TREES, trees, unmount } from './lib/magma-trees.ts';
import { manyFiles, randomIo, sharedBlocks, sharedFiles, sqliteAdders } from './lib/mount-work.ts';
import { unmet } from './lib/requirements.ts';
import { long, TEST_TIMEOUT } from './lib/seed.ts';
import { at, scratch, startVolcano, whole } from './ring-real/lib/ring.ts';

/* Encrypted mounts of a ring of two volcanos, each mount through another one. */

const options = { skip: unmet(TREES), timeout: TEST_TIMEOUT };

t.test('a ring of two: trees, random I/O, SQLite, and two encrypted mounts of the same files', options, async (t) => {
  const made = await trees(t, 'tree');
  const second = await startVolcano(t, scratch(t), { nickname: 'gromit' }, made.volcano);
  await whole(t, at(made.volcano), 2);
  await init(t, made, 'tree');
  const one = await encrypted(t, made, 'tree');
  const other = await encrypted(t, made, 'tree', [second]);
  for (const directory of ['many', 'io', 'delete', 'wal', 'shared']) fs.mkdirSync(join(one.target, directory));
  await manyFiles(t, join(one.target, 'many'), long ? 50 : 25);
  await randomIo(t, join(other.target, 'io'), long ? 20_000 : 1000);
  // Over both mounts, as on two machines; WAL has its index in memory that only processes of one machine share.
  const both = [one, other].map(({ target }) => join(target, 'delete'));
  await sqliteAdders(t, both, 'delete');
  await sqliteAdders(t, [join(other.target, 'wal')], 'wal');
  await sharedFiles(t, join(one.target, 'shared'), join(other.target, 'shared'));
  await sharedBlocks(t, join(one.target, 'shared'), join(other.target, 'shared'));
  await unmount(t, one);
  await unmount(t, other);
});
