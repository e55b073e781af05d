import t from 'tap';
import { SLOW_SYNC_MS } from '../flare/kml/sync-times.ts';
import { diskLines } from './ring.ts';

const WELL = {
  ...{ load: 0, capacityBytes: 0, freeBytes: 0, availableBytes: 0, flares: 0, lagRecords: 0, uptimeSeconds: 0 },
  ...{ syncMs: 4, damaged: 0, repaired: 0, protocol: 1 },
};

t.test('magma ring names a disk that is slow, and one that has forgotten something', async (t) => {
  t.same(diskLines('gromit', WELL), []);
  t.same(diskLines('gromit', { ...WELL, syncMs: SLOW_SYNC_MS - 1 }), []);
  t.same(diskLines('gromit', { ...WELL, syncMs: 900, damaged: 3, repaired: 2 }), [
    'slow disk on gromit: a sync takes 900 ms',
    'DAMAGE on the disk of gromit: 3 records of its log, 2 of which came anew from another volcano',
  ]);
});
