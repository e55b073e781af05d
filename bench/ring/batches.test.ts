import t from 'tap';
import { silentLogger } from '../../src/base/logger.ts';
import { openDisk } from '../../src/base/system-disk.ts';
import { openKml } from '../../src/flare/kml/kml.ts';
import { BatchCounter, CountWatch } from './batches.ts';

t.test('batches are counted as they come, over several segments', async (t) => {
  const directory = t.testdir();
  const disk = await openDisk(directory);
  const kml = await openKml({ disk, logger: silentLogger, networkId: Buffer.alloc(16), segmentBytes: 64 * 1024 });
  const counter = new BatchCounter(directory);
  let durable = 0;
  kml.onDurable(() => {
    durable += 1;
  });
  for (let round = 0; round < 20; round++) {
    const { lsn } = kml.append([Buffer.alloc(9000, round)]);
    await kml.whenDurable(lsn);
    if (round % 7 === 0) t.equal(counter.count(), durable);
  }
  t.ok(kml.segments().length > 2, 'there are several segments');
  t.equal(counter.count(), durable);
  await kml.close();
});

t.test('growth between two moments', async (t) => {
  let count = 5;
  const watch = new CountWatch(() => count);
  const began = Number(process.hrtime.bigint()) / 1000;
  count = 12;
  watch.stop();
  t.equal(watch.between(began - 1e6, began + 1e9), 7);
});
