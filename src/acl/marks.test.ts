import t from 'tap';
import { silentLogger } from '../base/logger.ts';
import type { LocalStore } from '../flare/store/local-store.ts';
import { ALICE, BOB, DIRECTORY, FILE, ROOT, testStore } from '../flare/store/testing/harness.ts';
import type { Attributes, Usage } from '../flare/types.ts';
import type { Share } from './areas.ts';
import { AGAIN_MS, MARKED_NOTE, type MarkParts, ShareMarks } from './marks.ts';

/* What lay in a share before it was one counts there: docs/quotas.md, "What is counted". */

const shareOf = (number: number, directory: Attributes): Share => ({ number, path: `/${number}`, directory });
/** The store, but for some of its methods. */
function around(store: LocalStore, methods: Partial<MarkParts['service']>): MarkParts['service'] {
  return {
    getattr: (id) => store.getattr(id),
    setattr: (...args) => store.setattr(...args),
    readdir: (...args) => store.readdir(...args),
    lookup: (...args) => store.lookup(...args),
    ...methods,
  };
}

const files = (usage: Usage): number => usage.files;

t.test('A share begins: its directory is marked at once, what lies below in the background, once', async (t) => {
  const { store, clock } = await testStore();
  const open = { ...DIRECTORY, mode: 0o777 };
  const one = await store.create(ROOT, store.root(), 'one', open);
  const other = await store.create(ROOT, store.root(), 'other', open);
  const deep = await store.create(ALICE, one, 'deep', open);
  const many = await store.create(ALICE, deep, 'many', open);
  for (let at = 0; at < 100; at++) await store.create(ALICE, many, `f${at}`, FILE);
  const both = await store.create(BOB, one, 'both', FILE);
  await store.link(BOB, both, other, 'both');

  let looked = 0;
  const service = around(store, {
    lookup(...args) {
      looked++;
      return store.lookup(...args);
    },
  });
  const marks = new ShareMarks({ service, notes: store, clock, logger: silentLogger });
  await marks.begin([shareOf(1, one), shareOf(2, other)]);
  t.equal((await store.create(BOB, one, 'new', FILE)).share, 1, 'born in it from now on');
  await marks.settled();
  t.equal(files(store.usageOf(1, ALICE.uid)), 102);
  t.equal(files(store.usageOf(1, BOB.uid)), 2, 'the one with two names, where its parent is');
  t.equal(files(store.usageOf(2, BOB.uid)), 0);
  t.equal(files(store.usageOf(0, ROOT.uid)), 1, 'the root is in no share');

  looked = 0;
  await marks.begin([shareOf(2, other), shareOf(1, one)]);
  await marks.settled();
  t.equal(looked, 0, 'the same shares are not gone through again');

  await marks.begin([shareOf(7, await store.getattr(store.root()))]);
  await marks.settled();
  t.equal(files(store.usageOf(7, ALICE.uid)), 102, 'one share above them all');
  t.equal(files(store.usageOf(1, ALICE.uid)), 0);
  await marks.stop();
  await store.close();
});

t.test('A walk that is broken off begins anew', async (t) => {
  const { store, clock } = await testStore();
  const one = await store.create(ROOT, store.root(), 'one', DIRECTORY);
  await store.create(ROOT, one, 'f', FILE);
  let fails = true;
  const service = around(store, {
    readdir(...args) {
      if (fails) throw new Error('the other volcano is away');
      return store.readdir(...args);
    },
  });
  const marks = new ShareMarks({ service, notes: store, clock, logger: silentLogger });
  await marks.begin([shareOf(1, one)]);
  await marks.settled();
  t.equal(store.note(MARKED_NOTE), null);
  t.equal(files(store.usageOf(1, 0)), 1, 'the directory alone');
  fails = false;
  clock.advance(AGAIN_MS);
  await marks.settled();
  t.equal(files(store.usageOf(1, 0)), 2);
  t.not(store.note(MARKED_NOTE), null);
  await marks.stop();
  await store.close();
});
