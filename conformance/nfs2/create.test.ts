import t from 'tap';
import { STAT } from '../../src/nfs2/errors.ts';
import { UNSET } from '../../src/nfs2/schema.ts';
import { makeWorld, must } from '../lib/nfs2-world.ts';

t.test('RFC 1094 §2.2.10: CREATE makes a file, or opens and cuts the one that is there', async (t) => {
  const { root, top } = await makeWorld();
  const made = must(await root.create(top, 'f', { mode: 0o100644, size: 3 }));
  t.match(made.attributes, { type: 1, mode: 0o100644, size: 3 });
  const opened = must(await root.create(top, 'f', { mode: 0o600 }));
  t.match(opened, { handle: made.handle, attributes: { mode: 0o100644, size: 3 } });
  t.equal(must(await root.create(top, 'f', { size: 0 })).attributes.size, 0);
});

t.test('names that are there in every directory, and directories, are NFSERR_EXIST', async (t) => {
  const { root, top } = await makeWorld();
  must(await root.mkdir(top, 'd', {}));
  for (const name of ['.', '..', 'd']) t.equal((await root.create(top, name, {})).status, STAT.EXIST);
  t.equal((await root.create(top, 'x'.repeat(256), {})).status, STAT.NAMETOOLONG);
  t.equal((await root.create(top, 'a/b', {})).status, STAT.INVAL);
});

t.test('quirk 8: CREATE without a type in mode makes a file, or opens what is there', async (t) => {
  const { root, top } = await makeWorld();
  t.match(must(await root.create(top, 'f', { mode: 0o640 })).attributes, { type: 1, mode: 0o100640 });
  must(await root.create(top, 'null', { mode: 0o020666, size: 0x103 }));
  t.match(must(await root.create(top, 'null', { mode: 0o644, size: 0 })).attributes, { type: 4, rdev: 0x103 });
});

t.test('quirk 9: CREATE on an existing device or fifo succeeds and touches nothing', async (t) => {
  const { root, as, top } = await makeWorld();
  const device = must(await root.create(top, 'null', { mode: 0o020666, size: 0x103 }));
  const fifo = must(await root.create(top, 'fifo', { mode: 0o010644 }));
  t.same(must(await as({ uid: 1 }).create(top, 'null', { mode: 0o100644, size: 0 })), device);
  t.same(must(await as({ uid: 1 }).create(top, 'fifo', { mode: 0o100644, size: 0 })), fifo);
});

t.test('quirk 10: format bits in the mode say the type, the size the device number', async (t) => {
  const { root, top } = await makeWorld();
  const make = async (name: string, mode: number, size: number) =>
    must(await root.create(top, name, { mode, size })).attributes;
  t.match(await make('chr', 0o020600, 0x0401), { type: 4, mode: 0o020600, rdev: 0x0401, size: 0 });
  t.match(await make('blk', 0o060600, 0x0800), { type: 3, mode: 0o060600, rdev: 0x0800 });
  t.match(await make('wide', 0o020600, 0x12345678), { type: 4, rdev: 0x12345678 });
  for (const [name, mode, size] of [
    ['fifo1', 0o020644, UNSET],
    ['fifo2', 0o020644, 0xffff],
    ['fifo3', 0o010644, UNSET],
  ] as const)
    t.match(await make(name, mode, size), { type: 4, mode: 0o020644, rdev: UNSET, size: 0 }, name);
  t.match(await make('sock', 0o140600, UNSET), { type: 0, mode: 0o140600 });
  t.equal((await root.create(top, 'bad', { mode: 0o040755 })).status, STAT.INVAL);
  t.equal((await root.create(top, 'bad', { mode: 0o170000 })).status, STAT.INVAL);
  must(await root.create(top, 'f', {}));
  t.equal((await root.create(top, 'f', { mode: 0o020600, size: 1 })).status, STAT.EXIST);
});

t.test('devices are made by root alone', async (t) => {
  const { as, top } = await makeWorld();
  t.equal((await as({ uid: 1 }).create(top, 'chr', { mode: 0o020600, size: 1 })).status, STAT.PERM);
  t.equal((await as({ uid: 1 }).create(top, 'fifo', { mode: 0o020600 })).status, 0);
});

t.test('a retransmitted CREATE gets the first answer, and does not bring back what was removed since', async (t) => {
  const { as, root, top } = await makeWorld();
  const once = as({ xid: 9 });
  const first = must(await once.create(top, 'f', {}));
  must(await root.remove(top, 'f'));
  t.same(must(await once.create(top, 'f', {})), first);
  t.equal((await root.lookup(top, 'f')).status, STAT.NOENT);
});
