import fc from 'fast-check';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { manualClock } from '../../base/testing/manual-clock.ts';
import { chooseSeed, LONG } from '../../base/testing/seed.ts';
import { SLICES } from '../../flare/keys.ts';
import { batchEnd, batchRecords } from '../../flare/kml/format.ts';
import { recordHead } from '../../flare/record/head.ts';
import type { LocalStore } from '../../flare/store/local-store.ts';
import { groupsOf } from '../../flare/store/log-tail.ts';
import { type ALICE, check, FILE, ROOT, testStore } from '../../flare/store/testing/harness.ts';
import { type Step, steps } from '../../flare/testing/histories.ts';
import type { FlareId } from '../../flare/types.ts';
import { Fill, type Restored } from './fill.ts';

/*
 * Two volcanos have the same, go ways of their own, and one becomes the other's mirror again: what nobody accepted is undone, what it missed is replayed (docs/ring-failover.md,
 * "Return"). Between the two stores there is nothing but the fill.
 */

const RUNS = Number(process.env.MAGMA_RUNS ?? (LONG ? 400 : 30));
const ALL: readonly number[] = Array.from({ length: SLICES }, (_, slice) => slice);
const JOIN = { networkId: Buffer.alloc(16, 7), rootGeneration: 1 };
// What is compacted is so when a history says it.
const LIMITS = { cacheBytes: 1500, compactionMinBytes: 2_000_000 };

/** A volcano that may be shut and opened again on the same disk. */
class Side {
  store!: LocalStore;
  readonly first: boolean;
  disk = new SimulatedDisk();
  readonly clock = manualClock();
  readonly errors: string[] = [];
  served = false;

  constructor(first: boolean) {
    this.first = first;
  }

  async open(): Promise<void> {
    const { disk, clock } = this;
    const how = this.first ? { boot: true } : { boot: false, join: JOIN };
    const random = seededRandom(this.first ? 7 : 8);
    const { store, errors } = await testStore({ disk, clock, random, segmentBytes: 8192, limits: LIMITS, ...how });
    this.store = store;
    this.errors.push(...errors);
    store.serve(() => this.served);
  }

  async settle(): Promise<void> {
    await this.store.replica.durableAt(this.store.replica.appended);
  }

  async again(): Promise<void> {
    await this.settle();
    await this.store.close();
    await this.open();
  }

  /** Its power goes. */
  async cut(seed: number): Promise<void> {
    this.disk = this.disk.powerCut(seededRandom(seed));
    await this.open();
  }
}

/** What a primary's link does: hands over what is written, while it is, and fills. */
class Feed {
  readonly #from: Side;
  readonly #to: Side;
  readonly #last = new Map<number, { number: number; epoch: number }>();
  readonly #live = new Set<number>();
  #scanned: number;
  fill: Fill | null = null;
  onRoom: () => Promise<void> = async () => {};
  /** Bytes that were sent. */
  bytes = 0;

