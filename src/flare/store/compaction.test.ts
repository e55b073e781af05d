import t from 'tap';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { SLICES } from '../keys.ts';
import { LOOK_MS } from './compaction.ts';
import type { StoreLimits } from './limits.ts';
import type { LocalStore } from './local-store.ts';
import { checkSound, DIRECTORY, FILE, ROOT, testStore } from './testing/harness.ts';

/** Writes to a few files over and over, so that most of the log is dead. */
async function churn(store: LocalStore, turns: number): Promise<void> {
  const root = store.root();
  for (let at = 0; at < 4; at++) await store.create(ROOT, root, `f${at}`, FILE, { existing: 'open' });
  for (let turn = 0; turn < turns; turn++) {
    const file = await store.lookup(ROOT, root, `f${turn % 4}`);
    await store.write(ROOT, file, 0, Buffer.alloc(3000, 97 + (turn % 26)));
  }
}

t.test('The log is cleaned when it holds more than twice what is live, and stays bounded', async (t) => {
  const { store, disk, errors } = await testStore({ limits: { compactionMinBytes: 100_000 } });
  await churn(store, 400);
  const { logBytes, dropped } = store.stats();
  t.ok(dropped > 50, `${dropped} segments were dropped`);
  t.ok(logBytes < 300_000, `of 1.2 MB that were written ${logBytes} bytes are left`);
  t.same(errors, []);
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('Base records take no number: copies of a slice can be cleaned each for itself', async (t) => {
  const { store, disk, clock } = await testStore();
  await churn(store, 60);
  const last = (of: LocalStore) => Array.from({ length: SLICES }, (_, slice) => of.lastOf(slice));
  const before = last(store);
  for (let round = 0; round < 4; round++) await store.compact();
  t.ok(store.stats().dropped > 3, `${store.stats().dropped} segments were dropped`);
  t.same(last(store), before);
  await store.close();
  const again = await testStore({ disk, clock, indexHost: () => inlineIndexHost() });
  t.same(last(again.store), before, 'nor when all that is left are base records');
  await again.store.close();
});

t.test('What is live survives in base records alone: an index that is rebuilt from them says the same', async (t) => {
  const { store, disk, clock } = await testStore();
  const root = store.root();
  const directory = await store.create(ROOT, root, 'd', DIRECTORY);
  const file = await store.create(ROOT, directory, 'f', FILE);
  await store.write(ROOT, file, 0, Buffer.alloc(5000, 'a'));
  await store.write(ROOT, file, 1000, Buffer.alloc(1000, 'b'));
  await store.setattr(ROOT, file, { size: 4000 });
  await store.link(ROOT, file, root, 'g');
  await store.link(ROOT, file, root, 'h');
  await store.setNote('n', Buffer.from('v'));
  await store.setNote('gone', Buffer.from('v'));
  await store.setNote('gone', null);
  const gone = await store.create(ROOT, root, 'gone', FILE);
  await store.write(ROOT, gone, 0, Buffer.alloc(4000));
  await store.remove(ROOT, root, 'gone');
  const before = await store.getattr(file);
  for (let turn = 0; turn < 3; turn++) {
    await churn(store, 10);
    await store.compact();
  }
  await store.close();
  await checkSound(t, disk, 'sound');
  const again = await testStore({ disk, clock, indexHost: () => inlineIndexHost() });
  t.same(await again.store.getattr(file), before);
  const { data } = await again.store.read(ROOT, file, 0, 9000);
  t.equal(data.toString(), 'a'.repeat(1000) + 'b'.repeat(1000) + 'a'.repeat(2000));
  t.equal(again.store.note('n')?.toString(), 'v');
  t.equal(again.store.note('gone'), null);
  const reborn = await again.store.create(ROOT, root, 'gone', FILE);
  t.equal(reborn.key, gone.key);
  t.ok(reborn.generation > gone.generation, 'the numbers of records go on, so old handles stay STALE');
  t.not(reborn.fileid, gone.fileid);
  await again.store.close();
});

t.test('Reads and changes go on while segments are cleaned and dropped', async (t) => {
  const { store, disk } = await testStore({ segmentBytes: 4096 });
  await churn(store, 60);
  const cleaning = store.compact();
  let done = false;
  void cleaning.then(() => {
    done = true;
  });
  let served = 0;
  while (!done) {
    const file = await store.lookup(ROOT, store.root(), `f${served % 4}`);
    const letter = 97 + (served % 26);
    await store.write(ROOT, file, 0, Buffer.alloc(100, letter));
    const { data } = await store.read(ROOT, file, 0, 3000);
    if (data.length !== 3000 || data[0] !== letter || data[99] !== letter) t.fail('a read saw something else');
    served++;
  }
  t.ok(served > 3, `${served} requests were served meanwhile`);
  await store.close();
  await checkSound(t, disk, 'sound');
});

t.test('At rest the log is cleaned down, though nothing more is written (issue 3, space)', async (t) => {
  const { store, disk, clock, errors } = await testStore();
  const root = store.root();
  const file = await store.create(ROOT, root, 'f', FILE);
  for (let at = 0; at < 100; at++) await store.write(ROOT, file, at * 3000, Buffer.alloc(3000));
  await store.checkpoint();
  await store.remove(ROOT, root, 'f');
  const { logBytes } = store.stats();
  t.ok(logBytes > 300_000, `${logBytes} bytes, all of them dead`);
  for (let turn = 0; turn < 2000 && store.stats().logBytes > 32 * 1024; turn++) {
    // The flush after the removal, and then the look at the log.
    if (turn < 2) clock.advance(LOOK_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.ok(store.stats().logBytes <= 32 * 1024, `${store.stats().logBytes} bytes are left`);
  t.same(errors, []);
  await store.close();
  await checkSound(t, disk, 'sound');
});

const RECORDS = 400;

/** How often others get their turn while a log of that many dead records is cleaned. */
async function turnsWhileCleaning(limits: Partial<StoreLimits>, ticking: boolean): Promise<number> {
  const manual = manualClock();
  let turns = 0;
  let time = 0;
  const clock = {
    ...manual,
    // Each look at it is a tenth of a millisecond later.
    monotonic() {
      if (ticking) time += 0.1;
      return time;
    },
    soon(run: () => void) {
      turns++;
      manual.soon(run);
    },
  };
  const unbounded = { compactionStepBytes: 2 ** 30, compactionStepRecords: 2 ** 30, compactionStepMs: 2 ** 30 };
  const options = { clock, segmentBytes: 2 ** 20, limits: { ...unbounded, compactionMinBytes: 2 ** 30, ...limits } };
  const { store, disk } = await testStore(options);
  const root = store.root();
  const file = await store.create(ROOT, root, 'f', FILE);
  await Promise.all(Array.from({ length: RECORDS }, () => store.write(ROOT, file, 0, Buffer.from('x'))));
  await store.close();
  // A log that is opened begins a segment: what was written lies in one that can be cleaned.
  const again = await testStore({ ...options, disk });
  turns = 0;
  await again.store.compact();
  const taken = turns;
  await again.store.close();
  return taken;
}

t.test(
  'A step of compaction looks at so many records and takes so long at most, also when all of them are dead',
  async (t) => {
    const unbounded = await turnsWhileCleaning({}, false);
    t.ok(unbounded < 20, `${unbounded} turns without bounds`);
    const byRecords = await turnsWhileCleaning({ compactionStepRecords: 10 }, false);
    t.ok(byRecords >= RECORDS / 10, `${byRecords} turns for ${RECORDS} records, ten at a time`);
    const byTime = await turnsWhileCleaning({ compactionStepMs: 2 }, true);
    t.ok(byTime >= RECORDS / 20, `${byTime} turns for ${RECORDS} records, twenty looks at the clock at a time`);
  },
);

t.test(
  'Closing waits for no copies: a compaction that does, because a mirror is gone, ends (architecture.md, Compaction)',
  async (t) => {
    const { store, disk, errors } = await testStore();
    await churn(store, 40);
    store.replica.commitment.copies = { lsn: 0, full: false, any: true, room: () => Number.POSITIVE_INFINITY };
    let ended = false;
    const cleaning = store.compact().then(() => {
      ended = true;
    });
    // Far more turns of the event loop than it takes until nothing but the mirror is waited for.
    for (let turn = 0; turn < 1000; turn++) await new Promise((resolve) => setImmediate(resolve));
    t.notOk(ended, 'it waits for the mirror');
    await store.close();
    await cleaning;
    t.same(errors, []);
    await checkSound(t, disk, 'sound');
  },
);

t.test('Closing stops a compaction under way; the next start finds the log whole', async (t) => {
  const { store, disk, clock } = await testStore();
  await churn(store, 40);
  const cleaning = store.compact();
  await store.close();
  await cleaning;
  await checkSound(t, disk, 'sound');
  const again = await testStore({ disk, clock });
  t.equal((await again.store.readdir(ROOT, again.store.root(), 0, 10)).entries.length, 4);
  await again.store.close();
});
