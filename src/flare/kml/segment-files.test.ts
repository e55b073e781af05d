import t from 'tap';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { KmlReadError } from './errors.ts';
import { RECORD_HEADER_BYTES, recordCrc, segmentName } from './format.ts';
import { HOT_BLOCKS_MAX, OPEN_FILES_MAX, type PieceOfRecord, SegmentFiles } from './segment-files.ts';

/** A record. */
function record(payload: Buffer): Buffer {
  const header = Buffer.alloc(RECORD_HEADER_BYTES);
  header.writeUInt32BE(payload.length, 0);
  header.writeUInt32BE(recordCrc(payload), 4);
  return Buffer.concat([header, payload]);
}

/** The first bytes of the record that each segment has. */
function piece(segment: number, length: number): PieceOfRecord {
  return { segment, position: RECORD_HEADER_BYTES, length, lead: 0, end: 4096 };
}

/** A disk with segments that hold a record of their own number. */
async function disk(count: number): Promise<SimulatedDisk> {
  const made = new SimulatedDisk();
  await made.makeDirectory('kml');
  for (let number = 1; number <= count; number++) {
    await (await made.create(segmentName(number))).writeDurable(
      [record(Buffer.from(segmentName(number))), Buffer.alloc(4096)],
      0,
    );
  }
  return made;
}

t.test('files that are open are bounded, whatever is read', async (t) => {
  const files = new SegmentFiles(await disk(OPEN_FILES_MAX + 20));
  const reads: Promise<Buffer>[] = [];
  for (let number = 1; number <= OPEN_FILES_MAX + 20; number++)
    reads.push(Promise.resolve(files.read(piece(number, 16))));
  for (const [at, bytes] of (await Promise.all(reads)).entries()) t.equal(bytes.toString(), segmentName(at + 1));
  t.equal(files.openFiles, OPEN_FILES_MAX);
  t.equal((await files.read(piece(1, 16))).toString(), segmentName(1), 'one that was closed is opened again');
  files.closeAll();
  t.equal(files.openFiles, 0);
});

t.test('what is remembered as being in the cache is bounded, and is read at once', async (t) => {
  const files = new SegmentFiles(await disk(1));
  await files.read(piece(1, 4));
  t.type(files.read(piece(1, 4)), Buffer);
  for (let block = 0; block < HOT_BLOCKS_MAX + 10; block++) files.touch(2, block * 64 * 1024, 1);
  t.equal(files.hotBlocks, HOT_BLOCKS_MAX);
  t.type(files.read(piece(1, 4)), Promise, 'the least recently used is forgotten');
});

t.test('a file that is missing or too short is a read error that says which', async (t) => {
  const files = new SegmentFiles(await disk(1));
  await t.rejects(Promise.resolve(files.read(piece(2, 4))), KmlReadError);
  await t.rejects(Promise.resolve(files.read({ ...piece(1, 9000), end: 10_000 })), {
    message: /9000 bytes at byte 8 of segment 1: .* has only 4120 of/,
  });
  await t.rejects(Promise.resolve(files.read(piece(2, 4))), KmlReadError, 'again, when it failed before');
});
