import fc from 'fast-check';
import t from 'tap';
import type { Disk } from '../../base/disk.ts';
import { seededRandom } from '../../base/random.ts';
import { SimulatedDisk } from '../../base/simulated-disk.ts';
import type { KmlOptions } from './kml.ts';
import { group, openLog } from './testing/harness.ts';
import { slowZeros, type ZerosDisk } from './testing/zeros-disk.ts';
import type { LogMark } from './types.ts';

/** What a load knows of one group when the power goes. */
interface Sent {
  readonly lsns: readonly number[];
  readonly texts: readonly string[];
  answered: boolean;
}

/** Runs a load until it ends or the power goes; the groups that it sent. `sizes` is the length of each record of each group. */
async function runLoad(
  disk: Disk,
  sizes: readonly (readonly number[])[],
  options: Partial<KmlOptions> = {},
): Promise<Sent[]> {
  const sent: Sent[] = [];
  try {
    const { kml } = await openLog(disk, options);
    const waits: Promise<void>[] = [];
    for (const [at, lengths] of sizes.entries()) {
      const texts = lengths.map((length, place) => `${at}.${place}:`.padEnd(length, 'x'));
      const { firstLsn, lsn } = kml.append(group(...texts));
      const one: Sent = { lsns: texts.map((_, place) => firstLsn + place), texts, answered: false };
      sent.push(one);
      const wait = Promise.resolve(kml.whenDurable(lsn)).then(
        () => {
          one.answered = true;
        },
        () => {},
      );
      waits.push(wait);
      // Every third group waits for its answer, so that some batches hold one group and others several.
      if (at % 3 === 2) await wait;
    }
    await Promise.all(waits);
    await kml.close();
  } catch (error) {
    if ((error as { code?: string }).code !== 'EPOWER' && !/EPOWER/.test(String(error))) throw error;
  }
  return sent;
}

/** Names what is wrong with a log that should hold those groups; null when nothing is. */
function findFault(records: ReadonlyMap<number, string>, sent: readonly Sent[]): string | null {
  let lastLsn = 0;
  for (const { lsns, texts, answered } of sent) {
    const there = lsns.filter((lsn, place) => records.get(lsn) === texts[place]).length;
    if (answered && there < lsns.length) return `answered and lost: records ${lsns}`;
    if (there !== 0 && there !== lsns.length) return `half a group: ${there} of records ${lsns}`;
    if (there > 0 && lsns[0] !== lastLsn + 1) return `records ${lsns} came through without those before`;
    if (there > 0) lastLsn = lsns.at(-1)!;
  }
  return records.size === lastLsn ? null : `${records.size} records, of which ${lastLsn} were sent`;
}

/** Cuts the power at that step of the load, and checks the log that comes back, twice, and that it goes on. */
async function cutAndCheck(
  sizes: readonly (readonly number[])[],
  step: number,
  seed: number,
  options: Partial<KmlOptions> = {},
  disk = new SimulatedDisk(),
): Promise<string | null> {
  const random = seededRandom(seed);
  disk.stopAt(step);
  const sent = await runLoad(disk, sizes, options);
  let after = disk.powerCut(random);
  const first = await openLog(after);
  const fault = findFault(first.records, sent);
  if (fault !== null) return fault;
  const { lsn } = first.kml.append(group('more'));
  await first.kml.whenDurable(lsn);
  after = after.powerCut(random);
  const second = await openLog(after);
  if (second.records.get(lsn) !== 'more') return `what was answered after the first power cut was lost: record ${lsn}`;
  second.records.delete(lsn);
  if (findFault(second.records, sent) !== null) return `opened a second time: ${findFault(second.records, sent)}`;
  const third = await openLog(after.powerCut(random), { from: first.kml.durableMark });
  return third.records.size === 0 ? null : 'the walk from the mark handed over what the mark covers';
}

const SCRIPT = [[40], [700, 20], [1500], [10, 10, 10], [2000], [600], [5000, 30], [100], [3000], [50, 1200]];

t.test(
  'architecture.md, Segments: power cut at every step of a load: nothing answered is lost, no group is half there',
  async (t) => {
    const whole = new SimulatedDisk();
    const sent = await runLoad(whole, SCRIPT);
    t.ok(
      sent.every(({ answered }) => answered),
      'the load itself passes',
    );
    for (let step = 0; step <= whole.steps; step++) {
      for (let seed = 0; seed < 8; seed++) {
        const fault = await cutAndCheck(SCRIPT, step, step * 100 + seed);
        if (fault !== null) t.fail(`step ${step}, seed ${step * 100 + seed}: ${fault}`);
      }
    }
  },
);

t.test('the same while room is laid out ahead, and with batches that reach into it', async (t) => {
  const options = { segmentBytes: 12_288 };
  const random = seededRandom(1);
  const load = Array.from({ length: 36 }, (_, at) => [at % 9 === 8 ? 1800 : 50 + random.below(250)]);
  let laid = 0;
  const slow = (seed: number): ZerosDisk => {
    const disk = slowZeros(seededRandom(seed), 6);
    const { zeros } = disk;
    disk.zeros = (write) =>
      zeros((buffers, position) => {
        laid++;
        return write(buffers, position);
      });
    return disk;
  };
  const whole = slow(0);
  await runLoad(whole, load, options);
  t.ok(laid > 3, `room is laid out ${laid} times`);
  for (let step = 0; step <= whole.steps; step++) {
    for (let seed = 0; seed < 3; seed++) {
      const fault = await cutAndCheck(load, step, step * 100 + seed, options, slow(seed));
      if (fault !== null) t.fail(`step ${step}, seed ${step * 100 + seed}: ${fault}`);
    }
  }
});

t.test('the same with any load, step and chance', async () => {
  const sizes = fc.array(fc.array(fc.integer({ min: 8, max: 2500 }), { minLength: 1, maxLength: 4 }), {
    maxLength: 12,
  });
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(120), fc.nat(), async (load, step, seed) => {
      const fault = await cutAndCheck(load, step, seed);
      if (fault !== null) throw new Error(fault);
    }),
    { numRuns: 150 },
  );
});

t.test('power cuts while the log is being opened, one after the other', async (t) => {
  for (let seed = 0; seed < 60; seed++) {
    const random = seededRandom(seed);
    let disk = new SimulatedDisk();
    const sent = await runLoad(disk, SCRIPT.slice(0, 5));
    let mark: LogMark | null = null;
    for (let round = 0; round < 6; round++) {
      disk = disk.powerCut(random);
      disk.stopAt(random.below(13));
      const opened = await openLog(disk).catch((error: Error) => error);
      if (!(opened instanceof Error)) mark = opened.kml.durableMark;
      else if (!opened.message.includes('EPOWER')) t.fail(`seed ${seed}: ${opened.message}`);
    }
    const last = await openLog(disk.powerCut(random));
    t.equal(findFault(last.records, sent), null, `seed ${seed}, last opened at ${mark?.segment}`);
  }
});
