import t from 'tap';
import { type Random, seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { chooseSeed } from '../../base/testing/seed.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import type { IndexHost } from '../index/types.ts';
import type { FlareId } from '../types.ts';
import type { StoreLimits } from './limits.ts';
import type { LocalStore } from './local-store.ts';
import { FILE, ROOT, testStore } from './testing/harness.ts';

/** Directories that are compared: a hundred times as many entries. */
const FEW = 100;
const MANY = 10_000;
const PAGE = 50;

/** What an index was asked, and how many rows it gave. */
interface Asked {
  questions: number;
  rows: number;
}

/** The same index, which counts what it is asked. */
function counted(host: IndexHost, asked: Asked): IndexHost {
  const reader = new Proxy(host.reader, {
    get(target, name, receiver) {
      const method = Reflect.get(target, name, receiver) as (...args: unknown[]) => unknown;
      return (...args: unknown[]) => {
        const answer = method.apply(target, args);
        asked.questions++;
        asked.rows += Array.isArray(answer) ? answer.length : answer === null ? 0 : 1;
        return answer;
      };
    },
  });
  return new Proxy(host, {
    get(target, name) {
      if (name === 'reader') return reader;
      const value = Reflect.get(target, name, target) as unknown;
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** A store that was opened anew, so that nothing is in memory, with one directory of that many entries. */
async function filled(
  entries: number,
  limits: Partial<StoreLimits> = {},
): Promise<{ store: LocalStore; asked: Asked; names: readonly string[] }> {
  const asked = { questions: 0, rows: 0 };
  const before = await testStore();
  const names = Array.from({ length: entries }, (_, at) => `f${(at * 2_654_435_761) % 2 ** 32}`);
  await Promise.all(names.map((name) => before.store.create(ROOT, before.store.root(), name, FILE)));
  await before.store.close();
  const { disk, clock } = before;
  const { store } = await testStore({
    disk,
    clock,
    limits,
    indexHost: async ({ disk }) => counted(await inlineIndexHost({ disk }), asked),
  });
  return { store, asked, names };
}

/** What the index is asked for one call. */
async function askedFor(asked: Asked, call: () => unknown): Promise<Asked> {
  asked.questions = asked.rows = 0;
  await call();
  return { ...asked };
}

t.test(
  'What is not in memory costs the same in a directory of 10,000 entries as in one of 100 (issue 3, growth)',
  async (t) => {
    const few = await filled(FEW);
    const many = await filled(MANY);
    /** Each comparison takes a name that nobody has asked for yet. */
    let fresh = 0;
    const compare = async (what: string, most: number, call: (store: LocalStore, name: string) => unknown) => {
      fresh++;
      const costs: Asked[] = [];
      for (const { store, asked, names } of [few, many])
        costs.push(await askedFor(asked, () => call(store, names[Math.floor(names.length / 2) + fresh]!)));
      t.same(costs[1], costs[0], what);
      t.ok(costs[1]!.questions <= most, `${what}: at most ${most} questions, asked were ${costs[1]!.questions}`);
    };
    // The directory itself, which both then have in memory.
    for (const { store } of [few, many]) await store.getattr(store.root());
    await compare('LOOKUP', 2, (store, name) => store.lookup(ROOT, store.root(), name));
    await compare('LOOKUP of a name that is not there', 1, (store) =>
      Promise.resolve()
        .then(() => store.lookup(ROOT, store.root(), 'nothing'))
        .catch(() => {}),
    );
    await compare('CREATE', 3, (store) => store.create(ROOT, store.root(), 'new', FILE));
    await compare('REMOVE', 4, (store, name) => store.remove(ROOT, store.root(), name));
    for (const { store } of [few, many]) await store.close();
  },
);

t.test(
  'A page of READDIR takes as many rows as it shows and one more, wherever it begins (issue 3, growth)',
  async (t) => {
    const { store, asked } = await filled(MANY);
    let cookie = 0;
    let pages = 0;
    for (let end = false; !end; pages++) {
      const { rows } = await askedFor(asked, async () => {
        const page = await store.readdir(ROOT, store.root(), cookie, PAGE);
        cookie = page.entries.at(-1)?.cookie ?? cookie;
        end = page.end;
      });
      // The directory's own row is among them.
      if (rows > PAGE + 2) t.fail(`page ${pages} took ${rows} rows`);
    }
    t.equal(pages, MANY / PAGE);
    await store.close();
  },
);

t.test(
  'So does a page of a directory that changes, whatever waits for the index: names that came, went, and were replaced (issue 3, growth)',
  async (t) => {
    const { store, asked, names } = await filled(MANY, {
      flushUnits: MANY,
      flushBytes: 2 ** 30,
      pendingUnits: MANY,
      // Cleaning would have the index brought up.
      compactionMinBytes: 2 ** 30,
    });
    const root = store.root();
    const NEW = 3000;
    const changes: unknown[] = [];
    for (let at = 0; at < NEW; at++) changes.push(store.create(ROOT, root, `new${at}`, FILE));
    // A few in each page of what was there before.
    const gone = names.filter((_, at) => at % 25 === 3);
    const replaced = names.filter((_, at) => at % 25 === 4);
    for (const name of gone) changes.push(store.remove(ROOT, root, name));
    for (const [at, name] of replaced.entries()) changes.push(store.rename(ROOT, root, `new${at}`, root, name));
    await Promise.all(changes);
    t.ok(store.stats().applied < store.stats().durable, 'the index lags');
    const wanted = names.filter((name) => !gone.includes(name)).length + NEW - replaced.length;
    const seen: string[] = [];
    let most = 0;
    for (let cookie = 0, end = false; !end; ) {
      const { rows } = await askedFor(asked, async () => {
        const page = await store.readdir(ROOT, root, cookie, PAGE);
        for (const { name } of page.entries) seen.push(name);
        cookie = page.entries.at(-1)?.cookie ?? cookie;
        ({ end } = page);
      });
      most = Math.max(most, rows);
    }
    t.equal(seen.length, wanted);
    t.equal(new Set(seen).size, wanted, 'each once');
    t.ok(most <= 4 * PAGE, `a page of ${PAGE} takes ${most} rows at most`);
    await store.close();
  },
);

/** A sixteenth of the working set is a segment, as with 64 MiB and 1 GiB. */
const SEGMENT = 128 * 1024;
const BLOCK = 8192;
const WORKING_SET = 16 * SEGMENT;
const TIMES_LIVE = 2.2;
/** Turns of the event loop in which compaction must have come to its end. */
const TURNS_MAX = 20_000;

/** Writes `times` as many blocks as the working set has, at random or in order; returns the most that the log took meanwhile. */
async function overwrite(
  store: LocalStore,
  file: FlareId,
  times: number,
  random: Random | null,
  workingSet = WORKING_SET,
): Promise<number> {
  const blocks = workingSet / BLOCK;
  let most = 0;
  for (let count = 0; count < blocks * times; count++) {
    const block = random === null ? count % blocks : random.below(blocks);
    await store.write(ROOT, file, block * BLOCK, Buffer.alloc(BLOCK, 97 + (count % 26)));
    most = Math.max(most, store.stats().logBytes);
  }
  return most;
}

/** Waits until the log takes no more than so many times what is live; false when it does not come to that. */
async function settles(store: LocalStore, times: number): Promise<boolean> {
  for (let turn = 0; turn < TURNS_MAX; turn++) {
    if (store.stats().logBytes <= times * WORKING_SET) return true;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return false;
}

for (const order of ['random', 'sequential'] as const) {
  t.test(
    `After ${order} overwriting, ten times, the log takes at most 2.2 times what is live (issue 3, space)`,
    async (t) => {
      const seed = chooseSeed();
      t.comment(`MAGMA_SEED=${seed} repeats this run`);
      const random = seededRandom(seed);
      const { store, errors } = await testStore({
        segmentBytes: SEGMENT,
        limits: { compactionMinBytes: WORKING_SET / 4, compactionStepBytes: 4 * BLOCK, cacheBytes: WORKING_SET },
      });
      const file = await store.create(ROOT, store.root(), 'f', FILE);
      await overwrite(store, file, 1, null);
      await overwrite(store, file, 10, order === 'random' ? random : null);
      t.ok(
        await settles(store, TIMES_LIVE),
        `it takes ${(store.stats().logBytes / WORKING_SET).toFixed(2)} times as much`,
      );
      t.same(errors, []);
      await store.close();
    },
  );
}

for (const segments of [16, 4]) {
  t.test(
    `A working set of ${segments} segments at their longest: the log takes at most 2.2 times what is live at any time (issue 3, space)`,
    async (t) => {
      const seed = chooseSeed();
      t.comment(`MAGMA_SEED=${seed} repeats this run`);
      const workingSet = segments * SEGMENT;
      const { store, errors } = await testStore({
        segmentBytes: SEGMENT,
        limits: { compactionMinBytes: workingSet, compactionStepBytes: 4 * BLOCK, cacheBytes: workingSet },
      });
      const file = await store.create(ROOT, store.root(), 'f', FILE);
      await overwrite(store, file, 1, null, workingSet);
      for (const random of [seededRandom(seed), null]) {
        const times = (await overwrite(store, file, 5, random, workingSet)) / workingSet;
        t.ok(times <= TIMES_LIVE, `${times.toFixed(2)} times, ${random === null ? 'sequential' : 'random'}`);
      }
      t.same(errors, []);
      await store.close();
    },
  );
}

t.test('Changes that fill the log faster than it is cleaned wait for that (architecture.md, Compaction)', async (t) => {
  const AT_ONCE = 8;
  const { store, errors } = await testStore({
    segmentBytes: SEGMENT,
    limits: {
      compactionMinBytes: WORKING_SET,
      // A turn of the event loop brings many changes, and cleans one record.
      compactionStepRecords: 1,
      cacheBytes: WORKING_SET,
      flushUnits: 100_000,
      pendingUnits: 100_000,
      flushBytes: SEGMENT / 4,
    },
  });
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  await overwrite(store, file, 1, null);
  const random = seededRandom(1);
  let most = 0;
  let left = (WORKING_SET / BLOCK) * 8;
  const write = async (): Promise<void> => {
    while (left-- > 0) {
      await store.write(ROOT, file, random.below(WORKING_SET / BLOCK) * BLOCK, Buffer.alloc(BLOCK, left % 256));
      most = Math.max(most, store.stats().logBytes);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, write));
  // What is under way at once comes on top.
  const times = (most - AT_ONCE * BLOCK) / WORKING_SET;
  t.ok(times <= TIMES_LIVE, `${times.toFixed(2)} times`);
  t.same(errors, []);
  await store.close();
});

t.test(
  'A log as long as it may always be holds no change up, however little of it is live (architecture.md, Compaction)',
  async (t) => {
    const most = 16 * SEGMENT;
    const { store, errors } = await testStore({
      segmentBytes: SEGMENT,
      limits: { compactionMinBytes: most, flushBytes: SEGMENT / 4 },
    });
    const file = await store.create(ROOT, store.root(), 'f', FILE);
    let waits = 0;
    let longest = 0;
    for (let left = (3 * most) / BLOCK; left > 0; left--) {
      if (store.busy) waits++;
      await store.write(ROOT, file, 0, Buffer.alloc(BLOCK, left % 256));
      longest = Math.max(longest, store.stats().logBytes);
    }
    t.ok(store.stats().dropped > 0, `${store.stats().dropped} segments were dropped`);
    t.equal(waits, 0);
    t.ok(longest > most / 2 && longest <= most + SEGMENT, `${longest} bytes at the longest, ${most} may always be`);
    t.same(errors, []);
    await store.close();
  },
);

t.test('What a start replays after a power cut is bounded, however long the log is (issue 3, growth)', async (t) => {
  const CHECKPOINT = 64 * 1024;
  const disk = new SimulatedDisk();
  const { store, clock } = await testStore({
    disk,
    limits: { checkpointBytes: CHECKPOINT, compactionMinBytes: 2 ** 30 },
  });
  const file = await store.create(ROOT, store.root(), 'f', FILE);
  for (let count = 0; count < 400; count++) await store.write(ROOT, file, count * 4096, Buffer.alloc(4096, 97));
  const { logBytes, appended } = store.stats();
  t.ok(logBytes > 20 * CHECKPOINT, `the log has ${logBytes} bytes`);
  let begun = 0;
  const again = await testStore({
    disk: disk.powerCut(seededRandom(1)),
    clock,
    indexHost: async ({ disk }) => {
      const host = await inlineIndexHost({ disk });
      begun = host.applied.lsn;
      return host;
    },
  });
  const replayed = Math.round(((appended - begun) / appended) * logBytes);
  t.ok(replayed <= 2 * CHECKPOINT, `${replayed} of them were replayed`);
  await again.store.close();
});
