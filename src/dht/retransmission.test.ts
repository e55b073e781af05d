import t from 'tap';
import { DIRECTORY, FILE, ROOT, statusOf } from '../flare/store/testing/harness.ts';
import { FlareType } from '../flare/types.ts';
import { NearRing } from './testing/near-ring.ts';

t.test(
  'a call that was refused, or had nothing to do, gives the same answer when it comes again by another volcano',
  async (t) => {
    const ring = await NearRing.open({ volcanos: 3, seed: 5 });
    const root = ring.root();
    const [first, second] = [ring.volcanos[0]!.router, ring.volcanos[1]!.router];
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    for (const name of names) {
      const there = await ring.during(Promise.resolve(first.create(ROOT, root, name, FILE)));
      const refused = { ...ROOT, replay: `refused ${name}` };
      const opened = { ...ROOT, replay: `opened ${name}` };
      const link = { ...ROOT, replay: `nothing to do ${name}` };
      const create = (by: typeof first) => ring.during(statusOf(() => by.create(refused, root, name, DIRECTORY)));
      const open = (by: typeof first) =>
        ring.during(Promise.resolve(by.create(opened, root, name, FILE, { existing: 'open' })));
      await ring.during(Promise.resolve(first.link(ROOT, there, root, `${name}2`)));
      t.equal(await create(first), 'EXIST');
      t.same((await open(first)).fileid, there.fileid);
      await ring.during(Promise.resolve(first.rename(link, root, name, root, `${name}2`)));
      await ring.during(Promise.resolve(first.remove(ROOT, root, name)));
      t.equal(await create(second), 'EXIST', 'though the name is free by now');
      t.same((await open(second)).fileid, there.fileid);
      await ring.during(Promise.resolve(second.rename(link, root, name, root, `${name}2`)));
      t.equal(await ring.during(statusOf(() => first.lookup(ROOT, root, name))), 'NOENT', 'nothing was done');
      t.equal(there.type, FlareType.file);
    }
    await ring.settled();
    await ring.close();
  },
);
