import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { LOCAL_SLICE, ROOT_KEY, SLICES, sliceOf } from '../keys.ts';
import { batchRecords } from '../kml/format.ts';
import { encodeRecord } from '../record/codec.ts';
import { recordHead } from '../record/head.ts';
import { type Change, ChangeTypeSchema, OperationSchema, type Replay } from '../record/schema.ts';
import { type Step, steps } from '../testing/histories.ts';
import type { FlareId } from '../types.ts';
import { UnsoundRecordError } from './following.ts';
import type { LocalStore } from './local-store.ts';
import { groupsOf } from './log-tail.ts';
import { type ALICE, check, checkRebuilt, FILE, ROOT, testStore } from './testing/harness.ts';
import { baseRecord, dataChange, type WalkSink } from './walk.ts';

/*
 * A mirror takes the records of a primary's slices into its own log and state, and a walk of the live state fills one (docs/architecture.md, "Replication"). Here
 * there is nothing between the two: what the primary's log is about to write is handed over as it is.
 */

const RUNS = LONG ? 500 : 40;
const ALL: readonly number[] = Array.from({ length: SLICES }, (_, slice) => slice);
const JOIN = { networkId: Buffer.alloc(16, 7), rootGeneration: 1 };

/** A mirror, and what it was given so far of one primary's slices. */
class Mirror {
  readonly slices: ReadonlySet<number>;
  store!: LocalStore;
  readonly disk = new SimulatedDisk();
  readonly clock = manualClock();
  readonly errors: string[] = [];

  constructor(slices: readonly number[]) {
    this.slices = new Set(slices);
  }

  async open(): Promise<void> {
    const { disk, clock } = this;
    const { store, errors } = await testStore({ disk, clock, boot: false, join: JOIN, segmentBytes: 8192 });
    this.store = store;
    this.errors.push(...errors);
    store.serve(() => false);
  }

  take(groups: readonly (readonly Buffer[])[]): void {
    const { gap } = this.store.replica.following.take(groups);
    if (gap !== null) throw new Error(`the mirror has a gap: ${JSON.stringify(gap)}`);
  }

  async settle(): Promise<void> {
    await this.store.replica.durableAt(this.store.replica.appended);
  }
}

/** Hands all records of the mirror's slices over when the primary writes them, and fills it on demand. */
class Feed implements WalkSink {
  readonly #primary: LocalStore;
  readonly #mirror: Mirror;
  /** The last number of each slice that was handed over, or would have been. */
  readonly #sent = new Map<number, number>();
  begun: boolean;

  constructor(primary: LocalStore, mirror: Mirror, begun: boolean) {
    this.#primary = primary;
    this.#mirror = mirror;
    this.begun = begun;
    for (const slice of ALL) this.#sent.set(slice, primary.lastOf(slice).number);
    primary.replica.onWriting((batch) => {
      const payloads = [...batchRecords(batch)].map(({ payload }) => payload);
      for (const { slice, number, base } of payloads.map(recordHead)) if (!base) this.#sent.set(slice, number);
      const groups = groupsOf(payloads, ({ slice, base }) => !base && mirror.slices.has(slice));
      if (this.begun) mirror.take(groups);
    });
  }

