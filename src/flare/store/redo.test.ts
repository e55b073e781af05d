import fc from 'fast-check';
import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { Rebuild } from '../check/rebuild.ts';
import { ByteWriter } from '../index/bytes.ts';
import { compareIndexes } from '../index/compare.ts';
import { type InlineIndexHost, inlineIndexHost } from '../index/inline-host.ts';
import { weightOf } from '../index/live.ts';
import { ReplayRuns } from '../index/replay-runs.ts';
import { change, flareState, keyBytesOf, keyFor, recordOf } from '../index/testing/records.ts';
import { putReplay } from '../index/values.ts';
import { openKml } from '../kml/kml.ts';
import type { Kml } from '../kml/types.ts';
import { encodeOutcome } from '../record/codec.ts';
import { REPLAY_AGE_MAX, REPLAYS_MAX } from '../record/limits.ts';
import { type Change, type FlareState, OperationSchema } from '../record/schema.ts';
import { CHUNK_SIZE, DEFAULT_LIMITS } from './limits.ts';

interface Bench {
  readonly kml: Kml;
  readonly host: InlineIndexHost;
  readonly rebuild: Rebuild;
  /** Appends one record and waits until it is applied; says where its payload lies. */
  put(changes: Change[], data?: Buffer): Promise<{ segment: number; position: number; length: number }>;
}

/** A log on a simulated disk with an index behind it, which gets each batch at once, or by `flushBytes`. */
async function bench(flushBytes = 0): Promise<Bench> {
  const disk = new SimulatedDisk();
  const host = await inlineIndexHost();
  const rebuild = new Rebuild(host, { ...DEFAULT_LIMITS, flushBytes });
  const kml = await openKml({ disk, logger: silentLogger, networkId: Buffer.alloc(16), segmentBytes: 64 * 1024 });
  kml.onDurable((batch) => rebuild.batch(batch));
  let number = 0;
  return {
    kml,
    host,
    rebuild,
    async put(changes, data) {
      number++;
      const payload = recordOf(changes, { number }, data);
      const { lsn, segment, position } = kml.append([payload]);
      await kml.whenDurable(lsn);
      return { segment, position, length: payload.length };
    },
  };
}

t.test('architecture.md, Records: each change ends in the row that it describes', async (t) => {
  const { host, kml, put } = await bench();
  const { reader } = host;
  await put([change.flare(flareState('f', { used: 100, fileid: 77 })), change.entry('/', 'name', 'f', 3)]);
  const segment = kml.currentSegment;
  t.match(reader.flare(keyFor('f')), { flare: { attributes: { fileid: 77, used: 100 } }, segment });
  t.equal(reader.fileidHolder(77), keyFor('f'));
  t.equal(reader.fileidHolder(78), null);
  t.match(reader.entry(keyFor('/'), 'name'), { name: 'name', entry: { cookie: 3 }, segment });
  t.equal(reader.entry(keyFor('/'), 'Name'), null, 'names are bytes');
  t.same(reader.totals(), { flares: 1, usedBytes: 100 });
  await put([change.flare(flareState('f', { used: 40, fileid: 77 }))]);
  t.same(reader.totals(), { flares: 1, usedBytes: 40 });
  await put([change.parent('f', 'd', 2), change.note('secret', 'x'), change.slice(9)]);
  t.match(reader.parents(keyFor('f'), 1), [{ directory: { key: keyFor('d'), generation: 1 }, count: 2 }]);
  t.match(reader.note('secret'), { value: Buffer.from('x') });
  t.match(reader.slices(), [
    { slice: 7, number: 3, epoch: 1, nextFileid: 9, fileidsWrapped: false, segment, lastSegment: segment },
  ]);
  await put([change.note('secret', null), change.parent('f', 'd', 0), change.entryGone('/', 'name')]);
  t.same(reader.notes(), []);
  t.same(reader.parents(keyFor('f'), 1), []);
  t.equal(reader.entry(keyFor('/'), 'name'), null);
  t.equal(reader.slices()[0]?.number, 4, 'the slice has had a record more');
  await put([change.gone('f', 2)]);
  t.not(reader.flare(keyFor('f')), null, 'another generation is another flare');
  await put([change.gone('f')]);
  t.equal(reader.flare(keyFor('f')), null);
  t.same(reader.totals(), { flares: 0, usedBytes: 0 });
});

