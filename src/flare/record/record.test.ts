import fc from 'fast-check';
import t from 'tap';
import { keyBytes, ROOT_KEY } from '../keys.ts';
import type { Attributes } from '../types.ts';
import { dataPosition, dataPositionOf, decodeOutcome, decodeRecord, encodeOutcome, encodeRecord } from './codec.ts';
import { RECORD_HEAD_BYTES, recordHead } from './head.ts';
import { DATA_MAX, OUTCOME_MAX, RECORD_MAX, UNDO_EXTENTS_MAX } from './limits.ts';
import { NO_BYTES } from './pack.ts';
import { ChangeTypeSchema, type Extent, type LogRecord, OperationSchema } from './schema.ts';

const id = { key: keyBytes(ROOT_KEY), generation: 7 };

function writeRecord(extents: readonly Extent[] = [], bytes: Buffer = NO_BYTES): LogRecord {
  const covered = { complete: true, extents };
  return {
    slice: 42,
    epoch: 1,
    number: 2 ** 53 - 1,
    time: 1_600_000_000_000_000,
    commit: 0,
    place: 0,
    groupSize: 1,
    operation: OperationSchema.write,
    replay: null,
    changes: [{ type: ChangeTypeSchema.data, data: { id, offset: 2 ** 49, covered, bytes } }],
  };
}

t.test(
  'Data that is put in place is encoded as the codec itself would, and found where it is said to lie',
  async (t) => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000, size: 'max' }), (data) => {
        const bytes = Buffer.from(data);
        const encoded = encodeRecord(writeRecord(), data);
        const decoded = decodeRecord(encoded);
        const at = dataPosition(decoded, encoded.length)!;
        return (
          encoded.equals(encodeRecord(writeRecord([], bytes))) &&
          at === dataPositionOf(encoded.length, data.length) &&
          encoded.subarray(at, at + data.length).equals(bytes)
        );
      }),
    );
    t.equal(dataPosition({ ...writeRecord(), changes: [] }, 100), null, 'a record without data');
  },
);

t.test('What all records begin with is read from its place without decoding', async (t) => {
  const whole: LogRecord = { ...writeRecord(), epoch: 2 ** 40 + 3, number: 2 ** 50 + 7, place: 2, groupSize: 5 };
  const { slice, epoch, number, place, groupSize } = whole;
  t.same(recordHead(encodeRecord(whole)), { slice, epoch, number, place, groupSize, base: false });
  t.equal(recordHead(encodeRecord({ ...whole, operation: OperationSchema.base })).base, true);
  t.equal(encodeRecord({ ...whole, changes: [] }).length, RECORD_HEAD_BYTES + 8, 'the replay and the changes follow');
  t.throws(() => recordHead(Buffer.alloc(RECORD_HEAD_BYTES - 1)), RangeError);
});

t.test('The largest record is within RECORD_MAX', async (t) => {
  const extent = { offset: 1, length: 1, segment: 1, position: 1 };
  const record = writeRecord(new Array<Extent>(UNDO_EXTENTS_MAX).fill(extent));
  t.ok(encodeRecord(record, Buffer.alloc(DATA_MAX)).length < RECORD_MAX);
});

t.test('An outcome comes back the same, within OUTCOME_MAX', async (t) => {
  const time = { seconds: 2 ** 33, nanoseconds: 999_999_999 };
  const attributes: Attributes = {
    key: ROOT_KEY,
    generation: 3,
    type: 1,
    mode: 0o7777,
    nlink: 65_000,
    uid: 2 ** 32 - 1,
    gid: 5,
    size: 2 ** 50,
    used: 9,
    major: 8,
    minor: 7,
    fileid: 2 ** 32 - 1,
    atime: time,
    mtime: time,
    ctime: time,
    version: 2 ** 53 - 1,
    parent: { key: ROOT_KEY, generation: 1 },
    share: 65_535,
  };
  t.same(decodeOutcome(encodeOutcome(attributes)), attributes);
  t.ok(encodeOutcome(attributes).length <= OUTCOME_MAX);
  t.equal(decodeOutcome(encodeOutcome(null)), null);
});
