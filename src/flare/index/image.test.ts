import t from 'tap';
import { silentLogger } from '../../base/logger.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { checkIndex, Rebuild } from '../check/rebuild.ts';
import { openKml } from '../kml/kml.ts';
import type { Kml } from '../kml/types.ts';
import { DEFAULT_LIMITS } from '../store/limits.ts';
import { type InlineIndexHost, inlineIndexHost } from './inline-host.ts';
import { change, recordOf } from './testing/records.ts';

/** Opens index and log as a volcano does: the index first, then the log from the index's mark on. */
async function open(disk: SimulatedDisk, seed: number): Promise<{ host: InlineIndexHost; kml: Kml; rebuild: Rebuild }> {
  const host = await inlineIndexHost({ disk });
  const rebuild = new Rebuild(host, { ...DEFAULT_LIMITS, flushBytes: seed % 2 === 0 ? 0 : 700 });
  const kml = await openKml({
    disk,
    logger: silentLogger,
    networkId: Buffer.alloc(16),
    segmentBytes: 4096,
    from: host.applied,
    onBatch: (batch) => rebuild.batch(batch),
  });
  kml.onDurable((batch) => rebuild.batch(batch));
  return { host, kml, rebuild };
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
        const { host, kml } = await open(disk, seed);
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
      const { host, kml, rebuild } = await open(after, seed);
      await rebuild.done();
      const last = Number(host.reader.note('last')?.value.toString() ?? 0);
      if (last < answered) t.fail(`seed ${seed}: ${answered} was answered, ${last} is there`);
      t.same(await checkIndex(kml, host.database), { differences: [], faults: [] }, `seed ${seed}`);
      await host.close();
    }
  },
);

t.test('a checkpoint that rots is passed over', async (t) => {
  const disk = new SimulatedDisk();
  const one = await open(disk, 0);
  await one.kml.whenDurable(one.kml.append([recordOf([change.note('a', '1')])]).lsn);
  await one.host.checkpoint();
  disk.flipBit('index-1.image', 5000);
  const two = await open(disk, 0);
  await two.rebuild.done();
  t.equal(two.host.reader.note('a')?.value.toString(), '1', 'the log has it');
});
