import t from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { SEGMENT_HEADER_BYTES, segmentName } from './format.ts';
import { SegmentWriter } from './segment-writer.ts';

const header = {
  number: 1,
  networkId: Buffer.alloc(16),
  previous: 0,
  previousEnd: 0,
  nextLsn: 1,
  logId: Buffer.alloc(8),
};

t.test('architecture.md, Segments: a position once written is never written again: attempts are refused', async (t) => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory('kml');
  const writer = await SegmentWriter.create(disk, header, Buffer.alloc(8, 1));
  const end = SEGMENT_HEADER_BYTES + 8;
  await writer.write(Buffer.alloc(8, 2), end, 4096);
  const before = disk.content(segmentName(1));
  for (const position of [0, SEGMENT_HEADER_BYTES, end, end + 7, end + 16]) {
    await t.rejects(writer.write(Buffer.alloc(8, 3), position, 4096), {
      message: /refused to write byte \d+ of kml\/00000001\.seg/,
    });
  }
  t.same(disk.content(segmentName(1)), before);
  await t.rejects(SegmentWriter.create(disk, header, null), { code: 'EEXIST' });
});

t.test('a write that failed may have left something: it is not tried again', async (t) => {
  const disk = new SimulatedDisk();
  await disk.makeDirectory('kml');
  const writer = await SegmentWriter.create(disk, header, null);
  disk.fail('write', 1, 'EIO');
  await t.rejects(writer.write(Buffer.alloc(8), SEGMENT_HEADER_BYTES, 4096), { code: 'EIO' });
  await t.rejects(writer.write(Buffer.alloc(8), SEGMENT_HEADER_BYTES, 4096), { message: /refused/ });
});
