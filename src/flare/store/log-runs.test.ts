import t from 'tap';
import { sliceOf } from '../keys.ts';
import { encodeRecord } from '../record/codec.ts';
import { recordHead } from '../record/head.ts';
import { type Change, ChangeTypeSchema, OperationSchema } from '../record/schema.ts';
import { lastInBoth } from './common.ts';
import type { LocalStore } from './local-store.ts';
import { epochAt, type Run } from './log-runs.ts';
import { ROOT, testStore } from './testing/harness.ts';

const SLICE = 9;
const none = { ended: [], flares: [], names: [], chunks: [], parents: [], notes: [] };

/** A store that serves nothing, and is given records of one slice. */
async function mirror(): Promise<{
  store: LocalStore;
  take: (...numbers: [number, number][]) => Promise<void>;
  base: (number: number, epoch: number, change: Change) => void;
}> {
  const join = { networkId: Buffer.alloc(16, 7), rootGeneration: 1 };
  const { store } = await testStore({ boot: false, join, segmentBytes: 4096 });
  store.serve(() => false);
  const head = { slice: SLICE, time: 1, commit: 0, place: 0, groupSize: 1, replay: null };
  const give = (payload: Buffer): void => {
    t.equal(store.replica.following.take([[payload]]).gap, null);
  };
  return {
    store,
    async take(...numbers) {
      for (const [number, epoch] of numbers) {
        give(encodeRecord({ ...head, number, epoch, operation: OperationSchema.note, changes: [] }));
        await store.replica.durableAt(store.replica.appended);
      }
    },
    base: (number, epoch, change) =>
      give(encodeRecord({ ...head, number, epoch, operation: OperationSchema.base, changes: [change] })),
  };
}

async function runsOf(store: LocalStore, enough: (run: Run) => boolean = () => false): Promise<readonly Run[]> {
  await store.replica.durableAt(store.replica.appended);
  return (await store.replica.kept(new Map([[SLICE, enough]]))).get(SLICE)!.runs;
}

async function tail(store: LocalStore, after: number, upTo: number): Promise<[number, number][] | null> {
  const groups = await store.replica.tail(new Map([[SLICE, { after, upTo }]]), 1_000_000);
  return groups === null
    ? null
    : groups
        .flat()
        .map(recordHead)
        .map(({ number, epoch }) => [number, epoch]);
}

function upTo(first: number, last: number, epoch: number): [number, number][] {
  return Array.from({ length: last - first + 1 }, (_, at) => [first + at, epoch]);
}

t.test(
  'The records that a log has without a gap, by epoch, over segments; what was undone, and what was before a wipe, does not count',
  async (t) => {
    const { store, take, base } = await mirror();
    await take(...upTo(1, 60, 1), ...upTo(61, 90, 3));
    t.ok(store.stats().segments > 2);
    t.same(await runsOf(store), [
      { epoch: 3, first: 61, last: 90 },
      { epoch: 1, first: 1, last: 60 },
    ]);
    t.same(
      await runsOf(store, (run) => run.epoch <= 3),
      [{ epoch: 3, first: (await runsOf(store, (run) => run.epoch <= 3))[0]!.first, last: 90 }],
      'no further back than is wanted',
    );
    base(70, 3, { type: ChangeTypeSchema.undone, undone: { number: 90, epoch: 3, ...none } });
    t.same(store.lastOf(SLICE), { number: 70, epoch: 3 });
    await take(...upTo(71, 75, 4));
    const after = await runsOf(store);
    t.same(after, [
      { epoch: 4, first: 71, last: 75 },
      { epoch: 3, first: 70, last: 70 },
    ]);
    t.equal(epochAt(after, 72), 4);
    t.equal(epochAt(after, 76), undefined);
    t.same(await tail(store, 68, 75), [...upTo(69, 70, 3), ...upTo(71, 75, 4)], 'each number once, as it counts');
    t.same(await tail(store, 70, 74), upTo(71, 74, 4));
    await store.compact();
    t.same(
      await runsOf(store),
      [{ epoch: 4, first: 75, last: 75 }],
      'what compaction writes anew says which record was the last one',
    );
    await take(...upTo(76, 78, 4));
    t.same(await runsOf(store), [{ epoch: 4, first: 75, last: 78 }]);
    await take(...upTo(79, 80, 5));
    base(80, 5, { type: ChangeTypeSchema.wiped });
    await take(...upTo(81, 82, 5));
    t.same(await runsOf(store), [{ epoch: 5, first: 80, last: 82 }]);
    t.same(await tail(store, 80, 82), upTo(81, 82, 5));
    t.equal(await tail(store, 79, 82), null, 'what was before a wipe is no record of this copy');
    await store.close();
  },
);

