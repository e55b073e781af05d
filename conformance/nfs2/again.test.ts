import t from 'tap';
import { parseRule } from '../../src/acl/rule.ts';
import { STAT } from '../../src/nfs2/errors.ts';
import type { Nfs2Client } from '../lib/nfs2-client.ts';
import { makeWorld, must, type World } from '../lib/nfs2-world.ts';

const rules = (...lines: string[]) => lines.map((line, at) => parseRule(line, `rules:${at + 1}`));

/** What each changing procedure is asked, in a directory `d` with a file `f` in it. */
const CHANGES: Readonly<Record<string, (client: Nfs2Client, d: Buffer, f: Buffer) => Promise<object>>> = {
  SETATTR: (client, _d, f) => client.setattr(f, { mode: 0o600 }),
  WRITE: (client, _d, f) => client.write(f, 0, 'bytes'),
  CREATE: (client, d) => client.create(d, 'new', { mode: 0o640 }),
  MKDIR: (client, d) => client.mkdir(d, 'new', { mode: 0o750 }),
  SYMLINK: (client, d) => client.symlink(d, 'new', 'target'),
  REMOVE: (client, d) => client.remove(d, 'f'),
  RMDIR: (client, d) => client.rmdir(d, 'inner'),
  RENAME: (client, d) => client.rename(d, 'f', d, 'g'),
  LINK: (client, d, f) => client.link(f, d, 'g'),
};

async function prepared(world: World): Promise<{ d: Buffer; f: Buffer }> {
  const d = must(await world.root.mkdir(world.top, 'd', { mode: 0o777 })).handle;
  must(await world.root.mkdir(d, 'inner', {}));
  return { d, f: must(await world.root.create(d, 'f', { mode: 0o666 })).handle };
}

for (const [name, ask] of Object.entries(CHANGES)) {
  t.test(`${name} sent again under rules that allow no changes any more: the first answer`, async (t) => {
    const world = await makeWorld();
    const { d, f } = await prepared(world);
    const once = world.as({ xid: 77 });
    const first = await ask(once, d, f);
    t.match(first, { status: 0 });
    await world.shares.reload(rules('/ * r no_root_squash'));
    t.same(await ask(once, d, f), first);
    t.match(await ask(world.root, d, f), { status: STAT.ROFS }, 'another call is refused');
    t.match(await ask(world.as({ xid: 77, port: 701 }), d, f), { status: STAT.ROFS }, 'and one from elsewhere');
  });

  t.test(`${name} sent again by one whom the rules do not let in any more: NFSERR_ACCES`, async (t) => {
    const world = await makeWorld();
    const { d, f } = await prepared(world);
    const once = world.as({ xid: 77 });
    t.match(await ask(once, d, f), { status: 0 });
    await world.shares.reload(rules('/ * n'));
    t.match(await ask(once, d, f), { status: STAT.ACCES });
  });
}

t.test(
  'RENAME and RMDIR sent again when a directory of that name carries rules by now: the first answer',
  async (t) => {
    const world = await makeWorld();
    const { d } = await prepared(world);
    const moves = world.as({ xid: 77 });
    const removes = world.as({ xid: 78 });
    must(await moves.rename(d, 'inner', d, 'moved'));
    must(await world.root.mkdir(d, 'inner', {}));
    must(await removes.rmdir(d, 'inner'));
    await world.shares.reload(rules('/ * w no_root_squash', '/d/inner * w no_root_squash'));
    t.match(await moves.rename(d, 'inner', d, 'moved'), { status: 0 });
    t.match(await removes.rmdir(d, 'inner'), { status: 0 });
    t.match(await world.root.rmdir(d, 'inner'), { status: STAT.XDEV }, 'another call is refused');
  },
);

t.test('what is gone is shown as the rule of its place showed it', async (t) => {
  const world = await makeWorld({ rules: ['/ * w no_root_squash', '/d * w all_squash,report_uid,noclamp'] });
  const root = { uid: 0, gid: 0, gids: [] };
  world.store.setattr(root, world.store.lookup(root, world.store.root(), 'd'), { mode: 0o777 });
  const d = must(await world.root.lookup(world.top, 'd')).handle;
  const once = world.as({ xid: 77, uid: 1000, gid: 100 });
  const big = { mode: 0o644, size: 2 ** 31 + 5 };
  const first = await once.create(d, 'f', big);
  t.match(must(first).attributes, { uid: 1000, gid: 100, size: 2 ** 31 + 5 });
  must(await world.as({ uid: 1000, gid: 100 }).remove(d, 'f'));
  await world.shares.reload(rules('/ * w no_root_squash', '/d * r all_squash,report_uid,noclamp'));
  t.same(await once.create(d, 'f', big), first);
});

t.test(
  "with its directory gone as well, and nothing remembered of that, the rule of the handle's share decides",
  async (t) => {
    const world = await makeWorld();
    const { d, f } = await prepared(world);
    const once = world.as({ xid: 77 });
    const first = await once.setattr(f, { mode: 0o600 });
    const made = await world.as({ xid: 78 }).create(d, 'new', {});
    for (const name of ['f', 'new']) must(await world.root.remove(d, name));
    must(await world.root.rmdir(d, 'inner'));
    must(await world.root.rmdir(world.top, 'd'));
    await world.shares.reload(rules('/ * w no_root_squash'));
    t.same(await once.setattr(f, { mode: 0o600 }), first);
    t.same(await world.as({ xid: 78 }).create(d, 'new', {}), made, 'the handle is of the same share');
    await world.shares.reload(rules('/ * n'));
    t.match(await once.setattr(f, { mode: 0o600 }), { status: STAT.ACCES });
  },
);

t.test('CREATE that was NFSERR_EXIST for what had the name is so again when that is gone', async (t) => {
  const world = await makeWorld();
  const { d } = await prepared(world);
  must(await world.root.symlink(d, 's', 'target'));
  const once = world.as({ xid: 77 });
  t.match(await once.create(d, 's', {}), { status: STAT.EXIST });
  for (const name of ['f', 's']) must(await world.root.remove(d, name));
  must(await world.root.rmdir(d, 'inner'));
  must(await world.root.rmdir(world.top, 'd'));
  t.match(await once.create(d, 's', {}), { status: STAT.EXIST });
});