  constructor(from: Side, to: Side, live: boolean) {
    this.#from = from;
    this.#to = to;
    if (live) for (const slice of ALL) this.#live.add(slice);
    for (const slice of ALL) this.#last.set(slice, from.store.lastOf(slice));
    this.#scanned = from.store.replica.durable;
    from.store.replica.onWriting((batch) => {
      const payloads = [...batchRecords(batch)].map(({ payload }) => payload);
      for (const { slice, number, epoch } of payloads.map(recordHead)) this.#last.set(slice, { number, epoch });
      this.take(groupsOf(payloads, ({ slice, base }) => !base && this.#live.has(slice)));
      this.fill?.scan(payloads);
      this.#scanned = batchEnd(batch).lsn;
    });
  }

  stop(): void {
    this.fill?.stop();
    this.fill = null;
    this.#live.clear();
  }

  take(groups: readonly (readonly Buffer[])[]): void {
    for (const payload of groups.flat()) this.bytes += payload.length;
    const { gap } = this.#to.store.replica.following.take(groups);
    if (gap !== null) throw new Error(`the mirror has a gap: ${JSON.stringify(gap)}`);
  }

  async run(): Promise<Restored> {
    const { replica } = this.#to.store;
    const fill = new Fill({
      slices: ALL,
      replica: this.#from.store.replica,
      last: (slice) => this.#last.get(slice)!,
      scanned: () => this.#scanned,
      there: async () => ALL.map((slice) => replica.following.last(slice)),
      common: async (slices) => {
        await this.#to.settle();
        const found = await replica.common(slices);
        return slices.map(({ slice }) => found.get(slice) ?? null);
      },
      put: (groups) => this.take(groups),
      live: (slices, held) => {
        this.take(held);
        for (const slice of slices) this.#live.add(slice);
      },
      room: () => this.onRoom(),
    });
    this.fill = fill;
    await fill.prepare();
    await fill.run();
    return fill.restored;
  }
}

async function unlike(primary: LocalStore, mirror: LocalStore, when: string): Promise<void> {
  for (const slice of ALL) {
    if (mirror.replica.following.partial(slice)) throw new Error(`${when}: slice ${slice} is said to be partial`);
    // What has no record has no epoch either.
    if (primary.lastOf(slice).number === 0 && mirror.lastOf(slice).number === 0) continue;
    const lines = await primary.replica.lines(slice);
    const there = await mirror.replica.lines(slice);
    if (JSON.stringify(lines) === JSON.stringify(there)) continue;
    const odd = (one: string[], other: string[]): string[] => one.filter((line) => !other.includes(line)).slice(0, 3);
    throw new Error(
      `${when}: slice ${slice}: ${odd(lines, there).join('\n')}\n but there ${odd(there, lines).join('\n')}`,
    );
  }
}

/** Plays steps on a volcano; what is refused changes nothing. */
async function play(side: Side, all: readonly Step[], ids: FlareId[], calls: { made: number }): Promise<void> {
  for (const { run } of all) {
    const { store, clock } = side;
    if (run === 'tick') clock.advance(10);
    else if (run === 'apply') await store.checkpoint();
    else if (typeof run === 'function') {
      const call = calls.made++;
      try {
        const as = (who: typeof ALICE) => ({ ...who, replay: `call ${call}` });
        const made = await run(store, (id) => ids[id % ids.length]!, as);
        if (made !== null && typeof made === 'object' && 'generation' in made) ids.push(made as FlareId);
      } catch {
        // The comparison shows it.
      }
    }
  }
}

/** What happens besides: compaction on either side, a restart or a power cut of the one that returns, and a fill that is broken off. */
interface Shape {
  readonly compactHere: boolean;
  readonly compactThere: boolean;
  readonly restart: boolean;
  readonly broken: number;
  readonly diverged: number;
}

async function comeBack(all: readonly Step[], shape: Shape): Promise<Restored> {
  const here = new Side(true);
  await here.open();
  here.served = true;
  const there = new Side(false);
  await there.open();
  const ids = [here.store.root()];
  const calls = { made: 0 };
  const feed = new Feed(here, there, false);
  await feed.run();
  const third = Math.floor(all.length / 3);
  await play(here, all.slice(0, third), ids, calls);
  await here.settle();
  await there.settle();
  // The other one took itself for the primary, and was not: what it did nobody has accepted.
  feed.stop();
  there.store.replica.epoch = 2;
  there.served = true;
  await play(there, all.slice(third, third + shape.diverged), [...ids], { made: 100_000 });
  there.served = false;
  await there.settle();
  if (shape.compactThere) await there.store.compact();
  if (shape.restart) await there.again();
  here.store.replica.epoch = 3;
  await play(here, all.slice(third + shape.diverged, 2 * third), ids, calls);
  if (shape.compactHere) await here.store.compact();
  await here.settle();
  const rest = [...all.slice(2 * third)];
  let rooms = 0;
  feed.onRoom = async () => {
    const next = rest.shift();
    if (next !== undefined) void play(here, [next], ids, calls);
    await there.settle();
    if (++rooms !== shape.broken) return;
    feed.stop();
  };
  const broken = await feed.run().catch((error: Error) => {
    if (error.message !== 'the fill was stopped') throw error;
    return null;
  });
  if (broken === null) {
    await there.cut(rooms);
    await play(here, rest.splice(0, 5), ids, calls);
  }
  const restored = broken ?? (await feed.run());
  await play(here, rest, ids, calls);
  await here.settle();
  await there.settle();
  await unlike(here.store, there.store, 'in memory');
  await there.store.close();
  const { differences } = await check(there.disk);
  if (differences.length > 0) throw new Error(`a rebuilt index differs: ${JSON.stringify(differences.slice(0, 3))}`);
  await there.open();
  await unlike(here.store, there.store, 'after a restart');
  await there.store.compact();
  await unlike(here.store, there.store, 'after compaction');
  const errors = [...here.errors, ...there.errors];
  if (errors.length > 0) throw new Error(errors.join('\n'));
  await there.store.close();
  await here.store.close();
  return restored;
}

t.test(
  'Who went a way of its own undoes that, replays what it missed, and is a mirror again, whatever was done',
  async (t) => {
    const seed = chooseSeed();
    t.comment(`seed ${seed}`);
    const sums = { replayed: 0, undone: 0, filled: 0, bytes: 0 };
    const shape = fc.record({
      compactHere: fc.integer({ min: 0, max: 5 }).map((number) => number === 0),
      compactThere: fc.integer({ min: 0, max: 5 }).map((number) => number === 0),
      restart: fc.boolean(),
      broken: fc.nat(60),
      diverged: fc.nat(30),
    });
    const history = async (all: readonly Step[], shape: Shape): Promise<void> => {
      const restored = await comeBack(all, shape);
      for (const [name, count] of Object.entries(restored)) sums[name as keyof Restored] += count;
    };
    await fc.assert(fc.asyncProperty(fc.array(steps, { minLength: 60, maxLength: 150, size: 'max' }), shape, history), {
      seed,
      numRuns: RUNS,
    });
    t.comment(JSON.stringify(sums));
    t.ok(sums.replayed > 0 && sums.filled > 0, 'both ways were gone; what is undone differs by seed');
  },
);

t.test('What is undone is sent anew unit by unit: of a large file the chunks that were touched, no more', async (t) => {
  const here = new Side(true);
  await here.open();
  here.served = true;
  const there = new Side(false);
  await there.open();
  const feed = new Feed(here, there, false);
  await feed.run();
  const file = await here.store.create({ ...ROOT, replay: 'f' }, here.store.root(), 'f', FILE);
  const MIB = 1024 * 1024;
  for (let at = 0; at < 8 * MIB; at += MIB / 2) await here.store.write(ROOT, file, at, Buffer.alloc(MIB / 2, at / 7));
  await here.settle();
  await there.settle();
  feed.stop();
  there.store.replica.epoch = 2;
  there.served = true;
  await there.store.write(ROOT, file, 3 * MIB + 5, Buffer.from('never accepted'));
  await there.store.create({ ...ROOT, replay: 'g' }, here.store.root(), 'g', FILE);
  there.served = false;
  here.store.replica.epoch = 3;
  await here.store.write(ROOT, file, 100, Buffer.from('missed'));
  await here.settle();
  feed.bytes = 0;
  const restored = await feed.run();
  t.ok(restored.undone > 0, JSON.stringify(restored));
  t.ok(feed.bytes > MIB && feed.bytes < 1.1 * MIB, `${feed.bytes} bytes: one chunk of eight`);
  t.equal(restored.bytes, feed.bytes, 'which is what is counted');
  await unlike(here.store, there.store, 'afterwards');
  await there.store.close();
  await here.store.close();
});
