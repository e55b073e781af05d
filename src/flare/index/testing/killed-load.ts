import { silentLogger } from '../../../base/logger.ts';
import { openDisk } from '../../../base/system-disk.ts';
import { Rebuild } from '../../check/rebuild.ts';
import { openKml } from '../../kml/kml.ts';
import { DEFAULT_LIMITS } from '../../store/limits.ts';
import { threadedIndexHost } from '../threaded-host.ts';
import { change, recordOf } from './records.ts';

/*
 * A process that sets notes as fast as it can, and prints each number once it is durable, until it is killed: `node killed-load.ts DIRECTORY FIRST`.
 */

const [path, first] = process.argv.slice(2) as [string, string];
const disk = await openDisk(path);
if ((await disk.lock()) === null) throw new Error('the last one still holds the lock');
const host = await threadedIndexHost({ disk, logger: silentLogger });
// Now and then.
const rebuild = new Rebuild(host, { ...DEFAULT_LIMITS, flushBytes: 5000 });
const kml = await openKml({
  disk,
  logger: silentLogger,
  networkId: Buffer.alloc(16),
  segmentBytes: 64 * 1024,
  from: host.applied,
  onBatch: (batch) => rebuild.batch(batch),
});
kml.onDurable((batch) => rebuild.batch(batch));
for (let number = Number(first); ; number++) {
  const pair = [change.note('one', String(number)), change.note(`note ${number % 50}`, 'x'.repeat(number % 2000))];
  kml.append([recordOf(pair, { number }), recordOf([change.note('two', String(number))], { number })]);
  await kml.whenDurable(kml.nextLsn - 1);
  process.stdout.write(`${number}\n`);
  if (number % 40 === 0) await host.checkpoint();
}
