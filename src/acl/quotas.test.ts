import t from 'tap';
import { silentLogger } from '../base/logger.ts';
import { type ManualClock, manualClock } from '../base/testing/manual-clock.ts';
import { ALICE, BOB, checkSound, DIRECTORY, FILE, ROOT, statusOf, testStore } from '../flare/store/testing/harness.ts';
import { MemoryNotes } from '../flare/testing/memory-notes.ts';
import { type Attributes, FlareType, type Key, type Usage } from '../flare/types.ts';
import type { Share } from './areas.ts';
import { QuotaBook } from './quotas.ts';
import { parseShares } from './shares-file.ts';

/* What quotas allow, and how the store enforces them: docs/quotas.md, "How it is enforced". */

const SHARE = 3;
const NOTHING: Usage = { bytes: 0, files: 0 };
const DAY = 86_400_000;
const shareAt = (path: string): Share => ({ number: SHARE, path, directory: { key: 'x' as Key, generation: 1 } });

interface Desk {
  readonly book: QuotaBook;
  readonly notes: MemoryNotes;
  readonly clock: ManualClock;
  used: Usage;
  elsewhere: Usage;
}

function desk(lines: string, parts: { notes?: MemoryNotes; clock?: ManualClock } = {}): Desk {
  const clock = parts.clock ?? manualClock();
  const notes = parts.notes ?? new MemoryNotes();
  const made = { clock, notes, used: NOTHING, elsewhere: NOTHING };
  const book = new QuotaBook({
    ...{ clock, notes, logger: silentLogger },
    here: () => made.used,
    elsewhere: () => made.elsewhere,
  });
  book.use(parseShares(lines, 'shares').quotas, [shareAt('/a')]);
  return Object.assign(made, { book });
}

function asks(at: Desk, more: Partial<Usage>, uid = 1000): boolean {
  return at.book.allows(SHARE, uid, { ...NOTHING, ...more }, () => at.used);
}

t.test('The quota that names a user counts before the one for all; uid 0 and other shares have none', async (t) => {
  const { book } = desk('/a quota * files=1\n/a quota 1000-1001 files=2\n/b quota * files=3');
  t.equal(book.quotaOf(SHARE, 1000)!.files.hard, 2);
  t.equal(book.quotaOf(SHARE, 5)!.files.hard, 1);
  t.equal(book.quotaOf(SHARE, 0), null);
  t.equal(book.quotaOf(SHARE + 1, 5), null, '/b is no share');
  t.ok(book.isLimited(SHARE, 5));
  t.notOk(book.isLimited(SHARE, 0));
});

t.test(
  'Hard: never more, here and elsewhere together; what does not grow is not refused for being above',
  async (t) => {
    const at = desk('/a quota * bytes=100,files=10');
    at.used = { bytes: 50, files: 9 };
    at.elsewhere = { bytes: 40, files: 0 };
    t.ok(asks(at, { bytes: 10 }));
    t.notOk(asks(at, { bytes: 11 }));
    t.ok(asks(at, { files: 1 }));
    t.notOk(asks(at, { files: 2 }));
    at.elsewhere = { bytes: 500, files: 0 };
    t.ok(asks(at, { files: 1 }), 'too many bytes do not refuse an empty file');
    t.notOk(asks(at, { bytes: 1 }));
  },
);

t.test('Soft: as long as the grace time from the first exceeding; anew after it was kept', async (t) => {
  const at = desk('/a quota * bytes=100:200,grace=1d');
  at.used = { bytes: 90, files: 1 };
  t.ok(asks(at, { bytes: 20 }));
  at.used = { bytes: 110, files: 1 };
  const begun = at.clock.now() / 1000;
  t.equal(at.book.stateOf(SHARE, 1000)!.bytesUntil, begun + DAY);
  at.clock.advance(DAY);
  t.ok(asks(at, { bytes: 1 }), 'to its end');
  at.clock.advance(1);
  t.notOk(asks(at, { bytes: 1 }));
  t.ok(asks(at, { files: 1 }), 'bytes alone are above');
  at.used = { bytes: 100, files: 1 };
  t.ok(asks(at, { bytes: 1 }), 'it was kept: the time begins anew');
  at.used = { bytes: 101, files: 1 };
  at.clock.advance(DAY);
  t.ok(asks(at, { bytes: 1 }));
  at.clock.advance(1);
  t.notOk(asks(at, { bytes: 1 }));
  at.used = { bytes: 200, files: 1 };
  t.notOk(asks(at, { bytes: 1 }));
});

t.test('Grace times outlive a restart, and are the same on other volcanos', async (t) => {
  const at = desk('/a quota * files=1:9,grace=1d');
  at.used = { bytes: 0, files: 1 };
  t.ok(asks(at, { files: 1 }));
  t.same([...at.notes.notes('quota/over/').keys()], [`quota/over/${SHARE}/1000`]);
  at.clock.advance(DAY + 1);
  const after = desk('/a quota * files=1:9,grace=1d', at);
  after.used = { bytes: 0, files: 2 };
  t.notOk(asks(after, { files: 1 }));
  t.equal(after.book.stateOf(SHARE, 1000)!.filesUntil, (after.clock.now() - 1000) / 1000);
  after.used = { bytes: 0, files: 0 };
  t.ok(asks(after, { files: 1 }));
  t.same([...at.notes.notes('quota/over/').keys()], [], 'kept again: nothing is remembered');
  t.equal(after.book.stateOf(SHARE, 1000)!.filesUntil, null);
  t.equal(after.book.stateOf(SHARE, 0), null);
});

