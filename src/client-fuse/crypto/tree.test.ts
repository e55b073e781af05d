import t from 'tap';
import { systemRandom } from '../../base/random.ts';
import { parseConf } from './conf.ts';
import { parseHeader } from './contents.ts';
import { MasterKey } from './keys.ts';
import { openRead, planRead } from './reads.ts';
import { CONF, DIRECTORY_IV, LINK, LONG, MASTER_KEY, PLAIN } from './testing/gocryptfs-tree.ts';
import { cipherTree } from './tree.ts';

const tree = cipherTree(MasterKey.parse(MASTER_KEY), parseConf(Buffer.from(CONF)), systemRandom);

t.test('names of a tree that gocryptfs made: the same in both directions', async (t) => {
  const name = Buffer.from('plain');
  t.same(tree.names.encrypt(name, DIRECTORY_IV), { entry: PLAIN.entry, long: null });
  t.same(tree.names.entry(Buffer.from(PLAIN.entry), DIRECTORY_IV, true), { kind: 'name', name });

  const long = Buffer.from('n'.repeat(200));
  const nameEntry = `${LONG.entry}.name`;
  const contents = Buffer.from(LONG.name);
  t.same(tree.names.encrypt(long, DIRECTORY_IV), { entry: LONG.entry, long: { entry: nameEntry, contents } });
  t.same(tree.names.entry(Buffer.from(LONG.entry), DIRECTORY_IV, true), { kind: 'long', nameEntry });
  t.same(tree.names.longName(Buffer.from(LONG.entry), contents, DIRECTORY_IV), { name: long });
});

t.test('contents and a symlink that gocryptfs wrote', async (t) => {
  const plan = planRead(PLAIN.contents.length, 0, 100)!;
  const { offset, length } = plan.cipher;
  const blocks = PLAIN.contents.subarray(offset, offset + length);
  t.equal(openRead(tree.contents, parseHeader(PLAIN.contents), plan, blocks).toString(), 'magma');
  t.equal(tree.targets.decrypt(Buffer.from(LINK.target)).toString(), '../target');
  t.match(tree.names.entry(Buffer.from(LINK.entry), DIRECTORY_IV, true), { name: Buffer.from('link') });
});

t.test('a wiped master key does not harm the tree that was made of it', async (t) => {
  const master = MasterKey.parse(MASTER_KEY);
  const other = cipherTree(master, parseConf(Buffer.from(CONF)), systemRandom);
  master.wipe();
  t.equal(other.names.encrypt(Buffer.from('plain'), DIRECTORY_IV).entry, PLAIN.entry);
  t.equal(other.targets.decrypt(Buffer.from(LINK.target)).toString(), '../target');
});
