import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { KmlRotError } from './errors.ts';
import { BATCH_HEADER_BYTES, encodeSegmentHeader, KML_FORMAT, SEGMENT_HEADER_BYTES, segmentName } from './format.ts';
import { group, NETWORK, openLog } from './testing/harness.ts';
import type { LogMark } from './types.ts';

/** A log with three batches in its first segment; where each begins, and the mark behind the last. */
async function threeBatches(close = false): Promise<{ disk: SimulatedDisk; starts: number[]; end: LogMark }> {
  const disk = new SimulatedDisk();
  const { kml } = await openLog(disk);
  const starts: number[] = [];
  for (const text of ['first', 'second', 'third']) {
    const { lsn, position } = kml.append(group(text));
    starts.push(position - 8 - BATCH_HEADER_BYTES);
    await kml.whenDurable(lsn);
  }
  const end = kml.durableMark;
  if (close) await kml.close();
  return { disk, starts, end };
}

/** The rot that opening that disk meets. */
async function rotOf(disk: SimulatedDisk, from?: LogMark): Promise<KmlRotError> {
  const error = await openLog(disk, from === undefined ? {} : { from }).then(
    () => new Error('it opened'),
    (caught: Error) => caught,
  );
  if (!(error instanceof KmlRotError)) throw error;
  return error;
}

t.test('Opening: a batch that is not sound, with nothing that says that it was durable, is a torn tail', async (t) => {
  const { disk, starts } = await threeBatches();
  disk.flipBit(segmentName(1), starts[2]! + BATCH_HEADER_BYTES + 10);
  const one = await openLog(disk);
  t.same([...one.records.values()], ['first', 'second']);
  t.equal(one.kml.nextLsn, 3);
  t.equal(one.kml.currentSegment, 2, 'it goes on in a new segment');
  one.kml.append(group('instead'));
  await one.kml.close();
  const two = await openLog(disk);
  t.same(
    [...two.records.values()],
    ['first', 'second', 'instead'],
    'what lies behind the end is not looked at any more',
  );
});

t.test(
  'Opening: any bit of an earlier batch that rots is refused, by segment, position, evidence and cure',
  async (t) => {
    for (const place of [0, 1]) {
      const { starts } = await threeBatches();
      for (let at = starts[place]!; at < starts[place + 1]!; at += 7) {
        const { disk } = await threeBatches();
        disk.flipBit(segmentName(1), at, at % 8);
        const before = disk.content(segmentName(1));
        const names = await disk.list('kml');
        const rot = await rotOf(disk);
        t.match(rot, { segment: 1, position: starts[place] });
        t.match(
          rot.message,
          /^kml\/00000001\.seg is damaged at byte \d+: .*says that all up to byte \d+ of segment 1 was durable\. .*Restore/,
        );
        t.same(disk.content(segmentName(1)), before, 'nothing was changed');
        t.same(await disk.list('kml'), names);
      }
    }
  },
);

t.test('Opening: damage in the last batch is rot when the log was closed, or the index has applied it', async (t) => {
  const closed = await threeBatches(true);
  closed.disk.flipBit(segmentName(1), closed.starts[2]! + BATCH_HEADER_BYTES + 10);
  t.match(await rotOf(closed.disk), { segment: 1, position: closed.starts[2] });
  const { disk, end } = await threeBatches();
  const opened = await openLog(disk, { from: end });
  t.equal(opened.records.size, 0, 'below the mark nothing is walked');
  const short = new SimulatedDisk();
  await openLog(short);
  t.match(await rotOf(short, end), { message: /the index has applied the log up to byte \d+ of segment 1/ });
  t.match(await rotOf(new SimulatedDisk(), end), { message: /the index has applied/ });
});

t.test('Opening: a later segment proves an earlier one, its header too', async (t) => {
  const grown = async (): Promise<SimulatedDisk> => {
    const disk = new SimulatedDisk();
    const { kml } = await openLog(disk);
    for (let at = 0; at < 4; at++) kml.append([Buffer.alloc(3000, at + 1)]);
    await kml.whenDurable(4);
    return disk;
  };
  const body = await grown();
  body.flipBit(segmentName(2), 500);
  t.match(await rotOf(body), {
    segment: 2,
    position: SEGMENT_HEADER_BYTES,
    message: /00000003\.seg says that it is sound up to/,
  });
  const head = await grown();
  head.flipBit(segmentName(2), 20);
  t.match(await rotOf(head), { segment: 2, position: 0 });
  const gone = await grown();
  await gone.remove(segmentName(2));
  t.match(await rotOf(gone), { segment: 2, message: /names it as the one before, and older segments are there/ });
});