t.test(
  'The store refuses with DQUOT what grows beyond: WRITE, CREATE, MKDIR, SYMLINK, SETATTR; not what gives back',
  async (t) => {
    const { store, disk, clock } = await testStore();
    const book = new QuotaBook({
      ...{ clock, notes: new MemoryNotes(), logger: silentLogger, elsewhere: () => NOTHING },
      here: (share, uid) => store.usageOf(share, uid),
    });
    book.use(parseShares(`/a quota ${ALICE.uid} bytes=3000,files=4`, 'shares').quotas, [shareAt('/a')]);
    store.enforce(book);
    const open = { ...DIRECTORY, mode: 0o777 };
    const top = await store.setattr(ROOT, await store.create(ROOT, store.root(), 'a', open), { share: SHARE });
    const outside = await store.create(ROOT, store.root(), 'b', open);
    const symlink = { type: FlareType.symlink, mode: 0o777, target: Buffer.from('to') };

    const file: Attributes = await store.create(ALICE, top, 'f', FILE);
    await store.create(ALICE, top, 'd', DIRECTORY);
    await store.create(ALICE, top, 's', symlink);
    t.equal(await statusOf(() => store.write(ALICE, file, 0, Buffer.alloc(2000))), 'OK', '2000, and 512 and 2');
    t.equal(await statusOf(() => store.write(ALICE, file, 2000, Buffer.alloc(487))), 'DQUOT', 'WRITE');
    t.equal(await statusOf(() => store.write(BOB, file, 2000, Buffer.alloc(487))), 'ACCES');
    t.equal(await statusOf(() => store.write(ALICE, file, 0, Buffer.alloc(2000, 1))), 'OK', 'over what is there');
    t.equal(await statusOf(() => store.setattr(ALICE, file, { size: 2 ** 30 })), 'OK', 'a hole takes nothing');
    t.equal(await statusOf(() => store.write(ALICE, file, 9000, Buffer.alloc(486))), 'OK', 'to the last byte');
    t.equal(await statusOf(() => store.setattr(ALICE, file, { size: 2 ** 31 })), 'DQUOT', 'SETATTR, with nothing left');
    t.equal(await statusOf(() => store.setattr(ALICE, file, { mode: 0o600 })), 'OK');

    t.equal(await statusOf(() => store.create(ALICE, top, 'd2', DIRECTORY)), 'DQUOT', 'MKDIR: bytes');
    t.equal(await statusOf(() => store.create(ALICE, top, 'f2', FILE)), 'OK', 'CREATE: the fourth');
    t.equal(await statusOf(() => store.create(ALICE, top, 'f3', FILE)), 'DQUOT', 'CREATE');
    t.equal(await statusOf(() => store.create(ALICE, top, 's2', symlink)), 'DQUOT', 'SYMLINK');
    t.equal(await statusOf(() => store.link(ALICE, file, top, 'f3')), 'OK', 'a further name is no file');
    t.equal(await statusOf(() => store.rename(ALICE, top, 'f3', top, 'f4')), 'OK');
    t.equal(await statusOf(() => store.create(ALICE, outside, 'f3', FILE)), 'OK', 'elsewhere there is no quota');
    t.equal(await statusOf(() => store.create(BOB, top, 'b', FILE)), 'OK', 'nor for others');

    const bobs = await store.create(BOB, top, 'b2', FILE);
    t.equal(await statusOf(() => store.setattr(ROOT, bobs, { uid: ALICE.uid })), 'OK', 'root may give more');
    t.equal(store.usageOf(SHARE, ALICE.uid).files, 5);
    t.equal(await statusOf(() => store.create(ALICE, top, 'f5', FILE)), 'DQUOT');
    const replayed = { ...ALICE, replay: 'once' };
    t.equal(await statusOf(() => store.create(replayed, top, 'f5', FILE)), 'DQUOT');
    t.equal(await statusOf(() => store.remove(ALICE, top, 'b2')), 'OK');
    t.equal(await statusOf(() => store.remove(ALICE, top, 'f2')), 'OK');
    t.equal(await statusOf(() => store.create(replayed, top, 'f5', FILE)), 'DQUOT', 'asked again: the first answer');
    t.equal(await statusOf(() => store.create(ALICE, top, 'f5', FILE)), 'OK');
    t.equal(await statusOf(() => store.setattr(ALICE, file, { size: 100 })), 'OK', 'less is always allowed');
    t.equal(await statusOf(() => store.write(ALICE, file, 0, Buffer.alloc(2000))), 'OK');

    store.enforce(null);
    t.equal(await statusOf(() => store.write(ALICE, file, 0, Buffer.alloc(9000))), 'OK', 'without quotas');
    await store.close();
    await checkSound(t, disk, 'sound');
  },
);