t.test('entries come in the order of their cookies, a page at a time', async (t) => {
  const { host, put } = await bench();
  for (const [name, cookie] of [
    ['c', 5],
    ['a', 9],
    ['b', 3],
  ] as const)
    await put([change.entry('/', name, name, cookie)]);
  await put([change.entry('/other', 'z', 'z', 4)]);
  const names = (cookie: number, limit: number): string[] =>
    host.reader.entriesAfter(keyFor('/'), cookie, limit).map(({ name }) => name);
  t.same(names(0, 10), ['b', 'c', 'a']);
  t.same(names(0, 2), ['b', 'c']);
  t.same(names(5, 10), ['a']);
});

t.test('live bytes are what rows and extents need of each segment, and nothing when all is gone', async (t) => {
  const { host, kml, put } = await bench();
  const state = flareState('f');
  await put([change.flare(state), change.entry('/', 'n', 'f', 3), change.parent('f', 'd', 1), change.note('k', 'vv')]);
  await put([change.data('f', 0)], Buffer.alloc(1000));
  const rows =
    weightOf.flare(state.target) +
    weightOf.entry(Buffer.from('n')) +
    weightOf.parent() +
    weightOf.note(Buffer.from('k'), Buffer.from('vv'));
  t.equal(host.reader.liveBytes().get(kml.currentSegment), rows + weightOf.extents(1, 1000));
  await put([change.data('f', 500)], Buffer.alloc(100));
  t.equal(host.reader.liveBytes().get(kml.currentSegment), rows + weightOf.extents(3, 1000));
  await put([change.cut('f', 550)]);
  t.equal(host.reader.liveBytes().get(kml.currentSegment), rows + weightOf.extents(2, 550));
  await put([change.gone('f'), change.entryGone('/', 'n'), change.note('k', null)]);
  t.equal(host.reader.liveBytes().size, 0);
});

t.test(
  'replays: the last REPLAYS_MAX are kept, those of one flush go together, and when they are too old',
  async (t) => {
    const { host } = await bench();
    const runs = new ReplayRuns(host.database);
    const add = (first: number, count: number, segment: number): void => {
      const to = new ByteWriter(new ArrayBuffer(1024));
      for (let at = first; at < first + count; at++)
        putReplay(to, { identity: `call ${at}`, time: at, attributes: null, slice: 0, segment });
      runs.add(count, to.written);
    };
    const half = REPLAYS_MAX / 2;
    add(0, 10, 1);
    add(10, half, 1);
    add(10 + half, half - 1, 1);
    t.equal(host.reader.replays().length, REPLAYS_MAX + 9, 'without the oldest flush it would be one too few');
    add(11, 1, 2);
    const kept = host.reader.replays();
    t.equal(kept.length, REPLAYS_MAX - 1, 'that call 11 was written anew counts');
    t.match(kept.slice(0, 2), [
      { identity: 'call 10', segment: 1 },
      { identity: 'call 11', segment: 2 },
    ]);
    runs.load();
    add(REPLAYS_MAX + REPLAY_AGE_MAX + 20, 1, 2);
    t.match(host.reader.replays(), [{ time: REPLAYS_MAX + REPLAY_AGE_MAX + 20 }]);
  },
);

t.test('many changes of one flare in one flush leave what the same changes one by one would', async () => {
  const name = fc.constantFrom('f', 'g', 'h');
  const generation = fc.integer({ min: 1, max: 2 });
  const step = fc.oneof(
    fc.record({ name, generation, fileid: fc.integer({ min: 1, max: 4 }), used: fc.nat(50), target: fc.nat(5) }),
    fc.record({ name, generation, gone: fc.constant(true) }),
  );
  const time = fc.nat(3);
  const replayed = fc.record({ operation: fc.constantFrom(OperationSchema.base, OperationSchema.setattr), time });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(step, replayed), { maxLength: 30 }), async (steps) => {
      const together = await bench(2 ** 30);
      const apart = await bench();
      const seen = new Set<number>();
      const records = steps.map(([made, { operation, time }], at) => {
        const { name, generation } = made;
        const what = 'gone' in made ? change.gone(name, generation) : change.flare(stateOf(made));
        // Only base records repeat a replay.
        const again = seen.has(time) ? OperationSchema.base : operation;
        seen.add(time);
        const replay = { identity: Buffer.from(`call ${time}`), time, outcome: encodeOutcome(null) };
        return recordOf([what], { number: at + 1, operation: again, replay });
      });
      for (const record of records) together.kml.append([record]);
      for (const record of records) await apart.kml.whenDurable(apart.kml.append([record]).lsn);
      await together.kml.whenDurable(records.length);
      await together.rebuild.done();
      const kept = together.host.reader.replays().length;
      if (kept !== seen.size) throw new Error(`${kept} replays of ${seen.size} calls`);
      const differences = compareIndexes(together.host.database, apart.host.database);
      if (differences.length > 0) throw new Error(JSON.stringify(differences));
    }),
    { numRuns: 100 },
  );
});