t.test('An undo is taken only by a copy whose last record is the one that it names', async (t) => {
  const { store, take } = await mirror();
  await take(...upTo(1, 5, 1));
  const { following } = store.replica;
  const head = { slice: SLICE, number: 3, epoch: 1, time: 1, commit: 0, place: 0, groupSize: 1, replay: null };
  const undo = (number: number, epoch: number): Buffer =>
    encodeRecord({
      ...head,
      operation: OperationSchema.base,
      changes: [{ type: ChangeTypeSchema.undone, undone: { number, epoch, ...none } }],
    });
  t.same(following.take([[undo(6, 1)]]).gap, { slice: SLICE, last: { number: 5, epoch: 1 } });
  t.same(following.take([[undo(5, 2)]]).gap, { slice: SLICE, last: { number: 5, epoch: 1 } });
  t.equal(following.take([[undo(5, 1)]]).gap, null);
  t.same(following.last(SLICE), { number: 3, epoch: 1 });
  await store.close();
});

t.test('The last record in two logs: of the newest epoch that both have', (t) => {
  const ours: Run[] = [
    { epoch: 6, first: 21, last: 30 },
    { epoch: 4, first: 11, last: 20 },
  ];
  const both = (...theirs: Run[]): unknown => lastInBoth(ours, theirs);
  t.same(both({ epoch: 6, first: 21, last: 25 }), { number: 25, epoch: 6 });
  t.same(both({ epoch: 6, first: 21, last: 35 }), { number: 30, epoch: 6 });
  t.same(both({ epoch: 7, first: 19, last: 40 }, { epoch: 4, first: 1, last: 18 }), { number: 18, epoch: 4 });
  t.equal(both({ epoch: 7, first: 19, last: 40 }), null);
  t.equal(both({ epoch: 4, first: 1, last: 10 }), null, 'what is common is not in this log any more');
  t.end();
});

t.test('What is undone is not there any more, on the disk either: what was made, its name, its answer', async (t) => {
  const { store } = await testStore();
  const root = store.root();
  const slice = sliceOf(root.key);
  await store.setattr({ ...ROOT, replay: 'before' }, root, { mode: 0o700 });
  t.ok(store.replica.answered('before'));
  const from = store.lastOf(slice);
  const head = { slice, epoch: 1, time: 1, commit: 0, place: 0, groupSize: 1, replay: null };
  const undone = { ...from, ...none, flares: [Buffer.from(root.key, 'latin1')] };
  const payload = encodeRecord({
    ...head,
    number: from.number - 1,
    operation: OperationSchema.base,
    changes: [{ type: ChangeTypeSchema.undone, undone }],
  });
  t.equal(store.replica.following.take([[payload]]).gap, null);
  t.equal(store.replica.answered('before'), null);
  t.equal(store.lastOf(slice).number, from.number - 1);
  await store.close();
});

t.test(
  'What comes after the log was looked through is read on from there, also when the log has begun other segments by then',
  async (t) => {
    const { store, take } = await mirror();
    await take(...upTo(1, 20, 1));
    const { replica } = store;
    const kept = (await replica.kept(new Map([[SLICE, (run: Run) => run.last <= 20]]))).get(SLICE)!;
    const { segment } = replica;
    await take(...upTo(21, 90, 1));
    t.ok(replica.segment > segment);
    const stream = replica.stream(new Map([[SLICE, { after: 20, kept }]]));
    const read: number[] = [];
    for await (const groups of stream.upTo(replica.appended))
      read.push(...groups.flat().map((payload) => recordHead(payload).number));
    t.same(
      read,
      upTo(21, 90, 1).map(([number]) => number),
    );
    t.equal(stream.given(SLICE), 90);
  },
);
