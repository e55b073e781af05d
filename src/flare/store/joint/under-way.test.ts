import t from 'tap';
import { BusyError } from '../../joint.ts';
import type { Caller } from '../../types.ts';
import { FILE, ROOT, statusOf, testStore } from '../testing/harness.ts';

t.test(
  'while a call is worked out with others, another copy of it is not done, though all of it lies here by now; it waits for the answer of the first (docs/ring-failover.md, "a call is done once")',
  async (t) => {
    const { store } = await testStore({});
    const { joint } = store;
    const root = store.root();
    const first: Caller = { ...ROOT, replay: 'client 0 8' };
    const copy: Caller = { ...first };
    t.ok(joint.begin(first));
    t.notOk(joint.begin(copy), 'one at a time');
    const refused = await (async () => store.create(copy, root, 'a', FILE))().catch((error: unknown) => error);
    t.ok(refused instanceof BusyError, `${refused}`);
    t.equal(await statusOf(() => store.lookup(ROOT, root, 'a')), 'NOENT', 'nothing was done');
    joint.end(copy);
    t.notOk(joint.begin(copy), 'nobody ends it but who has begun it');
    const made = await store.create(first, root, 'a', FILE);
    joint.end(first);
    t.notOk(joint.begin(copy), 'it was answered meanwhile');
    t.same((await store.create(copy, root, 'a', FILE)).fileid, made.fileid, 'the first answer');
    t.equal(await statusOf(() => store.create({ ...ROOT, replay: 'client 1 1' }, root, 'a', FILE)), 'EXIST');
    await store.close();
  },
);