  /** Fills the mirror anew. */
  async fill(): Promise<void> {
    this.begun = true;
    for (const slice of this.#mirror.slices) this.changes(slice, [{ type: ChangeTypeSchema.wiped }]);
    await this.#primary.replica.walk([...this.#mirror.slices], this);
  }

  #record(slice: number, changes: readonly Change[], replay: Replay | null, data?: Buffer): void {
    const at = { number: this.#sent.get(slice)!, epoch: 1 };
    this.#mirror.take([[baseRecord(slice, at, changes, { replay, ...(data === undefined ? {} : { data }) })]]);
  }

  changes(slice: number, changes: readonly Change[]): void {
    this.#record(slice, changes, null);
  }

  data(slice: number, id: FlareId, offset: number, bytes: Buffer): void {
    this.#record(slice, [dataChange(id, offset)], null, bytes);
  }

  replay(slice: number, replay: Replay): void {
    this.#record(slice, [], replay);
  }

  async room(): Promise<void> {
    await this.#mirror.settle();
  }
}

async function same(primary: LocalStore, mirror: Mirror, message: string): Promise<void> {
  for (const slice of mirror.slices) {
    const lines = await primary.replica.lines(slice);
    const there = await mirror.store.replica.lines(slice);
    // The epoch of a slice without records says nothing.
    if (primary.lastOf(slice).number === 0) lines.shift();
    if (primary.lastOf(slice).number === 0) there.shift();
    if (JSON.stringify(lines) !== JSON.stringify(there)) {
      const odd = (one: string[], other: string[]): string[] => one.filter((line) => !other.includes(line)).slice(0, 3);
      throw new Error(
        `${message}: slice ${slice}: ${odd(lines, there).join('\n')} but there ${odd(there, lines).join('\n')}`,
      );
    }
  }
  for (const slice of ALL) {
    if (mirror.slices.has(slice)) continue;
    const { number } = mirror.store.lastOf(slice);
    if (number !== 0)
      throw new Error(`${message}: the mirror has ${number} records of slice ${slice}, which it does not mirror`);
  }
}

t.test('Random histories with a mirror attached, filled at any moment: afterwards both hold the same', async (t) => {
  const seed = chooseSeed();
  t.comment(`seed ${seed}`);
  let compared = 0;
  const history = async (
    all: readonly Step[],
    shape: { half: boolean; from: number; again: number },
  ): Promise<void> => {
    const disk = new SimulatedDisk();
    const clock = manualClock();
    const first = await testStore({
      disk,
      clock,
      random: seededRandom(7),
      segmentBytes: 8192,
      limits: { cacheBytes: 1500 },
    });
    const { store, errors } = first;
    const mirror = new Mirror(shape.half ? ALL.slice(100) : ALL);
    await mirror.open();
    const feed = new Feed(store, mirror, false);
    const ids: FlareId[] = [store.root()];
    let filling: Promise<void> = Promise.resolve();
    for (const [at, { run }] of all.entries()) {
      if (at === shape.from || at === shape.again) {
        await filling;
        filling = feed.fill();
      }
      if (run === 'compact') await Promise.all([store.compact(), mirror.store.compact()]);
      else if (run === 'tick') clock.advance(10);
      else if (run === 'restart') {
        await filling;
        await mirror.settle();
        await mirror.store.close();
        await mirror.open();
      } else if (typeof run === 'function') {
        try {
          const as = (who: typeof ALICE) => ({ ...who, replay: `call ${at}` });
          const made = await run(store, (id) => ids[id % ids.length]!, as);
          if (made !== null && typeof made === 'object' && 'generation' in made) ids.push(made as FlareId);
        } catch {
          // What is refused changes nothing: the comparison shows it.
        }
      }
    }
    await filling;
    if (!feed.begun) await feed.fill();
    await store.checkpoint();
    await mirror.settle();
    await same(store, mirror, 'in memory');
    await mirror.store.close();
    const { differences } = await check(mirror.disk);
    if (differences.length > 0) throw new Error(`a rebuilt index differs: ${JSON.stringify(differences.slice(0, 3))}`);
    await mirror.open();
    await same(store, mirror, 'after a restart of the mirror');
    if (mirror.errors.length + errors.length > 0) throw new Error([...mirror.errors, ...errors].join('\n'));
    await mirror.store.close();
    await store.close();
    compared++;
  };
  const moment = fc.nat(90);
  const shape = fc.record({ half: fc.boolean(), from: moment, again: moment });
  await fc.assert(fc.asyncProperty(fc.array(steps, { minLength: 20, maxLength: 100, size: 'max' }), shape, history), {
    seed,
    numRuns: RUNS,
  });
  t.comment(`${compared} histories`);
});

/** A primary and the groups that it wrote. */
async function written(): Promise<{ store: LocalStore; groups: Buffer[][] }> {
  const { store } = await testStore();
  const groups: Buffer[][] = [];
  store.replica.onWriting((batch) => {
    const payloads = [...batchRecords(batch)].map(({ payload }) => Buffer.from(payload));
    groups.push(...groupsOf(payloads, ({ slice }) => slice !== LOCAL_SLICE));
  });
  return { store, groups };
}

t.test('A mirror takes each record once, in order, and tells of a gap what it has', async (t) => {
  const { store, groups } = await written();
  const root = store.root();
  for (let at = 0; at < 4; at++) await store.setattr(ROOT, root, { mode: 0o700 + at });
  const mirror = new Mirror(ALL);
  await mirror.open();
  const { following } = mirror.store.replica;
  const slice = sliceOf(ROOT_KEY);
  const first = recordHead(groups[0]![0]!).number;
  t.same(following.take(groups).gap, { slice, last: { number: 0, epoch: 0 } }, 'what came before is not here');
  const wipe = { slice, epoch: 1, number: first - 1, time: 1, commit: 0, place: 0, groupSize: 1, replay: null };
  const begin = encodeRecord({
    ...wipe,
    operation: OperationSchema.base,
    changes: [{ type: ChangeTypeSchema.wiped }],
  });
  t.equal(following.take([[begin]]).gap, null);
  t.equal(following.take([groups[0]!, groups[1]!]).gap, null);
  t.same(following.last(slice), { number: first + 1, epoch: 1 });
  const before = mirror.store.stats().appended;
  t.equal(following.take([groups[0]!, groups[1]!]).gap, null);
  t.equal(mirror.store.stats().appended, before, 'nothing twice');
  t.same(following.take([groups[3]!]).gap, { slice, last: { number: first + 1, epoch: 1 } }, 'one is missing');
  t.equal(following.take([groups[1]!, groups[2]!, groups[3]!]).gap, null, 'what it has is skipped');
  t.same(following.last(slice), store.lastOf(slice));
  await store.close();
  await mirror.store.close();
});

t.test(
  'A mirror takes no record of an older epoch, none that is no record, and none of a volcano of its own',
  async (t) => {
    const mirror = new Mirror(ALL);
    await mirror.open();
    const { following } = mirror.store.replica;
    const base = { time: 1, commit: 0, place: 0, groupSize: 1, replay: null, changes: [] };
    const of = (slice: number, number: number, epoch: number): Buffer =>
      encodeRecord({ ...base, slice, number, epoch, operation: OperationSchema.note });
    t.equal(following.take([[of(3, 1, 7)]]).gap, null);
    t.same(following.take([[of(3, 2, 6)]]).gap, { slice: 3, last: { number: 1, epoch: 7 } });
    t.throws(() => following.take([[of(LOCAL_SLICE, 1, 1)]]), UnsoundRecordError);
    const before = mirror.store.stats().appended;
    t.throws(() => following.take([[of(3, 2, 7).fill(0xff, 44)]]));
    t.throws(() => following.take([[Buffer.alloc(3)]]), RangeError);
    t.equal(mirror.store.stats().appended, before, 'nothing of it is in the log');
    await mirror.store.close();
  },
);

t.test(
  'The tail of a log: the records after a number, from the newest segment back; null when some are gone',
  async (t) => {
    const { store } = await testStore({ segmentBytes: 4096 });
    const root = store.root();
    const slice = sliceOf(ROOT_KEY);
    const from = store.lastOf(slice).number;
    for (let at = 0; at < 40; at++) await store.setattr(ROOT, root, { mode: 0o700 + (at % 8) });
    const last = store.lastOf(slice).number;
    t.ok(store.stats().segments > 3);
    const numbers = async (after: number, upTo: number): Promise<number[] | null> => {
      const groups = await store.replica.tail(new Map([[slice, { after, upTo }]]), 1_000_000);
      return groups === null ? null : groups.flat().map((payload) => recordHead(payload).number);
    };
    const row = (after: number, upTo: number): number[] =>
      Array.from({ length: upTo - after }, (_, at) => after + 1 + at);
    t.same(await numbers(last - 3, last), row(last - 3, last));
    t.same(await numbers(from, last - 2), row(from, last - 2));
    t.same(await numbers(last, last), []);
    t.equal(await store.replica.tail(new Map([[slice, { after: from, upTo: last }]]), 3000), null, 'too much');
    await store.create(ROOT, root, 'f', FILE);
    await store.compact();
    t.equal(await numbers(from, last), null, 'what compaction has written anew is no record of its own');
    await store.close();
  },
);

t.test(
  'A slice that is wiped is gone from memory and index, with its replays and notes; the others stay',
  async (t) => {
    const primary = await testStore();
    const { store } = primary;
    const mirror = new Mirror(ALL);
    await mirror.open();
    const feed = new Feed(store, mirror, false);
    const root = store.root();
    for (let at = 0; at < 300; at++) {
      const file = await store.create({ ...ROOT, replay: `create ${at}` }, root, `f${at}`, FILE);
      await store.write({ ...ROOT, replay: `write ${at}` }, file, 0, Buffer.alloc(500, at));
    }
    await store.setNote('rule/x', Buffer.from('1'));
    await feed.fill();
    await mirror.settle();
    await mirror.store.checkpoint();
    await same(store, mirror, 'filled');
    const { flares } = mirror.store.stats();
    t.equal(flares, store.stats().flares);
    const slice = sliceOf(ROOT_KEY);
    const wipe = { slice, epoch: 1, number: 0, time: 1, commit: 0, place: 0, groupSize: 1, replay: null };
    const payload = encodeRecord({
      ...wipe,
      operation: OperationSchema.base,
      changes: [{ type: ChangeTypeSchema.wiped }],
    });
    mirror.take([[payload]]);
    await mirror.store.checkpoint();
    const empty = (await mirror.store.replica.lines(slice)).filter((line) => !line.includes('"nextFileid":16'));
    t.same(empty, ['last record 0 of epoch 1']);
    t.equal(mirror.store.note('rule/x'), null);
    t.ok(mirror.store.stats().flares < flares, 'its flares are not counted');
    store.serve((one) => one !== slice);
    const usage = store.usageOf(0, ROOT.uid);
    store.serve(null);
    await mirror.store.close();
    await checkRebuilt(t, mirror.disk);
    const again = await testStore({
      disk: mirror.disk,
      clock: mirror.clock,
      boot: false,
      indexHost: ({ disk }) => inlineIndexHost({ disk }),
    });
    t.same(again.store.usageOf(0, ROOT.uid), usage, 'nor what they take');
    const rest = ALL.filter((one) => one !== slice);
    for (const one of rest) {
      const lines = await store.replica.lines(one);
      if (store.lastOf(one).number > 0) t.same(await again.store.replica.lines(one), lines);
    }
    await again.store.close();
    await store.close();
  },
);
