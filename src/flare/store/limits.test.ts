import t from 'tap';
import { SEGMENT_BYTES_DEFAULT } from '../kml/kml.ts';
import { DEFAULT_LIMITS, limitsOfDisk } from './limits.ts';

const MIB = 2 ** 20;

t.test('a small disk has a small reserve and small segments, a large one the defaults', async (t) => {
  const { reserveBytes, compactionMinBytes, checkpointBytes, checkpointUnits } = DEFAULT_LIMITS;
  const { pendingUnits, flushUnits, flushBytes } = DEFAULT_LIMITS;
  t.same(limitsOfDisk(2 ** 42), {
    reserveBytes,
    compactionMinBytes,
    checkpointBytes,
    checkpointUnits,
    pendingUnits,
    flushUnits,
    flushBytes,
    segmentBytes: SEGMENT_BYTES_DEFAULT,
  });
  t.same(limitsOfDisk(1024 * MIB), {
    reserveBytes: 64 * MIB,
    compactionMinBytes: 64 * MIB,
    checkpointBytes: 8 * MIB,
    checkpointUnits: 4096,
    pendingUnits: 4096,
    flushUnits: 1024,
    flushBytes: 2 * MIB,
    segmentBytes: 16 * MIB,
  });
  const { segmentBytes, ...least } = limitsOfDisk(MIB);
  t.same(least, {
    reserveBytes: 16 * MIB,
    compactionMinBytes: 16 * MIB,
    checkpointBytes: 2 * MIB,
    checkpointUnits: 1024,
    pendingUnits: 1024,
    flushUnits: 256,
    flushBytes: MIB / 2,
  });
  t.equal(segmentBytes, 4 * MIB);
});
