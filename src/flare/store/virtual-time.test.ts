import { createHash } from 'node:crypto';
import t from 'tap';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import { VirtualTime } from '../../base/virtual-clock.ts';
import { inlineIndexHost } from '../index/inline-host.ts';
import { openStore } from './open.ts';
import { FILE, ROOT } from './testing/harness.ts';

/** What a run of a store on virtual time alone leaves: how long it took, and a digest of its log. */
async function run(seed: number): Promise<string> {
  const time = new VirtualTime();
  const random = seededRandom(seed);
  const clock = time.clock();
  const disk = new SimulatedDisk({ clock });
  disk.delays = { read: 0.1, write: 0.5, sync: 5, name: 0.2 };
  const opening = openStore({ disk, clock, random, boot: true, indexHost: ({ disk }) => inlineIndexHost({ disk }) });
  const store = await time.settle(opening, 10_000);
  const client = async (name: string): Promise<void> => {
    for (let n = 0; n < 10; n++) {
      await new Promise<void>((resolve) => void clock.after(random.below(20), resolve));
      await store.create(ROOT, store.root(), `${name}${n}`, FILE);
    }
  };
  await time.settle(Promise.all(['a', 'b', 'c'].map(client)), 10_000);
  await time.settle(store.close(), 10_000);
  const digest = createHash('sha256');
  const segments = await time.settle(disk.list('kml'), 1000);
  for (const name of segments.sort()) digest.update(disk.content(`kml/${name}`));
  return `${time.now} µs ${digest.digest('hex')}`;
}

t.test('a store on virtual time: the same seed, the same log, byte for byte, in the same time', async (t) => {
  const first = await run(7);
  t.match(first, /^[0-9]{6,} µs/, 'its time is that of the disk');
  for (let n = 0; n < 5; n++) t.equal(await run(7), first);
  t.not(await run(8), first);
});