function stateOf(made: { name: string; generation: number; fileid: number; used: number; target: number }): FlareState {
  const { name, generation, fileid, used, target } = made;
  const id = { key: keyBytesOf(name), generation };
  return flareState(name, { id, fileid, used, target: Buffer.alloc(target, 1) });
}

t.test('a batch that does not follow on what is there is refused', async (t) => {
  const { host, rebuild, put } = await bench();
  await put([change.note('a', '1')]);
  const before = host.applied;
  const bytes = Buffer.alloc(48);
  t.throws(() => rebuild.batch({ segment: 1, position: 64, firstLsn: 9, count: 0, bytes }), /given 9/);
  t.same(host.applied, before);
});

t.test(
  'extents: reading them gives what writing and cutting the bytes themselves would, whenever it is flushed, and the index equals a rebuilt one',
  async () => {
    // Around the border of two chunks, which data never cross.
    const base = CHUNK_SIZE - 200;
    const step = fc.oneof(
      fc.record({ at: fc.nat(300), length: fc.integer({ min: 1, max: 120 }) }),
      fc.record({ cut: fc.nat(400) }),
    );
    const flushBytes = fc.constantFrom(0, 500, 2000);
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), flushBytes, async (steps, flushBytes) => {
        const { host, kml, rebuild, put } = await bench(flushBytes);
        const model = new Map<number, number>();
        for (const [turn, entry] of steps.entries()) {
          if ('cut' in entry) {
            await put([change.cut('f', base + entry.cut)]);
            for (const at of [...model.keys()]) if (at >= base + entry.cut) model.delete(at);
          } else {
            const offset = base + entry.at;
            const room = CHUNK_SIZE - (offset % CHUNK_SIZE);
            const length = Math.min(entry.length, room);
            await put([change.data('f', offset)], Buffer.alloc(length, turn));
            for (let at = 0; at < length; at++) model.set(offset + at, turn);
          }
        }
        await rebuild.done();
        const found = new Map<number, number>();
        for (const chunk of [0, 1]) {
          for (const extent of host.reader.chunk(keyFor('f'), 1, chunk)) {
            const bytes = await kml.read(extent.segment, extent.position, extent.length, extent.lead);
            for (const [at, byte] of bytes.entries()) found.set(extent.offset + at, byte);
          }
        }
        if (found.size !== model.size) throw new Error(`${found.size} bytes, not ${model.size}`);
        for (const [at, byte] of found) if (byte !== model.get(at)) throw new Error(`byte ${at}: ${byte}`);
        const rebuilt = await inlineIndexHost();
        const again = new Rebuild(rebuilt);
        for (const { number } of kml.segments())
          for await (const batch of kml.walkSegment(number)) await again.batch(batch);
        await again.done();
        const differences = compareIndexes(host.database, rebuilt.database);
        if (differences.length > 0) throw new Error(JSON.stringify(differences));
      }),
      { numRuns: 60 },
    );
  },
);

t.test('compareIndexes names each row that differs', async (t) => {
  const one = await bench();
  const other = await bench();
  await one.put([change.note('a', '1'), change.note('b', '2'), change.note('d', '4')]);
  await other.put([change.note('a', '1'), change.note('b', '3'), change.note('c', '4')]);
  const notes = compareIndexes(one.host.database, other.host.database).filter(({ table }) => table === 'notes');
  t.equal(notes.length, 3);
  t.match(notes[0], { left: /"value":"32"/, right: /"value":"33"/ });
  t.match(notes[1], { left: null, right: /"name":"63"/ });
  t.match(notes[2], { left: /"name":"64"/, right: null });
});
