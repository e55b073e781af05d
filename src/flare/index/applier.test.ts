import fc from 'fast-check';
import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { openKml } from '../kml/kml.ts';
import type { Kml } from '../kml/types.ts';
import { type Change, type FlareState, OperationSchema } from '../record/schema.ts';
import { compareIndexes } from './compare.ts';
import { type InlineIndexHost, inlineIndexHost } from './inline-host.ts';
import { weightOf } from './live.ts';
import { REPLAYS_MAX, ReplayTable } from './tables.ts';
import { change, flareState, keyBytesOf, keyFor, recordOf } from './testing/records.ts';

interface Bench {
  readonly kml: Kml;
  readonly host: InlineIndexHost;
  /** Appends one record and waits until it is applied; says where its payload lies. */
  put(changes: Change[], data?: Buffer): Promise<{ segment: number; position: number; length: number }>;
}

/** A log on a simulated disk with an index behind it. */
async function bench(disk = new SimulatedDisk()): Promise<Bench> {
  const host = await inlineIndexHost();
  const kml = await openKml({ disk, logger: silentLogger, networkId: Buffer.alloc(16), segmentBytes: 64 * 1024 });
  kml.onDurable((batch) => host.apply(batch));
  let number = 0;
  return {
    kml,
    host,
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
  t.match(reader.flare(keyFor('f')), { state: { fileid: 77, used: 100 }, segment });
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
  t.ok(host.reader.cookieTaken(keyFor('/'), 9));
  t.notOk(host.reader.cookieTaken(keyFor('/'), 4));
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

t.test('replays: a ring that is overwritten in turn; one that is written anew keeps its turn', async (t) => {
  const { host } = await bench();
  const live = { add() {}, take() {} } as never;
  const ring = new ReplayTable(host.database, live);
  const replay = (at: number): never =>
    ({ identity: Buffer.from(`call ${at}`), time: at, outcome: Buffer.from('ok') }) as never;
  host.database.exec('BEGIN');
  for (let at = 0; at < REPLAYS_MAX + 2; at++) ring.put(replay(at), 1);
  ring.put(replay(5), 2);
  ring.flush();
  host.database.exec('COMMIT');
  const kept = host.reader.replays();
  t.equal(kept.length, REPLAYS_MAX);
  t.equal(kept[0]?.time, 2, 'the two oldest have gone');
  t.match(kept[3], { time: 5, segment: 2 });
});

t.test('many changes of one flare in one transaction leave what the same changes one by one would', async () => {
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
      const together = await bench();
      const apart = await bench();
      const seen = new Set<number>();
      const records = steps.map(([made, { operation, time }], at) => {
        const { name, generation } = made;
        const what = 'gone' in made ? change.gone(name, generation) : change.flare(stateOf(made));
        // Only base records repeat a replay.
        const again = seen.has(time) ? OperationSchema.base : operation;
        seen.add(time);
        const replay = { identity: Buffer.from(`call ${time}`), time, outcome: Buffer.from('ok') };
        return recordOf([what], { number: at + 1, operation: again, replay });
      });
      for (const record of records) together.kml.append([record]);
      for (const record of records) await apart.kml.whenDurable(apart.kml.append([record]).lsn);
      await together.kml.whenDurable(records.length);
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

t.test('a batch that does not follow on what is applied is refused, and nothing changes', async (t) => {
  const { host, put } = await bench();
  await put([change.note('a', '1')]);
  const before = host.applied;
  const bytes = Buffer.alloc(48);
  await t.rejects(Promise.resolve(host.apply({ segment: 1, position: 64, firstLsn: 9, count: 0, bytes })), /given 9/);
  t.same(host.applied, before);
  await t.rejects(
    Promise.resolve(host.apply({ segment: 1, position: 64, firstLsn: 2, count: 0, bytes })),
    /has failed/,
  );
});

t.test(
  'extents: reading them gives what writing and cutting the bytes themselves would, and the index equals a rebuilt one',
  async () => {
    const step = fc.oneof(
      fc.record({ at: fc.nat(300), length: fc.integer({ min: 1, max: 120 }) }),
      fc.record({ cut: fc.nat(400) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 25 }), fc.nat(400), fc.nat(400), async (steps, one, other) => {
        const { host, kml, put } = await bench();
        const model = new Map<number, number>();
        for (const [turn, entry] of steps.entries()) {
          if ('cut' in entry) {
            await put([change.cut('f', entry.cut)]);
            for (const at of [...model.keys()]) if (at >= entry.cut) model.delete(at);
          } else {
            await put([change.data('f', entry.at)], Buffer.alloc(entry.length, turn));
            for (let at = 0; at < entry.length; at++) model.set(entry.at + at, turn);
          }
        }
        const from = Math.min(one, other);
        const to = Math.max(one, other) + 1;
        const found = new Map<number, number>();
        for (const extent of host.reader.extents(keyFor('f'), 1, from, to)) {
          if (extent.offset >= to || extent.offset + extent.length <= from)
            throw new Error('an extent outside of the range');
          const bytes = await kml.read(extent.segment, extent.position, extent.length);
          for (const [at, byte] of bytes.entries()) found.set(extent.offset + at, byte);
        }
        for (let at = from; at < to; at++) {
          if (found.get(at) !== model.get(at)) throw new Error(`byte ${at}: ${found.get(at)}, not ${model.get(at)}`);
        }
        const rebuilt = await inlineIndexHost();
        for (const { number } of kml.segments())
          for await (const batch of kml.walkSegment(number)) rebuilt.apply(batch);
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