t.test(
  'Opening: a newest segment whose header rots is refused when a batch in it proves that it was there',
  async (t) => {
    const disk = new SimulatedDisk();
    await (await openLog(disk)).kml.close();
    const { kml } = await openLog(disk);
    kml.append(group('a'));
    await kml.whenDurable(1);
    disk.flipBit(segmentName(2), 30);
    t.match(await rotOf(disk), { segment: 2, position: 0 });
    const first = await threeBatches();
    first.disk.flipBit(segmentName(1), 9);
    t.match(await rotOf(first.disk), { segment: 1, position: 0 });
  },
);

t.test('Opening: a segment that was begun and never came to be is removed', async (t) => {
  const { disk } = await threeBatches();
  const file = await disk.create(segmentName(2));
  await file.writeDurable([Buffer.alloc(30, 1)], 0);
  const { kml, records } = await openLog(disk);
  t.equal(records.size, 3);
  t.equal(kml.currentSegment, 3);
  t.notOk((await disk.list('kml')).includes('00000002.seg'));
});

t.test('Opening: what a failed sync left in the cache alone is not taken for durable', async (t) => {
  const { disk } = await threeBatches();
  const { kml } = await openLog(disk);
  kml.append(group('kept'));
  await kml.whenDurable(4);
  disk.fail('sync', 1, 'EIO');
  kml.append(group('unsure'));
  await t.rejects(Promise.resolve(kml.whenDurable(5)), { name: 'KmlWedgedError' });
  await kml.close();
  const again = await openLog(disk);
  t.equal(again.records.get(4), 'kept');
  const after = await openLog(disk.powerCut(seededRandom(1)));
  t.same([...after.records], [...again.records], 'a power cut takes back nothing that was seen');
});

t.test('a copy of the log inside of file data proves nothing', async (t) => {
  const { disk: other } = await threeBatches();
  const disk = new SimulatedDisk();
  // Another log, whose id is another one, that holds the first one's bytes at the very positions where they lay.
  const { kml } = await openLog(disk, { random: seededRandom(2) });
  const copy = other.content(segmentName(1)).subarray(SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + 8);
  kml.append([copy]);
  await kml.whenDurable(1);
  disk.flipBit(segmentName(1), SEGMENT_HEADER_BYTES + BATCH_HEADER_BYTES + 8);
  const { records } = await openLog(disk);
  t.equal(records.size, 0, 'a torn tail');
});

t.test('what is not this log is refused with the cure', async (t) => {
  const { disk } = await threeBatches();
  await t.rejects(openLog(disk, { networkId: Buffer.alloc(16, 9) }), {
    name: 'KmlFormatError',
    message: /belongs to network 0123/,
  });
  const header = { number: 1, networkId: NETWORK, previous: 0, previousEnd: 0, nextLsn: 1, logId: Buffer.alloc(8) };
  const place = async (name: string, format: number): Promise<SimulatedDisk> => {
    const newer = new SimulatedDisk();
    await newer.makeDirectory('kml');
    const file = await newer.create(name);
    await file.writeDurable([encodeSegmentHeader({ ...header, format })], 0);
    return newer;
  };
  await t.rejects(openLog(await place(segmentName(1), KML_FORMAT + 1)), {
    message: /has format 2.*use the program that wrote it/,
  });
  await t.rejects(openLog(await place(segmentName(4), KML_FORMAT)), { message: /says that it is segment 1/ });
  const other = encodeSegmentHeader({ ...header, number: 2, previous: 1, format: KML_FORMAT });
  await (await disk.create(segmentName(2))).writeDurable([other], 0);
  await t.rejects(openLog(disk), { name: 'KmlFormatError', message: /belong to different logs/ });
});

t.test('an index that ends before the oldest segment does not belong to this log', async (t) => {
  const disk = new SimulatedDisk();
  const { kml } = await openLog(disk);
  const marks: LogMark[] = [];
  for (let at = 0; at < 4; at++) {
    kml.append([Buffer.alloc(3000)]);
    await kml.whenDurable(at + 1);
    marks.push(kml.durableMark);
  }
  await kml.dropOldest(1);
  await kml.dropOldest(2);
  const { records } = await openLog(disk, { from: marks[1]! });
  t.same([...records.keys()], [3, 4], 'one that ends just there does');
  await t.rejects(openLog(disk, { from: marks[0]! }), { name: 'KmlFormatError', message: /Move the index away/ });
});
