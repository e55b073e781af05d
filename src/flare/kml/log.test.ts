import t from 'tap';
import type { Disk, DiskFile } from '../../base/disk.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { KmlClosedError, KmlReadError, KmlRotError, KmlWedgedError } from './errors.ts';
import {
  alignBatch,
  BATCH_ALIGNMENT,
  BATCH_BYTES_TARGET,
  BATCH_HEADER_BYTES,
  BATCH_PADDING,
  batchRecords,
  GROUP_BYTES_MAX,
  LONG_BATCH_BYTES,
  RECORD_BYTES_MAX,
  RECORD_HEADER_BYTES,
  recordCrc,
  recordSound,
  recordsFit,
  recordsSound,
  SEGMENT_HEADER_BYTES,
  segmentName,
} from './format.ts';
import { SEGMENT_BYTES_MIN } from './kml.ts';
import { group, openLog } from './testing/harness.ts';
import type { LogBatch } from './types.ts';

/** A disk that tells which file is written, where and how much. */
function watched(disk: SimulatedDisk): { disk: Disk; writes: string[] } {
  const writes: string[] = [];
  const watch = (name: string, file: DiskFile): DiskFile => ({
    ...file,
    writeDurable(buffers, position) {
      writes.push(`${name} ${position} ${buffers.reduce((sum, { length }) => sum + length, 0)}`);
      return file.writeDurable(buffers, position);
    },
  });
  const proxy = new Proxy(disk, {
    get(target, name) {
      if (name === 'create') return async (file: string) => watch(file, await target.create(file));
      const value = target[name as keyof SimulatedDisk];
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
  return { disk: proxy, writes };
}

t.test('Group commit: LSNs and places are final at once, and what is appended in one turn is one write', async (t) => {
  const { disk, writes } = watched(new SimulatedDisk());
  const { kml } = await openLog(disk);
  writes.length = 0;
  const one = kml.append(group('first'));
  const two = kml.append(group('second', 'third'));
  t.same(one, {
    firstLsn: 1,
    lsn: 1,
    segment: 1,
    position: SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + RECORD_HEADER_BYTES,
  });
  t.same(two, { firstLsn: 2, lsn: 3, segment: 1, position: one.position + 5 + RECORD_HEADER_BYTES });
  t.equal(kml.nextLsn, 4);
  t.equal(kml.durable, 0);
  const seen: string[] = [];
  kml.onDurable((batch) => {
    for (const { position, payload } of batchRecords(batch)) seen.push(`${position} ${payload}`);
  });
  const wait = kml.whenDurable(3);
  t.type(wait, Promise);
  await wait;
  t.equal(writes.length, 1);
  t.equal(kml.durable, 3);
  t.equal(kml.pendingBytes, 0);
  t.equal(kml.whenDurable(3), undefined, 'nothing to wait for');
  const third = two.position + 6 + RECORD_HEADER_BYTES;
  t.same(seen, [`${one.position} first`, `${two.position} second`, `${third} third`]);
  await t.rejects(Promise.resolve(kml.whenDurable(4)), { message: /record 4 was never appended/ });
});

t.test(
  'A batch is shown when its writing begins, in order, before it is durable; what that throws wedges',
  async (t) => {
    const { kml } = await openLog(new SimulatedDisk());
    const seen: string[] = [];
    const show = (kind: string) => (batch: LogBatch) => {
      seen.push(`${kind} ${[...batchRecords(batch)].map(({ lsn, payload }) => `${lsn}${payload}`)} of ${kml.durable}`);
    };
    kml.onWriting(show('writing'));
    kml.onDurable(show('durable'));
    const first = kml.append(group('a', 'b'));
    t.same(seen, []);
    await kml.whenDurable(first.lsn);
    await kml.whenDurable(kml.append(group('c')).lsn);
    t.same(seen, ['writing 1a,2b of 0', 'durable 1a,2b of 2', 'writing 3c of 2', 'durable 3c of 3']);
    kml.onWriting(() => {
      throw new Error('not this one');
    });
    await t.rejects(async () => kml.whenDurable(kml.append(group('d')).lsn), KmlWedgedError);
  },
);

t.test("onSealed: each batch's end, before the group behind it is taken and before the batch is durable", async (t) => {
  const { kml } = await openLog(new SimulatedDisk());
  const told: string[] = [];
  kml.onSealed((end, bytes) => told.push(`sealed ${end.lsn} at ${end.position}, ${bytes}; next ${kml.nextLsn}`));
  kml.onDurable(() => void told.push(`durable ${kml.durable} at ${kml.durableMark.position}`));
  kml.append(group('one', 'two'));
  t.same(told, [], 'it still gathers');
  kml.append(group('x'.repeat(4096 - SEGMENT_HEADER_BYTES - BATCH_HEADER_BYTES - RECORD_HEADER_BYTES)));
  t.same(told, ['sealed 2 at 136, 72; next 3'], 'the next group does not fit');
  await kml.whenDurable(3);
  t.same(told.slice(1), ['durable 2 at 136', 'sealed 3 at 4096, 4032; next 4', 'durable 3 at 4096']);
  await kml.close();
  t.match(told.slice(4), [/^sealed 3 at \d+, 48/, /^durable 3/], 'the batch that ends the log is one, too');
});

t.test('Group commit: while one batch is written the next gathers', async (t) => {
  const { disk, writes } = watched(new SimulatedDisk());
  const { kml } = await openLog(disk);
  writes.length = 0;
  kml.append(group('a'));
  while (writes.length === 0) await new Promise((resolve) => setImmediate(resolve));
  kml.append(group('b'));
  const { lsn } = kml.append(group('c'));
  await kml.whenDurable(lsn);
  t.equal(writes.length, 2);
});

t.test('a batch is bounded: more groups make more batches', async (t) => {
  const { kml } = await openLog(new SimulatedDisk(), { segmentBytes: 64 * 1024 * 1024 });
  const batches: LogBatch[] = [];
  kml.onDurable((batch) => void batches.push(batch));
  let lsn = 0;
  for (let at = 0; at < 5; at++) ({ lsn } = kml.append([Buffer.alloc(BATCH_BYTES_TARGET / 2 - 4096)]));
  await kml.whenDurable(lsn);
  t.same(
    batches.map(({ count }) => count),
    [2, 2, 1],
  );
});

t.test("a batch's memory is used again, but not before its listener is done with it (Kml.onDurable)", async (t) => {
  const { kml } = await openLog(new SimulatedDisk());
  const room = Promise.withResolvers<void>();
  const batches: LogBatch[] = [];
  const textOf = (batch: LogBatch) => [...batchRecords(batch)].map(({ payload }) => String(payload)).join();
  kml.onDurable((batch) => {
    batches.push(batch);
    return room.promise;
  });
  await kml.whenDurable(kml.append(group('one')).lsn);
  const { lsn } = kml.append([{ length: 8, head: Buffer.from('tw'), tail: Buffer.from('o') }]);
  t.equal(textOf(batches[0]!), 'one');
  room.resolve();
  await kml.whenDurable(lsn);
  t.equal(textOf(batches[1]!), 'two\0\0\0\0\0', 'a payload in two pieces, with zeros up to its length');
  await kml.whenDurable(kml.append(group('three')).lsn);
  t.equal(new Set(batches.map(({ bytes }) => bytes.buffer)).size, 2);
});

t.test('a segment that is full is followed by the next, and one group may make a larger one', async (t) => {
  const { disk, writes } = watched(new SimulatedDisk());
  const { kml } = await openLog(disk);
  const places = [3000, 3000, 9000, 100].map((length) => kml.append([Buffer.alloc(length, 1)]));
  t.same(
    places.map(({ segment }) => segment),
    [1, 2, 3, 4],
  );
  await kml.whenDurable(4);
  for (const { segment, position } of places) t.same(await kml.read(segment, position, 50, 0), Buffer.alloc(50, 1));
  t.same(
    kml.segments().map(({ number }) => number),
    [1, 2, 3, 4],
  );
  t.equal(kml.currentSegment, 4);
  const ends = new Map<string, number>();
  for (const write of writes) {
    const [name, position, length] = write.split(' ') as [string, string, string];
    t.equal(Number(position), ends.get(name) ?? 0, 'a position once written is never written again');
    ends.set(name, Number(position) + Number(length));
  }
});

t.test('bounds on records and groups', async (t) => {
  const { kml } = await openLog(new SimulatedDisk());
  t.throws(() => kml.append([]), RangeError);
  t.throws(() => kml.append([Buffer.alloc(0)]), RangeError);
  t.throws(() => kml.append([Buffer.alloc(RECORD_BYTES_MAX + 1)]), { message: /1 to 4194304 bytes, not 4194305/ });
  const large = Buffer.alloc(RECORD_BYTES_MAX);
  const count = Math.ceil(GROUP_BYTES_MAX / RECORD_BYTES_MAX);
  t.throws(() => kml.append(Array(count).fill(large)), { message: /a group has at most/ });
  t.equal(kml.nextLsn, 1, 'what is refused gets no number');
  await t.rejects(openLog(new SimulatedDisk(), { segmentBytes: SEGMENT_BYTES_MIN - 1 }), RangeError);
  await t.rejects(openLog(new SimulatedDisk(), { networkId: Buffer.alloc(15) }), RangeError);
});

for (const [operation, code] of [
  ['write', 'ENOSPC'],
  ['write', 'EIO'],
  ['sync', 'EIO'],
] as const) {
  t.test(
    `a ${operation} that fails with ${code} wedges the log: waiters and appends get the error, nothing is retried`,
    async (t) => {
      const simulated = new SimulatedDisk();
      const { disk, writes } = watched(simulated);
      const { kml } = await openLog(disk);
      const kept = kml.append(group('kept'));
      await kml.whenDurable(1);
      simulated.fail(operation, 1, code);
      let told: Error | null = null;
      kml.onWedged((error) => {
        told = error;
      });
      kml.append(group('lost'));
      const before = writes.length;
      await t.rejects(Promise.resolve(kml.whenDurable(2)), new RegExp(`wedged: ${code}`));
      t.type(told, KmlWedgedError);
      t.throws(() => kml.append(group('more')), KmlWedgedError);
      await t.rejects(Promise.resolve(kml.whenDurable(2)), KmlWedgedError);
      t.equal(kml.whenDurable(1), undefined, 'what was durable is');
      t.equal(kml.nextLsn, 3, 'what was lost was given a number');
      t.equal((await kml.read(kept.segment, kept.position, 4, 0)).toString(), 'kept', 'reads go on');
      await kml.close();
      t.equal(writes.length, before + 1);
      const { records } = await openLog(simulated);
      t.equal(records.get(1), 'kept');
    },
  );
}

t.test('a listener that fails wedges the log, and one that is pending holds the next batch back', async (t) => {
  const { disk, writes } = watched(new SimulatedDisk());
  const { kml } = await openLog(disk);
  const room = Promise.withResolvers<void>();
  kml.onDurable(() => room.promise);
  kml.append(group('a'));
  await kml.whenDurable(1);
  const before = writes.length;
  kml.append(group('b'));
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  t.equal(writes.length, before);
  room.resolve();
  await kml.whenDurable(2);
  kml.onDurable(() => {
    throw new Error('no index');
  });
  kml.append(group('c'));
  await Promise.resolve(kml.whenDurable(3)).catch(() => {});
  t.throws(() => kml.append(group('d')), /wedged: no index/);
});

t.test('read: from memory before it is durable, from the file after, never beyond what is sound', async (t) => {
  const disk = new SimulatedDisk();
  const { kml } = await openLog(disk);
  const { segment, position } = kml.append(group('hello'));
  const early = kml.read(segment, position, 5, 0);
  t.equal(early.toString(), 'hello', 'at once, as a buffer');
  await kml.whenDurable(1);
  const late = await kml.read(segment, position + 1, 3, 1);
  t.equal(late.toString(), 'ell');
  t.notOk(kml.read(segment, position, 5, 0) instanceof Promise, 'what was read lately comes at once');
  await t.rejects(Promise.resolve(kml.read(segment, position, 500, 0)), KmlReadError);
  await t.rejects(Promise.resolve(kml.read(9, position, 5, 0)), { message: /there is no such segment/ });
});

t.test(
  'read: what comes from the disk has its checksum, or is refused, and so is a record of which any other part is damaged',
  async (t) => {
    for (const [what, wrong] of [
      ['its length', -8],
      ['its checksum', -1],
      ['its first byte', 0],
      ['what is asked for', 5000],
      ['its last byte', 9999],
    ] as const) {
      const disk = new SimulatedDisk();
      const { kml } = await openLog(disk);
      const { segment, position } = kml.append([Buffer.alloc(10_000, 1)]);
      const next = kml.append([Buffer.alloc(100, 2)]);
      await kml.whenDurable(next.lsn);
      disk.flipBit(segmentName(segment), position + wrong, 6);
      const read = (): Promise<Buffer> => Promise.resolve(kml.read(segment, position + 4990, 20, 4990));
      // Also at once, when the host has it in its cache.
      for (const how of ['from the disk', 'again']) {
        await t.rejects(
          read(),
          { name: 'KmlReadError', message: /20 bytes at byte \d+ of segment 1: .*damaged/ },
          `${what}, ${how}`,
        );
      }
      t.same(await kml.read(next.segment, next.position, 100, 0), Buffer.alloc(100, 2), 'others can be read');
      disk.flipBit(segmentName(segment), position + wrong, 6);
      t.same(await read(), Buffer.alloc(20, 1), 'and it, if it is as it was again');
      await kml.close();
    }
  },
);

t.test('dropOldest: only the oldest, never the one that is being written, durably', async (t) => {
  const disk = new SimulatedDisk();
  const { kml } = await openLog(disk);
  await t.rejects(kml.dropOldest(1), { message: /being written/ });
  for (let at = 0; at < 3; at++) kml.append([Buffer.alloc(3000)]);
  await kml.whenDurable(3);
  await t.rejects(kml.dropOldest(2), { message: /segment 1 is older/ });
  await kml.dropOldest(1);
  t.same(
    kml.segments().map(({ number }) => number),
    [2, 3],
  );
  await t.rejects(disk.open(segmentName(1)), { code: 'ENOENT' });
  await kml.close();
  const { records } = await openLog(disk);
  t.same([...records.keys()], [2, 3], 'what is kept is walked, under its own numbers');
});

t.test('walkSegment: every durable batch of a segment', async (t) => {
  const { kml } = await openLog(new SimulatedDisk());
  kml.append(group('a'));
  await kml.whenDurable(1);
  kml.append(group('b', 'c'));
  await kml.whenDurable(3);
  const seen: string[] = [];
  for await (const batch of kml.walkSegment(1))
    for (const { lsn, payload } of batchRecords(batch)) seen.push(`${lsn} ${payload}`);
  t.same(seen, ['1 a', '2 b', '3 c']);
});

t.test(
  'a long batch ends where a block does, within the segment; a short one, and the next one, where it must',
  async (t) => {
    const disk = new SimulatedDisk();
    const segmentBytes = 1024 * 1024;
    const { kml } = await openLog(disk, { segmentBytes });
    const batches = async (log: typeof kml): Promise<string[]> => {
      const found: string[] = [];
      for (const { number } of log.segments())
        for await (const { segment, position, bytes, count } of log.walkSegment(number)) {
          if (count > 0) found.push(`${segment} ${position} ${bytes.length}`);
        }
      return found;
    };
    const lengths = [100, LONG_BATCH_BYTES, 70_001, 100, LONG_BATCH_BYTES - 100, 80_000];
    for (const length of lengths) {
      kml.append([Buffer.alloc(length, 1)]);
      await kml.whenDurable(kml.nextLsn - 1);
    }
    const places = (await batches(kml)).map((line) => line.split(' ').map(Number));
    for (const [at, [, position, length]] of places.entries()) {
      const end = position! + length!;
      const long = lengths[at]! + BATCH_HEADER_BYTES + RECORD_HEADER_BYTES >= LONG_BATCH_BYTES;
      t.equal(end % (long ? BATCH_PADDING : 8), 0, `batch ${at} ends at ${end}`);
      if (!long) t.equal(length, alignBatch(BATCH_HEADER_BYTES + RECORD_HEADER_BYTES + lengths[at]!));
    }
    // So full that a block does not fit any more.
    const [, position, length] = places.at(-1)!;
    const left = segmentBytes - (position! + length!) - 200_000;
    for (const bytes of [left - 1000, 199_000]) {
      kml.append([Buffer.alloc(bytes, 2)]);
      await kml.whenDurable(kml.nextLsn - 1);
    }
    t.ok(
      kml.segments().every(({ bytes }) => bytes <= segmentBytes),
      'no segment is longer than it may be',
    );
    const all = await batches(kml);
    t.equal(all.length, lengths.length + 2);
    await kml.close();
    const { kml: again } = await openLog(disk, { segmentBytes });
    t.same(await batches(again), all, 'all of it is found again');
    await again.close();
  },
);

t.test('what pads a batch is zeros, and little', (t) => {
  const batch = (records: number, padding: number): Buffer => {
    const bytes = Buffer.alloc(BATCH_HEADER_BYTES + RECORD_HEADER_BYTES + records + padding);
    bytes.writeUInt32BE(records, BATCH_HEADER_BYTES);
    const payload = bytes.subarray(BATCH_HEADER_BYTES + RECORD_HEADER_BYTES, bytes.length - padding).fill(1);
    bytes.writeUInt32BE(recordCrc(payload), BATCH_HEADER_BYTES + 4);
    return bytes;
  };
  const fits = (bytes: Buffer): boolean => {
    t.equal(recordsSound(bytes, 1), recordsFit(bytes, 1));
    return recordsFit(bytes, 1);
  };
  t.ok(fits(batch(100, BATCH_ALIGNMENT - 1)));
  t.notOk(fits(batch(100, BATCH_ALIGNMENT)));
  t.ok(fits(batch(LONG_BATCH_BYTES, BATCH_PADDING - 1)));
  t.notOk(fits(batch(LONG_BATCH_BYTES, BATCH_PADDING)));
  const touched = batch(LONG_BATCH_BYTES, 100);
  touched[touched.length - 50] = 1;
  t.notOk(fits(touched));
  const cut = batch(LONG_BATCH_BYTES, 0);
  t.notOk(recordsFit(cut.subarray(0, cut.length - 1), 1), 'a record that ends behind the batch');
  t.end();
});

t.test('scanSegment: the same batches, with what their records hold unchecked', async (t) => {
  const disk = new SimulatedDisk();
  const { kml } = await openLog(disk, { segmentBytes: 8 * 1024 * 1024 });
  // Some batches to a window, and one that is longer than that.
  const lengths = [1, 3000, 400_000, 400_000, 400_000, 2_500_000, 5, 700_000];
  for (const length of lengths) {
    kml.append([Buffer.alloc(length, 'a'), Buffer.from('b')]);
    await kml.whenDurable(kml.nextLsn - 1);
  }
  const listed = async () => {
    const seen: string[] = [];
    for await (const batches of kml.scanSegment(1))
      for (const batch of batches)
        for (const place of batchRecords(batch)) {
          seen.push(`${place.lsn} ${place.position} ${place.payload.length} ${recordSound(batch, place)}`);
        }
    return seen;
  };
  const wanted: string[] = [];
  for await (const batch of kml.walkSegment(1)) {
    for (const { lsn, position, payload } of batchRecords(batch))
      wanted.push(`${lsn} ${position} ${payload.length} true`);
  }
  t.equal(wanted.length, 2 * lengths.length);
  t.same(await listed(), wanted);

  const [, , third] = wanted.map((line) => Number(line.split(' ')[1]));
  disk.flipBit(segmentName(1), third!);
  const damaged = await listed();
  t.equal(damaged[2], wanted[2]!.replace('true', 'false'), 'what a record holds is for who needs it to check');
  t.same(damaged.toSpliced(2, 1), wanted.toSpliced(2, 1));
  disk.flipBit(segmentName(1), third! - RECORD_HEADER_BYTES + 3);
  await t.rejects(listed(), KmlRotError, 'lengths that do not add up');
  disk.flipBit(segmentName(1), third! - RECORD_HEADER_BYTES + 3);
  disk.flipBit(segmentName(1), third! - RECORD_HEADER_BYTES - BATCH_HEADER_BYTES + 9);
  await t.rejects(listed(), KmlRotError, "a batch's header");
  await kml.close();
});

t.test('close makes durable what was appended and says so in an empty batch; later appends are refused', async (t) => {
  const disk = new SimulatedDisk();
  const { kml } = await openLog(disk);
  kml.append(group('a'));
  await kml.close();
  t.throws(() => kml.append(group('b')), KmlClosedError);
  await kml.close();
  const { batches } = await openLog(disk);
  t.same(
    batches.map(({ count }) => count),
    [1, 0],
  );
});
