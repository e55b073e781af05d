import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { openKml } from '../kml/kml.ts';
import type { Kml } from '../kml/types.ts';
import { compareIndexes } from './compare.ts';
import { type InlineIndexHost, inlineIndexHost } from './inline-host.ts';
import { change, recordOf } from './testing/records.ts';

/** Opens index and log as a volcano does: the index first, then the log from the index's mark on. */
async function open(disk: SimulatedDisk): Promise<{ host: InlineIndexHost; kml: Kml }> {
  const host = await inlineIndexHost({ disk });
  const kml = await openKml({
    disk,
    logger: silentLogger,
    networkId: Buffer.alloc(16),
    segmentBytes: 4096,
    from: host.applied,
    onBatch: (batch) => host.apply(batch),
  });
  kml.onDurable((batch) => host.apply(batch));
  return { host, kml };
}

t.test(
  'power cut at any step: index and log come back together, and the index equals one rebuilt from the log',
  async (t) => {
    for (let seed = 0; seed < 150; seed++) {
      const random = seededRandom(seed);
      const disk = new SimulatedDisk();
      disk.stopAt(random.below(120));
      let answered = 0;
      try {
        const { host, kml } = await open(disk);
        for (let at = 1; at <= 25; at++) {
          const notes = [change.note('last', String(at)), change.note(`n${at % 5}`, 'x'.repeat(at * 10))];
          const { lsn } = kml.append([recordOf(notes, { number: at })]);
          await kml.whenDurable(lsn);
          answered = at;
          if (at % 4 === 0) await host.checkpoint();
        }
      } catch (error) {
        if (!/EPOWER/.test(String(error))) throw error;
      }
      const after = disk.powerCut(random);
      const { host, kml } = await open(after);
      const last = Number(host.reader.note('last')?.value.toString() ?? 0);
      if (last < answered) t.fail(`seed ${seed}: ${answered} was answered, ${last} is there`);
      const rebuilt = await inlineIndexHost();
      for (const { number } of kml.segments()) for await (const batch of kml.walkSegment(number)) rebuilt.apply(batch);
      t.same(compareIndexes(host.database, rebuilt.database), [], `seed ${seed}`);
      await host.close();
      await rebuilt.close();
    }
  },
);

t.test('a checkpoint that rots is passed over', async (t) => {
  const disk = new SimulatedDisk();
  const one = await open(disk);
  await one.kml.whenDurable(one.kml.append([recordOf([change.note('a', '1')])]).lsn);
  await one.host.checkpoint();
  disk.flipBit('index-1.image', 5000);
  const two = await open(disk);
  t.equal(two.host.reader.note('a')?.value.toString(), '1', 'the log has it');
});
